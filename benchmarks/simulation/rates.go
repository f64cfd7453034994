package simulation

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

const categories = 5

// categoryShares are those of a column's categories in the whole; the last is counted exactly where a slice has few events.
var categoryShares = [categories]float64{0.40, 0.30, 0.18, 0.10, 0.02}

// usuallyMissing of every other column; of the rest nothing is.
const usuallyMissing = 0.02

// categoryEdges cut the standard normal law into the categories: what moves a column of numbers moves its categories.
var categoryEdges = func() (e [categories - 1]float64) {
	below := 0.
	for b := range e {
		below += categoryShares[b]
		e[b] = stat.NormalQuantile(below)
	}
	return e
}()

// rateCounts are one column of one slice in one hour.
type rateCounts struct {
	missing int32
	bins    [categories]int32
}

// ratesTraffic is the hourly counts of one model of categorical columns, by slice.
type ratesTraffic struct {
	n      [][len(sliceShares)]int64
	counts [][len(sliceShares)][slicedColumns]rateCounts
}

// generateRates draws hours of traffic as generateSliced does, of categories and of values that are missing, whose share moves by a wander and a season of its own.
func (p *Process) generateRates(seed uint64, rate int64, hours int, change *Change) *ratesTraffic {
	rng := rand.New(rand.NewPCG(seed, 0x8EBC6AF09C88C6E3))
	out := &ratesTraffic{n: make([][len(sliceShares)]int64, hours), counts: make([][len(sliceShares)][slicedColumns]rateCounts, hours)}
	mean, width, slow := newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.SlowRho, false)
	var own, ownWidth [len(sliceShares)]*wanderer
	var level [len(sliceShares)][slicedColumns]float64
	for j := range own {
		own[j], ownWidth[j] = newWanderer(rng, p.Rho, p.Heavy), newWanderer(rng, p.Rho, p.Heavy)
		for k := range level[j] {
			level[j][k] = sliceLevel * rng.NormFloat64()
		}
	}
	phase, swing := p.seasons(rng, slicedColumns)
	cumulated := make([]float64, categories)
	cumulated[categories-1] = 1
	for t := range hours {
		mean.step(rng)
		width.step(rng)
		slow.step(rng)
		all := float64(p.events(rng, rate, t))
		for j, share := range sliceShares {
			own[j].step(rng)
			ownWidth[j].step(rng)
			n := poissonMany(rng, all*share)
			out.n[t][j] = n
			for k := range slicedColumns {
				mu, ls := p.at(t, k, mean.u[k]+sliceOwn*own[j].u[k], width.u[k]+sliceOwn*ownWidth[j].u[k], slow.u[k], swing[k], mean.signs[k], &phase[k])
				mu += level[j][k]
				for b, e := range categoryEdges {
					cumulated[b] = stat.NormalCDF(e - mu)
				}
				missing := 0.
				if k%2 == 1 {
					missing = stat.ShareAt(usuallyMissing, ls)
				}
				if change != nil && (j == changed || change.Everywhere) && t >= change.From[k] {
					cumulated[0] = max(cumulated[0]-change.Moved, 0)
					missing += change.Missing
				}
				c := &out.counts[t][j][k]
				c.missing = int32(binomial(rng, n, missing))
				multinomial(rng, n-int64(c.missing), cumulated, c.bins[:])
			}
		}
	}
	return out
}

// of are the counts of a slice in an hour; past the slices, of the whole.
func (t *ratesTraffic) of(hour, slice int) (n int64, out []sequential.Counts) {
	from, to := slice, slice+1
	if slice == len(sliceShares) {
		from, to = 0, slice
	}
	out = make([]sequential.Counts, slicedColumns)
	for k := range out {
		out[k].Bins = make([]int64, categories)
	}
	for j := from; j < to; j++ {
		n += t.n[hour][j]
		for k := range out {
			c := &t.counts[hour][j][k]
			out[k].N += t.n[hour][j]
			out[k].Missing += int64(c.missing)
			for b, m := range c.bins {
				out[k].Bins[b] += int64(m)
			}
		}
	}
	return n, out
}

// rates does for categories and missing values what sliced does for columns of numbers.
func (j *Job) rates(p *Process, change *Change) (*Result, error) {
	if change != nil {
		for k := range slicedColumns {
			change.From = append(change.From, HistoryHours+j.onset(k))
		}
	}
	hours := slicedHours(change)
	t := p.generateRates(j.Seed, j.Rate, hours, change)
	alarms, err := runSliced(slicedSpec(sequential.Categorical, change != nil), hours, t.of)
	if err != nil {
		return nil, err
	}
	return j.ofSliced(alarms, change), nil
}
