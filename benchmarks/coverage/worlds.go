package coverage

import "github.com/plumbline-ml/plumbline/internal/stat"

// worlds are the populations, in a fixed order.
func worlds(alpha float64) []world {
	common := newBinary(-1, 1.3, 0.2, 0.8, 0.4)
	rare := newBinary(-4.4, 1.4, 0.3, 0.9, 0.05)
	fit := newBinary(-1, 1.3, 0, 1, 0.4)
	less := binnedAs(-1, -1.4, 1.3, -0.1, 1, 0.4)
	prices := stat.Costs{FP: 40, FN: 90, TP: -10, TN: 0.5}
	return []world{
		binaryWorld("base rate 32 %, miscalibrated", common, alpha),
		binaryWorld("base rate 4 %, miscalibrated", rare, alpha),
		binaryWorld("base rate 31 %, calibrated", fit, alpha),
		classWorld("classes of 40, 30, 20, 10 %", newClasses([]float64{0.4, 0.3, 0.2, 0.1}, 2, 1.3, 1), alpha),
		classWorld("classes of 60, 37, 3 %", newClasses([]float64{0.6, 0.37, 0.03}, 2, 0.8, 2), alpha),
		numberWorld("errors with 10 degrees of freedom", newPairs(10, 1), alpha),
		numberWorld("errors with 4 degrees of freedom", newPairs(4, 2), alpha),
		groupWorld("30 % against 70 %, unlike", less, common, 0.3, alpha),
		groupWorld("30 % against 70 %, alike", common, common, 0.3, alpha),
		strataWorld("Simpson's", [][4]float64{{0.5, 0.7, 0.3, 0.2}, {0.5, 0.3, 0.7, 0.6}}, alpha),
		mutualWorld("no proxy", []float64{0.3, 0.3, 0.2, 0.1, 0.1}, []float64{0.3, 0.3, 0.2, 0.1, 0.1}, 0.4, alpha),
		mutualWorld("weak proxy", []float64{0.35, 0.3, 0.15, 0.12, 0.08}, []float64{0.28, 0.28, 0.24, 0.1, 0.1}, 0.4, alpha),
		mutualWorld("strong proxy", []float64{0.6, 0.2, 0.1, 0.05, 0.05}, []float64{0.1, 0.2, 0.3, 0.3, 0.1}, 0.4, alpha),
		moneyWorld("base rate 32 %", common, prices, 40, alpha),
		moneyWorld("base rate 4 %", rare, prices, 45, alpha),
	}
}
