package concept

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	bins    = 20
	dayUS   = int64(86_400_000_000)
	history = 28
)

// model draws outcomes whose logit is a + b times that of the score, and scores around a mean.
type model struct {
	perDay     int
	mean, sd   float64
	a, b       float64
	prior      float64 // share of positives whose score is drawn as of a positive of the plain model; 0: scores first
	day        float64 // sd of a shift that all outcomes of a day share
	autocorrel float64
}

func (m *model) draw(rng *rand.Rand, day int, shared *float64) Day {
	c := sketch.NewCurve(bins)
	*shared = m.autocorrel**shared + math.Sqrt(1-m.autocorrel*m.autocorrel)*m.day*rng.NormFloat64()
	add := func(x float64, y bool) {
		s := stat.Expit(x)
		fixed, _ := sketch.ScoreFixed(s)
		c.Label(min(int(s*bins), bins-1), fixed, s >= 0.5, y, 1)
	}
	for range m.perDay {
		for {
			x := m.mean + m.sd*rng.NormFloat64()
			y := rng.Float64() < stat.Expit(m.a+m.b*x+*shared)
			if m.prior > 0 { // keep positives and negatives in the shares asked for: scores of either kind stay as they are
				keep := m.prior
				if !y {
					keep = 1 - m.prior
				}
				if rng.Float64() > keep {
					continue
				}
			}
			add(x, y)
			break
		}
	}
	return Day{Start: int64(day) * dayUS, End: int64(day+1) * dayUS, Hours: 24, Curve: c}
}

func plain() model { return model{perDay: 600, mean: -0.5, sd: 1.5, b: 1} }

func run(t testing.TB, seed uint64, before, after model, days int) (*Stream, []Alarm, int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 7))
	var shared float64
	var ref []Day
	for d := range history {
		ref = append(ref, before.draw(rng, d, &shared))
	}
	n, err := Learn(ref)
	if err != nil {
		t.Fatal(err)
	}
	s := Follow(n, 4*730/0.15, 1)
	var alarms []Alarm
	recovered := 0
	for d := range days {
		day := after.draw(rng, history+d, &shared)
		step, err := s.Advance(&day)
		if err != nil {
			t.Fatal(err)
		}
		if step.Alarm != nil {
			alarms = append(alarms, *step.Alarm)
		}
		if step.Recovered {
			recovered++
		}
	}
	return s, alarms, recovered
}

// A shift of .3 logit is found in 600/I days, as one alarm, and dated; a slope of a third is called what it is.
func TestFound(t *testing.T) {
	shifted, flat := plain(), plain()
	shifted.a = 0.3
	flat.b = 1. / 3
	shifted.perDay, flat.perDay = 200, 200
	reference := plain()
	reference.perDay = 200
	for _, c := range []struct {
		name  string
		after model
		most  float64 // days times information
	}{{".3 logit up", shifted, 600}, {"logit x 3", flat, 600}} {
		var total float64
		misnamed := 0
		const seeds = 20
		for seed := range uint64(seeds) {
			s, alarms, _ := run(t, seed, reference, c.after, 60)
			if len(alarms) == 0 {
				t.Errorf("%s, seed %d: not found in 60 days", c.name, seed)
				continue
			}
			a := alarms[0]
			total += float64(a.At/dayUS-history) * s.Null().Information() / seeds
			if len(alarms) > 1 {
				t.Errorf("%s, seed %d: told %d times", c.name, seed, len(alarms))
			}
			if d := a.Onset/dayUS - history; d < -7 || d > 14 {
				t.Errorf("%s, seed %d: dated %d days after the change", c.name, seed, d)
			}
			if a.Change.Kind != ConceptDrift && (c.after.b != 1 || a.Change.Kind != Undecided) {
				misnamed++
				t.Logf("%s, seed %d: %s", c.name, seed, a.Change.Kind)
			}
			if c.after.b != 1 && math.Abs(a.Change.Slope-c.after.b) > 4*a.Change.SlopeSE {
				t.Errorf("seed %d: slope %.3f +- %.3f, want %.3f", seed, a.Change.Slope, a.Change.SlopeSE, c.after.b)
			}
			if c.after.b == 1 && math.Abs(a.Change.Shift-c.after.a) > 4*a.Change.ShiftSE {
				t.Errorf("seed %d: shift %.3f +- %.3f, want %.3f", seed, a.Change.Shift, a.Change.ShiftSE, c.after.a)
			}
		}
		if misnamed > seeds/10 {
			t.Errorf("%s: %d of %d are called otherwise", c.name, misnamed, seeds)
		}
		if total > c.most {
			t.Errorf("%s: found after %.0f/I days, want %.0f", c.name, total, c.most)
		}
		t.Logf("%s: found after %.0f/I days on average", c.name, total)
	}
}

// What is tolerated, standing or shared by the days of the reference raises nothing in two years.
func TestSilent(t *testing.T) {
	standing, tolerated, clumped := plain(), plain(), plain()
	standing.a, standing.b = 0.4, 1.35
	tolerated.a = 0.08
	clumped.day, clumped.autocorrel = 0.2, 0.5
	for _, c := range []struct {
		name          string
		before, after model
		most          int // in six years
	}{{"calibrated", plain(), plain(), 0}, {"standing", standing, standing, 0}, {"tolerated", plain(), tolerated, 2}, {"days that share a shift", clumped, clumped, 4}} {
		n := 0
		for seed := range uint64(3) {
			_, alarms, _ := run(t, seed, c.before, c.after, 730)
			n += len(alarms)
		}
		if n > c.most {
			t.Errorf("%s: %d alarms", c.name, n)
		}
		t.Logf("%s: %d alarms in six years", c.name, n)
	}
}

// The kinds are told apart by counts.
func TestExplain(t *testing.T) {
	moved, prior, concept := plain(), plain(), plain()
	moved.mean = 0.3
	prior.prior = 0.7
	concept.a = 0.6
	for _, c := range []struct {
		after model
		want  Kind
	}{{plain(), NoChange}, {moved, InputDrift}, {prior, PriorShift}, {concept, ConceptDrift}} {
		wrong := 0
		for seed := range uint64(20) {
			rng := rand.New(rand.NewPCG(seed, 9))
			var shared float64
			var ref []Day
			before := plain()
			for d := range history {
				ref = append(ref, before.draw(rng, d, &shared))
			}
			n, err := Learn(ref)
			if err != nil {
				t.Fatal(err)
			}
			now := sketch.NewCurve(bins)
			for d := range 5 {
				day := c.after.draw(rng, d, &shared)
				if err := now.Merge(day.Curve); err != nil {
					t.Fatal(err)
				}
			}
			if got := n.Explain(now); got.Kind != c.want {
				wrong++
				t.Logf("seed %d: %q, want %q: %+v", seed, got.Kind, c.want, got)
			}
		}
		if wrong > 2 {
			t.Errorf("%q: %d of 20 wrong", c.want, wrong)
		}
	}
}

// A factor is at most 1 on average for every tolerated map: the expectation over all outcomes of small days is taken exactly, bin by bin for shifts.
func TestFactorsOfShiftsAreHonest(t *testing.T) {
	n := &Null{Map: stat.Map{A: 0.2, B: 1.1, SEA: 0.02, SEB: 0.02}, Dispersion: 1}
	for _, x := range []float64{-3, -1, 0, 2} {
		for _, k := range []int{1, 3, 10} {
			for _, share := range []float64{-1, -0.5, 0, 0.7, 1} { // of the tolerance
				eta := n.Map.A + n.Map.B*x
				p := stat.Expit(eta + share*n.tolerated(x))
				var mean [bets]float64
				for pos := range k + 1 {
					lnL := n.bet([]cell{{float64(k), float64(pos), x, eta}})
					w := binomial(k, pos, p)
					for i, l := range lnL {
						mean[i] += w * math.Exp(l)
					}
				}
				for i, m := range mean {
					if m > 1+1e-9 {
						t.Errorf("x %g, %d outcomes, %g of the tolerance: bet %d has %.6f on average", x, k, share, i, m)
					}
				}
			}
		}
	}
}

func binomial(n, k int, p float64) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

// The supremum is never below a grid's best, and hardly above it.
func TestSupremum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var cells []cell
		for range rapid.IntRange(1, 8).Draw(t, "bins") {
			k := rapid.IntRange(1, 400).Draw(t, "n")
			cells = append(cells, cell{n: float64(k), pos: float64(rapid.IntRange(0, k).Draw(t, "pos")), eta: rapid.Float64Range(-6, 6).Draw(t, "eta")})
		}
		da, db := rapid.Float64Range(0.01, 0.5).Draw(t, "da"), rapid.Float64Range(0.01, 0.5).Draw(t, "db")
		best := math.Inf(-1)
		for i := range 81 {
			for j := range 81 {
				best = max(best, likelihood(cells, da*float64(i-40)/40, 1+db*float64(j-40)/40))
			}
		}
		got := supremum(cells, da, db)
		if got < best-1e-9 {
			t.Fatalf("%.9f, and a grid has %.9f", got, best)
		}
		_, _, iaa, iab, ibb := slope(cells, 0, 1)
		if slack := 0.01 + (iaa*da*da+2*math.Abs(iab)*da*db+ibb*db*db)/1000; got > best+slack {
			t.Fatalf("%.9f, and a grid has %.9f, allowed is %.4f more", got, best, slack)
		}
	})
}

// A restart doesn't show: bytes are what was written, and the rest of the days comes to the same.
func TestState(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var shared float64
	before, after := plain(), plain()
	after.a = 0.8
	var ref []Day
	for d := range history {
		ref = append(ref, before.draw(rng, d, &shared))
	}
	n, err := Learn(ref)
	if err != nil {
		t.Fatal(err)
	}
	r := wire.NewReader(n.AppendBinary(nil))
	same, err := ReadNull(bins, r)
	if err != nil || r.Close() != nil {
		t.Fatal(err)
	}
	one, other := Follow(n, 1000, 0.5), Follow(same, 1000, 0.5)
	for d := range 40 {
		m := &after
		if d > 20 {
			m = &before
		}
		day := m.draw(rng, history+d, &shared)
		if _, err := one.Advance(&day); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Advance(&day); err != nil {
			t.Fatal(err)
		}
		was := other.AppendBinary(nil)
		if !bytes.Equal(one.AppendBinary(nil), was) {
			t.Fatalf("day %d: they part", d)
		}
		other = Follow(same, 1000, 0.5)
		r := wire.NewReader(was)
		if err := other.Read(r); err != nil || r.Close() != nil {
			t.Fatalf("day %d: %v", d, err)
		}
	}
	if one.Open() {
		t.Error("it is open, 19 days after it was over")
	}
}

// What is read is what would be written, or is refused; nothing panics.
func FuzzRead(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	var shared float64
	m := plain()
	m.perDay = 60
	var ref []Day
	for d := range history {
		ref = append(ref, m.draw(rng, d, &shared))
	}
	n, err := Learn(ref)
	if err != nil {
		f.Fatal(err)
	}
	s := Follow(n, 1000, 1)
	m.a = 1
	for d := range 10 {
		day := m.draw(rng, history+d, &shared)
		_, err := s.Advance(&day)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(s.AppendBinary(nil))
	}
	f.Add(n.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		if got, err := ReadNull(bins, r); err == nil && r.Close() == nil && !bytes.Equal(got.AppendBinary(nil), b) {
			if again, err := ReadNull(bins, wire.NewReader(got.AppendBinary(nil))); err != nil || again.Labels() != got.Labels() {
				t.Errorf("%x is written otherwise", b)
			}
		}
		at := Follow(n, 1000, 1)
		r = wire.NewReader(b)
		if err := at.Read(r); err != nil || r.Close() != nil {
			return
		}
		day := Day{Start: math.MaxInt64 - 2*dayUS, End: math.MaxInt64 - dayUS, Hours: 24, Curve: ref[0].Curve}
		if _, err := at.Advance(&day); err != nil && at.end < day.Start {
			t.Error(err)
		}
	})
}

// Days that no outcomes could have made change nothing, and so does an old one.
func TestRefused(t *testing.T) {
	s, _, _ := run(t, 1, plain(), plain(), 3)
	was := s.AppendBinary(nil)
	damaged := sketch.NewCurve(bins)
	damaged.Labels[2], damaged.Pos[2] = 3, 5
	late := int64(history) * dayUS
	for _, d := range []Day{
		{Start: 1 << 60, End: 1<<60 + dayUS, Hours: 24, Curve: damaged},
		{Start: late, End: late + dayUS, Hours: 24, Curve: sketch.NewCurve(bins)},
		{Start: 1 << 60, End: 1<<60 + dayUS, Hours: 24, Curve: sketch.NewCurve(bins + 1)},
	} {
		if _, err := s.Advance(&d); err == nil {
			t.Errorf("%+v is taken", d)
		}
	}
	if !bytes.Equal(was, s.AppendBinary(nil)) {
		t.Error("a day that was refused shows")
	}
	if _, err := Learn(nil); err == nil {
		t.Error("nothing teaches something")
	}
}

// What would be found in so many days is what it takes.
func TestDetectable(t *testing.T) {
	s, _, _ := run(t, 2, plain(), plain(), 1)
	for _, days := range []float64{7, 30} {
		e := s.Detectable(days)
		if got := s.Takes(e); math.Abs(got-days) > 0.01*days {
			t.Errorf("%.3f logits take %.2f days, want %g", e, got, days)
		}
	}
	if s.Detectable(7) <= s.Detectable(30) || s.Detectable(30) <= Tolerance {
		t.Errorf("%.3f in 7 days, %.3f in 30", s.Detectable(7), s.Detectable(30))
	}
	if !math.IsInf(s.Takes(0.05), 1) {
		t.Error("what is tolerated is found")
	}
}
