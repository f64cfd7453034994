package simulation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// A sliced model has fewer columns than others, and slices of these shares of its traffic.
const slicedColumns = 20

var sliceShares = [...]float64{0.40, 0.25, 0.12, 0.08, 0.05, 0.04, 0.03, 0.015, 0.01, 0.005}

// changed is the slice that a drift is planted in.
const changed = 3

const (
	// sliceLevel is how far the slices' means lie from the whole's, as a standard deviation, in the whole's.
	sliceLevel = 0.3
	// sliceOwn is how much of the whole's natural wander each slice has of its own, beside the whole's.
	sliceOwn = 0.5
)

// slicedTraffic is the hourly counts of one model, by slice.
type slicedTraffic struct {
	n      [][len(sliceShares)]int64                      // by hour
	counts [][len(sliceShares)][slicedColumns][bins]int32 // by hour
}

// generateSliced draws hours of traffic at rate events per hour. change, if there is one, is planted in one slice, per column from its hour on.
func (p *Process) generateSliced(seed uint64, rate int64, hours int, change *Change) *slicedTraffic {
	rng := rand.New(rand.NewPCG(seed, 0xA0761D6478BD642F))
	out := &slicedTraffic{n: make([][len(sliceShares)]int64, hours), counts: make([][len(sliceShares)][slicedColumns][bins]int32, hours)}
	mean, width, slow := newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.SlowRho, false)
	var own [len(sliceShares)]*wanderer
	var level [len(sliceShares)][slicedColumns]float64
	for j := range own {
		own[j] = newWanderer(rng, p.Rho, p.Heavy)
		for k := range level[j] {
			level[j][k] = sliceLevel * rng.NormFloat64()
		}
	}
	sign := mean.signs
	phase, swing := p.seasons(rng, slicedColumns)
	cumulated := make([]float64, bins)
	cumulated[bins-1] = 1
	for t := range hours {
		mean.step(rng)
		width.step(rng)
		slow.step(rng)
		all := float64(p.events(rng, rate, t))
		for j, share := range sliceShares {
			own[j].step(rng)
			n := int64(poisson(rng, all*share))
			out.n[t][j] = n
			for k := range slicedColumns {
				mu, ls := p.at(t, k, mean.u[k]+sliceOwn*own[j].u[k], width.u[k], slow.u[k], swing[k], sign[k], &phase[k])
				mu += level[j][k]
				if change != nil && j == changed && t >= change.From[k] {
					mu += change.Mean
				}
				inverse := math.Exp(-ls)
				for b, e := range edges {
					cumulated[b] = stat.NormalCDF((e - mu) * inverse)
				}
				multinomial(rng, n, cumulated, out.counts[t][j][k][:])
			}
		}
	}
	return out
}

// sliceAlarm is an alarm of one column, of a slice, or of the whole (-1).
type sliceAlarm struct {
	alarm
	slice int
}

// runSliced is what a detector does of a model with slices: the whole learns and judges, and every slice by its null, with panes of its own. of are the
// counts of a slice in an hour; past the slices, of the whole.
func runSliced(s sequential.Spec, hours int, of func(hour, slice int) (int64, []sequential.Counts)) ([]sliceAlarm, error) {
	var out []sliceAlarm
	followed := make([]*sequential.Slice, len(sliceShares))
	gathers := make([]sequential.Gather, len(sliceShares)+1)
	learnt := make([][]sequential.Pane, len(sliceShares)+1)
	whole := len(sliceShares)
	var engine *sequential.Engine
	for at := range hours {
		monitored := at - HistoryHours
		start := int64(at) * hourMicros
		for j := whole; j >= 0; j-- { // the whole first
			n, counts := of(at, j)
			pane, done, err := gathers[j].Add(start, start+hourMicros, n, counts)
			if err != nil {
				return nil, err
			}
			if monitored < 0 {
				if done {
					learnt[j] = append(learnt[j], pane)
				}
				continue
			}
			if monitored == 0 {
				if j == whole {
					engine, err = sequential.Learn(s, learnt[j])
				} else if len(learnt[j]) >= 14 {
					followed[j], err = sequential.LearnSlice(engine, fmt.Sprint(j), drift.OfSlices/float64(len(sliceShares)), learnt[j])
				}
				if err != nil {
					return nil, err
				}
			}
			if !done || j < whole && followed[j] == nil {
				continue
			}
			var step sequential.Step
			if j == whole {
				step, err = engine.Advance(&pane)
			} else {
				step, err = followed[j].Advance(&pane)
			}
			if err != nil {
				return nil, err
			}
			for _, a := range step.Alarms {
				k, err := strconv.Atoi(a.Stream)
				if err != nil {
					return nil, err
				}
				slice := j
				if j == whole {
					slice = -1
				}
				out = append(out, sliceAlarm{alarm{monitored + 1, k, a.Joint}, slice})
			}
		}
	}
	return out, nil
}

// of are the counts of a slice in an hour; past the slices, of the whole.
func (t *slicedTraffic) of(hour, slice int) (n int64, out []sequential.Counts) {
	from, to := slice, slice+1
	if slice == len(sliceShares) {
		from, to = 0, slice
	}
	out = make([]sequential.Counts, slicedColumns)
	for j := from; j < to; j++ {
		n += t.n[hour][j]
		for k := range out {
			if out[k].Bins == nil {
				out[k].Bins = make([]int64, bins)
			}
			out[k].N += t.n[hour][j]
			for b, c := range t.counts[hour][j][k] {
				out[k].Bins[b] += int64(c)
			}
		}
	}
	return n, out
}

// The methods of models with slices.
const (
	ofWhole  = "plumbline, the whole"
	ofSlices = "plumbline, slices"
)

// sliced counts false alarms of a model with slices, or measures how long a drift in one of them takes to be told of it.
func (j *Job) sliced(p *Process, change *Change) (*Result, error) {
	hours := slicedHours(change)
	t := p.generateSliced(j.Seed, j.Rate, hours, change)
	alarms, err := runSliced(slicedSpec(sequential.Numeric, change != nil), hours, t.of)
	if err != nil {
		return nil, err
	}
	return j.ofSliced(alarms, change), nil
}

// slicedHours is how long a model with slices is simulated.
func slicedHours(change *Change) int {
	if change != nil {
		return HistoryHours + 2*dayHours + horizonHours
	}
	return HistoryHours + monitoredHours
}

// slicedSpec is what the whole of a model with slices is watched for: the slices have the share of the budget that they have in services.
func slicedSpec(kind sequential.Kind, alone bool) sequential.Spec {
	s := sequential.Spec{Budget: 1, Alone: alone}
	for k := range slicedColumns {
		s.Streams = append(s.Streams, sequential.Stream{
			Name: fmt.Sprint(k), Kind: kind, Weight: (1 - drift.OfSlices) / slicedColumns, Floors: sequential.DefaultFloors(),
		})
	}
	return s
}

// ofSliced is what alarms of a model with slices come to: false ones, or the delay of a change.
func (j *Job) ofSliced(alarms []sliceAlarm, change *Change) *Result {
	r := &Result{Job: *j, Months: monitoredHours / 730., Columns: slicedColumns}
	if change == nil {
		var both, whole, parts []alarm
		for _, a := range alarms {
			both = append(both, a.alarm)
			if a.slice < 0 {
				whole = append(whole, a.alarm)
			} else {
				parts = append(parts, a.alarm)
			}
		}
		r.False = map[string]int{Engine: counted(whole) + len(parts), Grouped: grouped(both), ofWhole: counted(whole), ofSlices: len(parts)}
		return r
	}
	r.Delays = map[string][]int{ofWhole: notFound(slicedColumns), ofSlices: notFound(slicedColumns)}
	for _, a := range alarms {
		method := ofWhole
		switch a.slice {
		case changed:
			method = ofSlices
		case -1:
		default:
			continue
		}
		foundAfter(&r.Delays[method][a.column], a.hour-(change.From[a.column]-HistoryHours), horizonHours)
	}
	return r
}
