package simulation

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/concept"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Meaning is a model whose scores' meaning is followed: outcomes whose logit is Bias + Slope logit(score), and scores whose logit is normal. It has
// slices of the shares of other sliced models.
type Meaning struct {
	Name   string
	PerDay int // outcomes
	// Bias and Slope are in the reference already; Shared is a shift that all outcomes of a day share, its standard deviation, with Again as its correlation with
	// the day before; Late is a shift that only comes with monitoring, and is tolerated.
	Bias, Slope, Shared, Again, Late float64
}

// Meanings are the models without drift, and MeaningDrifts what is planted in the first two.
var (
	Meanings = []Meaning{
		{Name: "calibrated, 600/day", PerDay: 600, Slope: 1},
		{Name: "calibrated, 2000/day", PerDay: 2000, Slope: 1},
		{Name: "calibrated, 60/day", PerDay: 60, Slope: 1},
		{Name: "outcomes of a day alike (sd .2), 600/day", PerDay: 600, Slope: 1, Shared: 0.2},
		{Name: "and of the days before (.6), 600/day", PerDay: 600, Slope: 1, Shared: 0.2, Again: 0.6},
		{Name: "bias of .05, and days alike (sd .05), 600/day", PerDay: 600, Slope: 1, Shared: 0.05, Late: 0.05},
		{Name: "standing bias of .5, 600/day", PerDay: 600, Bias: 0.5, Slope: 1},
		{Name: "standing slope of 1.35, 600/day", PerDay: 600, Slope: 1.35},
	}
	MeaningDrifts = []MeaningDrift{
		{Name: "bias .3", Bias: 0.3, Slope: 1},
		{Name: "bias .5", Bias: 0.5, Slope: 1},
		{Name: "logit x 3", Slope: 1, Sharper: 3},
		{Name: "bias .5 in 8 %", Bias: 0.5, Slope: 1, InSlice: true},
		{Name: "bias 1 in 8 %", Bias: 1, Slope: 1, InSlice: true},
		{Name: "half the outcomes flipped in 8 %", Slope: 1, Flipped: 0.5, InSlice: true},
	}
)

// MeaningDrift is a change of what scores mean, from some day on.
type MeaningDrift struct {
	Name        string
	Bias, Slope float64
	Sharper     float64 // scores whose logit is so many times what it was, outcomes as before; 0: as they were
	Flipped     float64 // share of outcomes that are turned round
	InSlice     bool    // in one slice only
}

const (
	meaningBins    = 50
	meaningHistory = 28  // days
	meaningWatch   = 365 // days without drift
	meaningFind    = 60  // days with one
)

// meaningDay are a day's outcomes by slice.
type meaningDay [len(sliceShares)]*sketch.Curve

// draw draws a day.
func (m *Meaning) draw(rng *rand.Rand, shared float64, watched bool, change *MeaningDrift) (out meaningDay) {
	for j := range out {
		out[j] = sketch.NewCurve(meaningBins)
		here := change
		if change != nil && change.InSlice && j != changed {
			here = nil
		}
		for range poisson(rng, float64(m.PerDay)*sliceShares[j]) {
			x := -1 + 1.2*rng.NormFloat64()
			logit := m.Bias + m.Slope*x + shared
			if watched {
				logit += m.Late
			}
			flip := 0.
			if here != nil {
				logit = here.Bias + here.Slope*logit
				flip = here.Flipped
				if here.Sharper > 0 {
					x *= here.Sharper
				}
			}
			p := stat.Expit(logit)
			p += flip * (1 - 2*p)
			s := stat.Expit(x)
			fixed, _ := sketch.ScoreFixed(s)
			// Bins of one mass of the reference's scores.
			bin := min(int(meaningBins*stat.NormalCDF((x+1)/1.2)), meaningBins-1)
			out[j].Label(bin, fixed, s >= 0.5, rng.Float64() < p, 1)
		}
	}
	return out
}

// meaning runs a model: every alarm of the whole and of slices, as services would raise it with a budget of one false page and one false ticket a month.
func (j *Job) meaning() (*Result, error) {
	m := &Meanings[slices.IndexFunc(Meanings, func(m Meaning) bool { return m.Name == j.Meaning })]
	var change *MeaningDrift
	watch := meaningWatch
	if j.Change != "" {
		change = &MeaningDrifts[slices.IndexFunc(MeaningDrifts, func(d MeaningDrift) bool { return d.Name == j.Change })]
		watch = meaningFind
	}
	rng := rand.New(rand.NewPCG(j.Seed, 0x8CB92BA72F3D8DD7))
	shared := 0.
	const dayMicros = dayHours * hourMicros
	next := func(at int, planted *MeaningDrift) []concept.Day {
		shared = m.Again*shared + math.Sqrt(1-m.Again*m.Again)*m.Shared*rng.NormFloat64()
		drawn := m.draw(rng, shared, at >= meaningHistory, planted)
		days := make([]concept.Day, 1+len(drawn))
		for k := range days {
			days[k] = concept.Day{Start: int64(at) * dayMicros, End: int64(at+1) * dayMicros, Hours: dayHours, Curve: sketch.NewCurve(meaningBins)}
		}
		for k, c := range drawn {
			days[k+1].Curve = c
			if err := days[0].Curve.Merge(c); err != nil {
				panic(err) // curves of one number of bins
			}
		}
		return days
	}
	reference := make([][]concept.Day, 1+len(sliceShares))
	for at := range meaningHistory {
		for k, d := range next(at, nil) {
			reference[k] = append(reference[k], d)
		}
	}
	spec := sequential.Spec{Budget: drift.OfCalibration}
	streams := make([]*concept.Stream, len(reference))
	for k := range reference {
		null, err := concept.Learn(reference[k])
		if err != nil {
			continue // a slice of too few
		}
		weight := drift.OfSlices / float64(len(sliceShares))
		if k == 0 {
			weight = 1 - drift.OfSlices
		}
		streams[k] = concept.Follow(null, spec.Threshold(), weight)
	}
	whole := streams[0]
	if whole == nil {
		return nil, fmt.Errorf("%s: nothing is learnt", m.Name)
	}
	r := &Result{Job: *j, Months: float64(watch) * dayHours / 730, Columns: 1, Numbers: map[string]float64{
		informationRow: whole.Null().Information(), dispersionRow: whole.Null().Dispersion,
	}}
	if v := whole.Detectable(30); !math.IsInf(v, 0) {
		r.Numbers[detectableRow] = v
	}
	if s := streams[changed+1]; s != nil && !math.IsInf(s.Detectable(30), 0) {
		r.Numbers[detectableSliceRow] = s.Detectable(30)
	}
	first := make([]int, len(streams))
	for k := range first {
		first[k] = -1
	}
	for day := range watch {
		days := next(meaningHistory+day, change)
		if change != nil && change.Sharper > 0 && !whole.Open() {
			r.Numbers[claimsRow] += claims(whole.Null(), days[0].Curve)
		}
		open := slices.ContainsFunc(streams, func(s *concept.Stream) bool { return s != nil && s.Open() })
		for k, s := range streams {
			if s == nil {
				continue
			}
			step, err := s.Advance(&days[k])
			if err != nil {
				return nil, err
			}
			if step.Alarm == nil {
				continue
			}
			if first[k] < 0 {
				first[k] = day + 1
			}
			r.Numbers["alarms"]++
			if !open {
				r.Numbers["incidents"]++
				open = true
			}
		}
	}
	if change == nil {
		r.False = map[string]int{Engine: int(r.Numbers["alarms"]), Grouped: int(r.Numbers["incidents"])}
		return r, nil
	}
	r.Numbers["found"], r.Numbers["slice"] = float64(first[0]), float64(first[changed+1])
	for k, d := range first {
		if k > 0 && k != changed+1 && d >= 0 && change.InSlice {
			r.Numbers["others"]++
		}
	}
	return r, nil
}

// claims is 1 where what is expected of a day's AUC lies below the reference's by more than the band and .005.
func claims(n *concept.Null, now *sketch.Curve) float64 {
	cal, ok := n.Calibration()
	if !ok {
		return 0
	}
	is, ok := cal.Expect(now.Labels, 0, n.Dispersion)
	was, ok2 := cal.Expect(n.Curve.Labels, 0, 1)
	if !ok || !ok2 {
		return 0
	}
	a, _ := is.ROCAUC()
	b, _ := was.ROCAUC()
	if a.Value+stat.NormalQuantile(0.975)*a.SE < b.Value-0.005 {
		return 1
	}
	return 0
}

// The rows of models whose scores' meaning is followed.
const (
	meaningRow         = "calibration: "
	informationRow     = meaningRow + "information per day"
	dispersionRow      = meaningRow + "dispersion"
	detectableRow      = meaningRow + "smallest shift found in 30 days, logits"
	detectableSliceRow = detectableRow + ", slice of 8 %"
	claimsRow          = meaningRow + "days on which a fall in AUC is claimed before the alarm"
	foundMeaningRow    = meaningRow + "found in 60 days: "
	namedMeaningRow    = meaningRow + "the slice is named in 60 days: "
	othersMeaningRow   = meaningRow + "another slice is named in 60 days: "
	medianMeaningRow   = meaningRow + "median days of what is found: "
	timesMeaningRow    = meaningRow + "mean days times information per day: "
)

// meaningJobs are the jobs of models whose scores' meaning is followed.
func (g *Grid) meaningJobs() (out []Job) {
	if !g.Meaning {
		return nil
	}
	rounds := int(g.Months*730/(meaningWatch*dayHours) + 0.999)
	for i, m := range Meanings {
		for n := range rounds {
			out = append(out, Job{Version: Version, Meaning: m.Name, Seed: g.Seed + uint64(1000*i+n)})
		}
		for k, d := range MeaningDrifts {
			if i > 1 || i == 1 && !d.InSlice || i == 0 && d.InSlice && d.Bias == 0.5 {
				continue
			}
			for n := range 5 * g.Repeats {
				out = append(out, Job{Version: Version, Meaning: m.Name, Seed: g.Seed + uint64(1000*i+100_000*(k+1)+n), Change: d.Name})
			}
		}
	}
	return out
}

// meaningRows sums up the results of one model and change.
func meaningRows(change, process string, results []*Result, seed uint64) (out []Row) {
	n := float64(len(results))
	var months float64
	sums := map[string]float64{}
	var days []int
	var found, named, others int64
	var times float64
	for _, r := range results {
		months += r.Months
		for name, v := range r.Numbers {
			sums[name] += v
		}
		at := r.Numbers["found"]
		if strings.HasSuffix(change, "in 8 %") {
			at = r.Numbers["slice"]
		}
		if at > 0 {
			found++
			days = append(days, int(at))
			times += at * r.Numbers[informationRow]
		} else {
			times += meaningFind * r.Numbers[informationRow]
		}
		if r.Numbers["slice"] > 0 {
			named++
		}
		if r.Numbers["others"] > 0 {
			others++
		}
	}
	one := func(name string, v float64) {
		out = append(out, Row{name, process, Engine, v, v, nil, months, seed})
	}
	share := func(name string, k int64) {
		lo, hi := stat.Wilson(k, int64(len(results)), 0.05)
		out = append(out, Row{name + change, process, Engine, float64(k) / n, lo, &hi, months, seed})
	}
	if change == "" {
		for _, name := range []string{informationRow, dispersionRow, detectableRow, detectableSliceRow} {
			if v := sums[name] / n; v > 0 && !math.IsInf(v, 0) {
				one(name, v)
			}
		}
		return out
	}
	if strings.HasSuffix(change, "in 8 %") {
		share(namedMeaningRow, named)
		share(othersMeaningRow, others)
	} else {
		share(foundMeaningRow, found)
		one(timesMeaningRow+change, times/n)
	}
	if mid, _, _ := medianLimits(days); len(days) > 0 {
		one(medianMeaningRow+change, mid)
	}
	if change == "logit x 3" {
		one(claimsRow, sums[claimsRow])
	}
	return out
}

// PrintMeaning prints them.
func PrintMeaning(w io.Writer, rows []Row) {
	begun := false
	for _, r := range rows {
		if !strings.HasPrefix(r.Row, meaningRow) {
			continue
		}
		if !begun {
			fmt.Fprintf(w, "\nWhat scores mean (%d days of history, ten slices, budget 1)\n", meaningHistory)
			begun = true
		}
		hi := ""
		if r.High != nil && *r.High != r.Value {
			hi = fmt.Sprintf(" (%.3g-%.3g)", r.Low, *r.High)
		}
		name := strings.TrimPrefix(r.Row, meaningRow)
		if r.Method != Engine {
			name += ", " + strings.TrimPrefix(r.Method, Engine+", ")
		}
		fmt.Fprintf(w, "%-47s %-70s %.3g%s   %.0f months\n", r.Process, name, r.Value, hi, r.Months)
	}
}
