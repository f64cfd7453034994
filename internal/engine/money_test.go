package engine_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// priced gives windows all panes and cohorts of w, views included, and returns the longest.
func (w *world) priced(tb testing.TB) engine.WindowSnapshot {
	tb.Helper()
	p := w.start()
	ws := engine.NewWindows()
	epochs := interleave(w.epochs(24))
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		for _, pane := range p.engine.TakeEnded() {
			if err := ws.Pane(w.plan, pane); err != nil {
				tb.Fatal(err)
			}
		}
		for _, co := range p.engine.TakeCohorts() {
			known, err := engine.Known(w.plan, func(dims, codes []int) (truth.Counts, error) { return co.Revised(w.plan, dims, codes) })
			if err != nil {
				tb.Fatal(err)
			}
			if err := ws.Cohort(w.plan, co.Start, known[0], known[1:]...); err != nil {
				tb.Fatal(err)
			}
		}
	}
	all := shown(tb, ws)
	return all[len(all)-1]
}

// What a window says of money follows from its events by hand: cost per decision and day, of the whole and by slice, the cheapest of all
// thresholds and what another point of recall costs.
func TestMoney(t *testing.T) {
	t.Parallel()
	// Scores come out far too low: with these prices a lower threshold would have been much cheaper.
	w := learn(t, busyRef, generate(21, busyRef+9, busy, func(s *sample, _ *rand.Rand) {
		if s.between(busyRef, busyRef+9) {
			s.score *= 0.6
		}
	}), costs)
	got := w.priced(t)
	if got.Truth == nil || len(got.Truth.Money) != 3 {
		t.Fatalf("%+v", got.Truth)
	}
	from, to := got.Truth.Pane.Start, got.Truth.Pane.End
	days := to.Sub(from).Hours() / 24
	for _, m := range got.Truth.Money {
		var sum float64
		var n, positives, found int
		at := func(threshold float64) (cost float64) { // a decision's, by brute force
			for i := range w.samples {
				s := w.samples[i]
				if s.at.Before(from) || !s.at.Before(to) || m.Slice["seg"] != "" && m.Slice["seg"] != s.seg {
					continue
				}
				switch decided := s.score >= threshold; {
				case decided && s.positive:
					cost -= 10
				case decided:
					cost += 40
				case s.positive:
					cost += 90
				}
			}
			return cost
		}
		for i := range w.samples {
			s := &w.samples[i]
			if s.at.Before(from) || !s.at.Before(to) || m.Slice["seg"] != "" && m.Slice["seg"] != s.seg {
				continue
			}
			sum += s.cost()
			n++
			if s.positive {
				positives++
				if s.score >= 0.5 {
					found++
				}
			}
		}
		if n < 5000 || m.Labels != int64(n) {
			t.Fatalf("%v: %d outcomes, want %d", m.Slice, m.Labels, n)
		}
		if !near(m.PerDecision.Value, sum/float64(n), 1e-9) || !near(m.PerDay.Value, sum/days, 1e-6) {
			t.Errorf("%v: %v a decision and %v a day, want %g and %g", m.Slice, m.PerDecision.Value, m.PerDay.Value, sum/float64(n), sum/days)
		}
		if !(m.PerDecision.Band[0] < m.PerDecision.Value && m.PerDecision.Value < m.PerDecision.Band[1]) || !near(m.PerDay.Band[1]/m.PerDay.Value, float64(m.PerDecision.Band[1]/m.PerDecision.Value), 1e-9) {
			t.Errorf("%v: bands %v and %v", m.Slice, m.PerDecision.Band, m.PerDay.Band)
		}
		th := m.Threshold
		if th == nil || th.Regret == nil || !th.Advise || th.Now != 0.5 || th.Few {
			t.Fatalf("%v: threshold %+v", m.Slice, th)
		}
		best := math.Inf(1)
		for _, e := range append([]float64{-1, math.Inf(1)}, w.plan.Score.Edges...) {
			best = min(best, at(math.Nextafter(e, 2)))
		}
		if cheapest := at(float64(th.Cheapest)); math.Abs(cheapest-best) > 1e-6 || !near(th.Cost, best/float64(n), 1e-9) {
			t.Errorf("%v: the cheapest edge %v costs %g, the least of all is %g; told %v", m.Slice, th.Cheapest, cheapest/float64(n), best/float64(n), th.Cost)
		}
		if !near(th.Regret.Value, (sum-best)/float64(n), 1e-9) || !(th.Regret.Band[0] > th.Floor) {
			t.Errorf("%v: regret %+v, want %g above a floor of %v", m.Slice, th.Regret, (sum-best)/float64(n), th.Floor)
		}
		// The threshold that recall's price names finds one more point of the positives, at least.
		if m.Recall == nil {
			t.Fatalf("%v: no price of recall", m.Slice)
		}
		more := 0
		for i := range w.samples {
			s := &w.samples[i]
			if !s.at.Before(from) && s.at.Before(to) && (m.Slice["seg"] == "" || m.Slice["seg"] == s.seg) && s.positive && s.score >= float64(m.Recall.Threshold) {
				more++
			}
		}
		if got := float64(more-found) / float64(positives); got < 0.01 {
			t.Errorf("%v: a threshold of %v finds %.4f more", m.Slice, m.Recall.Threshold, got)
		}
		if !(m.Recall.PerDay.Value < 0) {
			t.Errorf("%v: with scores far too low more recall pays; told %+v", m.Slice, m.Recall.PerDay)
		}
	}
}

// Where the threshold is right nothing is advised, and few outcomes say nothing.
func TestMoneyAdvisesNothingForNothing(t *testing.T) {
	t.Parallel()
	got := learn(t, busyRef, generate(22, busyRef+9, busy, nil), "costs: {currency: EUR, false_positive: 50, false_negative: 50, true_positive: 0, true_negative: 0}\ndecision: {threshold: 0.5}\n").priced(t)
	for _, m := range got.Truth.Money {
		th := m.Threshold
		if th.Advise || !(th.Band[0] <= 0.5 && (0.5 <= th.Band[1] || !th.Band[1].Valid())) || th.Pointed != 0.5 {
			t.Errorf("%v: %+v", m.Slice, th)
		}
	}
	few := learn(t, quietRef, generate(23, quietRef+2, 4, nil), costs).priced(t)
	for _, m := range few.Truth.Money {
		if !m.PerDecision.Few && m.Labels < 30 || m.Threshold != nil && m.Threshold.Advise {
			t.Errorf("%v: %d outcomes say %+v", m.Slice, m.Labels, m)
		}
	}
	none := learn(t, busyRef, generate(22, busyRef+2, busy, nil), "").priced(t)
	if none.Truth.Money != nil {
		t.Errorf("without prices %+v", none.Truth.Money)
	}
}
