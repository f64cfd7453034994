package coverage

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// moneyWorld asks for costs, the cheapest threshold and what a change of it is worth; now is the edge of the threshold in use.
func moneyWorld(scenario string, p binary, c stat.Costs, now int, alpha float64) world {
	all := p.curve(expected(p.weights))
	cost, _ := all.ExpectedCostBand(c, alpha)
	best, _ := all.CheapestEdge(c, alpha)
	regret, _ := all.CostBetween(now, best.Edge, c)
	recall, _ := all.CostOfRecall(now, 0.01, c, alpha)
	between, _ := all.CostBetween(now, now-5, c)
	w := world{task: "money", scenario: scenario, truths: []truth{
		{"expected_cost", cost.Value},
		{"cost between two edges", between.Value},
		{"cheapest edge", float64(best.Edge)},
		{"regret, lower bound alone", regret.Value},
		{"regret", regret.Value},
		{"cost of 1 % more recall", recall.Cost.Value},
	}}
	law := newAlias(p.weights)
	w.window = func(rng *rand.Rand, n int) []said {
		r := p.curve(law.counts(rng, n))
		cost, ok1 := r.ExpectedCostBand(c, alpha)
		best, ok2 := r.CheapestEdge(c, alpha)
		regret, ok3 := r.Regret(now, c, alpha)
		recall, ok4 := r.CostOfRecall(now, 0.01, c, alpha)
		between, ok5 := r.CostBetweenBand(now, now-5, c, alpha)
		lower := regret
		lower.High = math.Inf(1)
		return []said{
			of("expected_cost", cost, ok1),
			of("cost between two edges", between, ok5),
			{name: "cheapest edge", low: float64(best.Low), high: float64(best.High), few: best.Few, ok: ok2},
			of("regret, lower bound alone", lower, ok3),
			of("regret", regret, ok3),
			of("cost of 1 % more recall", recall.Cost, ok4),
		}
	}
	return w
}
