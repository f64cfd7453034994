package simulation

import "slices"

// seeds tell apart what is simulated beside the sequential engine on columns of numbers, whose seeds stay what they are.
var seeds = map[Of]uint64{Weeks: 1, Days: 2, Labels: 4, Rates: 6}

// suffixes mark the processes of what is simulated beside columns of numbers.
var suffixes = map[Of]string{
	Weeks: ", windows of a week", Days: ", windows of a day", Labels: ", label rate", Rates: ", rates of slices",
}

// changesOf are the drifts that are planted in it.
var changesOf = map[Of][]string{
	Weeks: {"mean .25 sd", slowly}, Days: {"mean .25 sd"}, Labels: {"label rate 5 pp"}, Rates: {"5 pp between categories", "missing 5 %", everywhere},
}

// labelRates are events per hour: outcomes are often few.
var labelRates = []int64{10, 100, 1000, 10_000, 100_000}

// months is how many model-months a job without drift watches.
func (of Of) months() float64 {
	switch of {
	case Weeks, Days:
		return float64(watchOf(of)) * dayHours / 730
	case Labels:
		return labelModels * monitoredHours / 730.
	default:
		return monitoredHours / 730.
	}
}

// otherJobs are the jobs that are Of something, the widest cover first: planted drifts, then one seed of everything before the second of anything.
func (g *Grid) otherJobs() (out []Job) {
	most := 0
	rounds := map[Of]int{}
	for _, of := range g.Of {
		rounds[of] = int(g.Months/of.months()/float64(len(g.ratesOf(of))) + 0.999)
		most = max(most, rounds[of])
		out = append(out, g.plantedOf(of)...)
	}
	for round := range most {
		for _, of := range g.Of {
			if round >= rounds[of] {
				continue
			}
			for _, p := range g.OfOn {
				for r, rate := range g.ratesOf(of) {
					out = append(out, Job{Version: versionOf(of), Process: p, Rate: rate, Of: of, Seed: g.Seed + uint64(1000*place(p)+100_000*r+10*round) + seeds[of]})
				}
			}
		}
	}
	return out
}

// versionOf is the Version of what else a model is watched for.
func versionOf(of Of) int {
	if of == Rates || of == Labels {
		return rareVersion
	}
	return Version
}

func (g *Grid) ratesOf(of Of) []int64 {
	if of == Labels {
		return labelRates
	}
	return g.Rates
}

// plantedOf are its planted drifts. What the rule of weeks is for shows where a wander is slow, so they are planted on all processes.
func (g *Grid) plantedOf(of Of) (out []Job) {
	for _, p := range g.OfOn {
		if len(g.Drifts) == 0 || of != Weeks && !slices.Contains(g.DriftOn, p) {
			continue
		}
		for _, rate := range g.ratesOf(of) {
			if of != Labels && rate != 1000 && rate != 100_000 {
				continue
			}
			for _, c := range changesOf[of] {
				models := uint64(1) // of a hundred columns, or a hundred models at once
				if of == Rates {
					models = Features / slicedColumns
				}
				for n := range models {
					out = append(out, Job{Version: versionOf(of), Process: p, Rate: rate, Of: of, Seed: g.Seed + uint64(place(p)) + 10*n + seeds[of], Change: c})
				}
			}
		}
	}
	return out
}
