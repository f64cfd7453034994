package simulation

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// counting watches one group by exact counts, every three hours: which part of those selected in both groups are its own, given how many were decided on in each. The null is the
// reference's ratio, and whatever is nearer to it than the tolerance, .1 and so many standard errors of the ratio; bets are on ratios beyond that by sizes; evidence is divided by the
// dispersion of the reference's days. It returns the hours after the reference at which it alarms.
func (g *Gaps) counting(seed uint64, group, hours, onset int, errors float64, sizes []float64) (alarms []int) {
	p := gapPlan()
	panes := g.draw(rand.New(rand.NewPCG(seed, 0xC2B2AE3D27D4EB4F)), p, plan.Micros(p.Reference.From), hours, onset)
	type counts struct{ k1, n1, k0, n0 float64 }
	all := make([]counts, len(panes))
	var ref counts
	for i, s := range panes {
		c := &all[i]
		for _, of := range s.Tally.By([]int{0}) {
			switch of.Codes[0] {
			case group:
				c.k1, c.n1 = float64(of.Selected), float64(of.Decided)
			case privilegedGroup:
				c.k0, c.n0 = float64(of.Selected), float64(of.Decided)
			}
		}
		if i*gapPane < gapHistory {
			ref.k1, ref.n1, ref.k0, ref.n0 = ref.k1+c.k1, ref.n1+c.n1, ref.k0+c.k0, ref.n0+c.n0
		}
	}
	home, _ := stat.LogRatio(ref.k1, ref.n1, ref.k0, ref.n0, 0)
	se := math.Sqrt(1/(ref.k1+0.5) + 1/(ref.k0+0.5))
	part := func(c *counts, ratio float64) float64 { return c.n1 * math.Exp(ratio) / (c.n1*math.Exp(ratio) + c.n0) }
	spread, days := 0., 0.
	for i := 0; i*gapPane < gapHistory; i += dayHours / gapPane {
		var d, v float64
		for j := i; j < i+dayHours/gapPane; j++ {
			c := &all[j]
			q := part(c, home)
			d += c.k1 - (c.k1+c.k0)*q
			v += (c.k1 + c.k0) * q * (1 - q)
		}
		if v > 0 {
			spread, days = spread+d*d/v, days+1
		}
	}
	dispersion := max(1, spread/days)
	tolerance := 0.1 + errors*se
	threshold := 4 * sequential.Month / (drift.OfGaps * p.Policy.Tickets * 730 / 24)
	weight := gapPane / 18. / float64(2*len(sizes))
	m := make([]float64, 2*len(sizes))
	for i := gapHistory / gapPane; i < len(all); i++ {
		c, sum := &all[i], 0.
		if c.n1 > 0 && c.n0 > 0 {
			for at := range m {
				sign := 1.
				if at%2 == 1 {
					sign = -1
				}
				near, far := part(c, home+sign*tolerance), part(c, home+sign*(tolerance+sizes[at/2]))
				l := (c.k1*math.Log(far/near) + c.k0*math.Log((1-far)/(1-near))) / dispersion
				m[at] = (m[at] + weight) * math.Exp(min(l, 5.5))
				sum += m[at]
			}
		}
		if sum >= threshold {
			alarms = append(alarms, (i+1)*gapPane-gapHistory)
			m = make([]float64, 2*len(sizes))
		}
	}
	return alarms
}

// Exact counts name more than the engine's learnt null does where few are selected (docs/fairness.md has both), and nobody without a cause: 4 false alarms in 730 models' months
// would be allowed, of which a quarter is spent.
func TestExactCountsNameMore(t *testing.T) {
	t.Parallel()
	const seeds, models, days = 40, 10, 120
	sizes := []float64{0.2, 0.5, 1}
	wrong := 0
	for _, process := range []string{"even", "all groups wander together", "each group wanders"} {
		for _, rate := range []float64{0.2, 0.05} {
			for _, group := range []int{0, 2, 3} {
				g := Gaps{Process: process, PerDay: 2000, Rate: rate, Slope: 0.25, Group: group}
				named, calm := 0, 0
				for seed := range uint64(seeds) {
					onset := gapHistory + 2*dayHours + int(seed%dayHours)
					alarms := g.counting(5000+seed, group, onset+gapDays*dayHours, onset, 0, sizes)
					if len(alarms) > 0 && alarms[len(alarms)-1]+gapHistory > onset {
						named++
					}
				}
				g.Slope = 0
				for seed := range uint64(models) {
					calm += len(g.counting(9000+seed, group, gapHistory+days*dayHours, 0, 0, sizes))
				}
				wrong += calm
				t.Logf("%s, %g %% selected, %g %% of the traffic: named in %d days in %d of %d seeds; %d false alarms in %.0f months", process, 100*rate, 100*groupShares[group], gapDays, named, seeds, calm, models*days*dayHours/730.)
				if process == "even" && group == 0 && named < seeds/2 {
					t.Errorf("%g %% selected: %d of %d", 100*rate, named, seeds)
				}
			}
		}
	}
	if wrong > 1 {
		t.Errorf("%d false alarms", wrong)
	}
}
