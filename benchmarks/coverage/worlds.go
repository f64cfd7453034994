package coverage

// Worlds are the populations, in a fixed order.
func Worlds(alpha float64) []world { //nolint:revive // what they are is for Run only
	common := newBinary(-1, 1.3, 0.2, 0.8, 0.4)
	rare := newBinary(-4.4, 1.4, 0.3, 0.9, 0.05)
	fit := newBinary(-1, 1.3, 0, 1, 0.4)
	return []world{
		binaryWorld("base rate 30 %, miscalibrated", common, alpha),
		binaryWorld("base rate 3 %, miscalibrated", rare, alpha),
		binaryWorld("base rate 28 %, calibrated", fit, alpha),
	}
}
