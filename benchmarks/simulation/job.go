package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

const (
	// monitored is how long a model without drift is watched: two months.
	monitoredHours = 1460
	// horizon is how long a planted drift has to be found.
	horizonHours = 14 * dayHours
)

// Version is raised when the engine or the simulator changes what a job would find; results of another version are not reused.
const Version = 4

// gapVersion is the same of models whose groups are compared: theirs changed alone.
const gapVersion = 5

// rareVersion is the same of models with categories or shares: theirs changed since.
const rareVersion = 5

// Job is one model: generated, learnt, watched.
type Job struct {
	Version  int
	Shuffle  Shuffle `json:",omitzero"` // of a table's rows; then there is no Process
	Process  string
	Rate     int64 // events per hour
	Seed     uint64
	Change   string   // of Changes; "" for none
	Slices   bool     `json:",omitzero"` // a model with slices
	Gaps     Gaps     `json:",omitzero"` // a model whose groups are compared; then there is no Process
	Promised Promised `json:",omitzero"` // a model with promises; then there is no Process
	Refit    bool     `json:",omitzero"` // nulls are learnt again every night from the last four weeks
	Meaning  string   `json:",omitzero"` // of Meanings: what scores mean is followed; then there is no Process
	Of       Of       `json:",omitzero"` // "": columns of numbers, by the sequential engine
}

// Of is what else a model is watched for.
type Of string

// What there is.
const (
	Weeks  Of = "weeks"  // windows of a week held against a reference of twelve
	Days   Of = "days"   // windows of a day held against a reference of four weeks
	Labels Of = "labels" // the share of positive outcomes
	Rates  Of = "rates"  // categories and missing values of models with slices
)

// horizon is how long a planted drift has to be found, in hours.
func (j *Job) horizon() int {
	if j.Of == Weeks {
		return weeksHorizon
	}
	return horizonHours
}

// Changes are the planted drifts, by name.
var Changes = map[string]Change{
	"mean .1 sd":  {Mean: 0.1},
	"mean .25 sd": {Mean: 0.25},
	"mean .5 sd":  {Mean: 0.5},
	"sd x1.25":    {Scale: 1.25},
	// The last are for what a job is Of.
	slowly:                    {Mean: 0.25, Over: 8 * weekHours},
	"label rate 5 pp":         {Share: 0.05},
	"5 pp between categories": {Moved: 0.05},
	everywhere:                {Moved: 0.05, Everywhere: true},
	"missing 5 %":             {Missing: 0.05},
	// A shift of every column by what is too small to matter, from the start of monitoring on: an alarm of it is false.
	"constant .02 sd": {Mean: 0.02},
}

const (
	// constant is the change that is no drift.
	constant = "constant .02 sd"
	// everywhere is the change of categories that the whole is to find.
	everywhere = "5 pp between categories, in all slices"
	// slowly is the change that the rule of weeks is for.
	slowly = "mean .25 sd in 8 weeks"
)

// Result is what a job found.
type Result struct {
	Job     Job
	Months  float64            `json:",omitempty"`
	False   map[string]int     `json:",omitempty"` // false incidents by method
	Share   map[string]float64 `json:",omitempty"` // of column-hours in alarm
	Delays  map[string][]int   `json:",omitempty"` // hours by method, one per column; -1 not found, -2 in alarm before
	Columns int
	Numbers map[string]float64 `json:",omitempty"` // of a model whose scores' meaning is followed
}

// The methods that are the engine's own.
const (
	Engine  = "plumbline"
	Grouped = "plumbline, incidents"
)

// Run does a job.
func (j *Job) Run() (*Result, error) {
	if j.Shuffle.Table != "" {
		return j.shuffle()
	}
	if j.Meaning != "" {
		return j.meaning()
	}
	if j.Gaps.PerDay > 0 {
		return j.gaps()
	}
	if j.Promised.PerDay > 0 {
		return j.promised()
	}
	p, err := FindProcess(j.Process)
	if err != nil {
		return nil, err
	}
	planted, ok := Changes[j.Change]
	switch {
	case j.Of != "":
		if j.Change != "" && !ok {
			return nil, fmt.Errorf("no change %q", j.Change)
		}
		return j.runOf(p, planted)
	case j.Change == "" && j.Slices:
		return j.sliced(p, nil)
	case j.Change == "":
		return j.watch(p, nil)
	case !ok:
		return nil, fmt.Errorf("no change %q", j.Change)
	}
	for k := range Features {
		from := HistoryHours
		if j.Change != constant {
			from += j.onset(k)
		}
		planted.From = append(planted.From, from)
	}
	if j.Change == constant {
		return j.watch(p, &planted)
	}
	if j.Slices {
		return j.sliced(p, &planted)
	}
	return j.find(p, &planted)
}

// onset is when a drift of a column begins, in hours after the history: on its second day, at every hour of the day.
func (j *Job) onset(column int) int { return dayHours + int(j.Seed+uint64(column)*7)%dayHours }

// runOf does a job that is of something else than columns of numbers.
func (j *Job) runOf(p *Process, planted Change) (*Result, error) {
	var change *Change
	if j.Change != "" {
		change = &planted
	}
	switch j.Of {
	case Weeks, Days:
		return j.levels(p, change)
	case Labels:
		return j.labels(p, change)
	case Rates:
		return j.rates(p, change)
	default:
		return nil, fmt.Errorf("no simulation of %q", j.Of)
	}
}

// shuffle counts false alarms on a table's rows, or measures how long a planted change takes to be found: any alarm counts.
func (j *Job) shuffle() (*Result, error) {
	s := &j.Shuffle
	t, err := LoadTable(s.Table)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(j.Seed, 0xD1B54A32D192ED03))
	days := watchDays
	if j.Change != "" {
		days = 2 + findDays
		if s.PerDay < 200 {
			days = 2 + findLowDays
		}
	}
	r := s.draw(rng, t, s.Days+days)
	if j.Change == "" {
		alarms, err := s.watchRows(&r)
		return &Result{
			Job: *j, Months: float64(days) * dayHours / 730, Columns: len(t.Columns),
			False: map[string]int{Engine: counted(alarms), Grouped: grouped(alarms)},
		}, err
	}
	onset := s.Days*dayHours + rng.IntN(2*dayHours)
	at, _ := slices.BinarySearch(r.hours, onset)
	if _, err := plant(rng, j.Change, &r, at); err != nil {
		return nil, err
	}
	alarms, err := s.watchRows(&r)
	delay := -1
	for _, a := range alarms {
		switch d := a.hour - (onset - s.Days*dayHours); {
		case d <= 0:
			delay = -2
		case delay == -1:
			delay = d
		}
	}
	return &Result{Job: *j, Months: float64(days) * dayHours / 730, Columns: 1, Delays: map[string][]int{Engine: {delay}}}, err
}

// watch counts false alarms.
func (j *Job) watch(p *Process, change *Change) (*Result, error) {
	t := p.Generate(j.Seed, j.Rate, HistoryHours+monitoredHours, change)
	alarms, err := runEngine(t, false, j.Refit)
	if err != nil {
		return nil, err
	}
	r := &Result{
		Job: *j, Months: monitoredHours / 730., Columns: Features,
		False: map[string]int{Engine: counted(alarms), Grouped: grouped(alarms)}, Share: map[string]float64{},
	}
	if j.Refit { // the others' rules learn nothing again
		return r, nil
	}
	var count [peerRules]*episodes
	for i := range count {
		count[i] = newEpisodes()
	}
	runPeers(t, func(hour int, in *[peerRules][Features]bool) {
		for i := range in {
			count[i].add(hour, &in[i])
		}
	})
	for i, c := range count {
		r.False[PeerNames[i]] = c.n
		r.Share[PeerNames[i]] = float64(c.hits) / (monitoredHours * Features)
	}
	return r, nil
}

// find measures how long a drift of each column takes to be found. Every column is one replicate, as if the others were still: so
// the sum over columns is left out.
func (j *Job) find(p *Process, change *Change) (*Result, error) {
	t := p.Generate(j.Seed, j.Rate, HistoryHours+2*dayHours+horizonHours, change)
	alarms, err := runEngine(t, true, j.Refit)
	if err != nil {
		return nil, err
	}
	r := &Result{Job: *j, Columns: Features, Delays: map[string][]int{}}
	record := func(method string) func(hour, column int) {
		d := notFound(Features)
		r.Delays[method] = d
		return func(hour, column int) {
			foundAfter(&d[column], hour-(change.From[column]-HistoryHours), horizonHours)
		}
	}
	own := record(Engine)
	for _, a := range alarms {
		own(a.hour, a.column)
	}
	if j.Refit {
		return r, nil
	}
	var peers [peerRules]func(hour, column int)
	for i := range peers {
		peers[i] = record(PeerNames[i])
	}
	runPeers(t, func(hour int, in *[peerRules][Features]bool) {
		for i := range in {
			for k, alarmed := range in[i] {
				if alarmed {
					peers[i](hour, k)
				}
			}
		}
	})
	return r, nil
}

// notFound are the delays of so many columns, none of which is found yet.
func notFound(columns int) []int { return slices.Repeat([]int{-1}, columns) }

// foundAfter notes an alarm so many hours after a drift began.
func foundAfter(d *int, delay, horizon int) {
	switch {
	case delay <= 0 && delay > -dayHours:
		*d = -2
	case delay > 0 && delay <= horizon && *d == -1:
		*d = delay
	}
}

// Grid is what is run: processes and rates without drift for at least so many model-months each, and planted drifts.
type Grid struct {
	Processes []string
	Rates     []int64
	Months    float64 // per process, over all rates
	Drifts    []string
	DriftOn   []string // processes drifts are planted on
	Sliced    []string // processes of models with slices
	Of        []Of     // what else is simulated, on OfOn
	OfOn      []string
	Numbers   bool // columns of numbers, on Processes
	Refit     bool // the same with nulls that are learnt again every night
	Meaning   bool // models whose scores' meaning is followed
	Gaps      bool // models whose groups are compared
	Promises  bool // models with promises
	Growing   int  // seeds of each gap that grows; of each promise that breaks three fifths as many
	Shuffles  []Shuffle
	Plants    []string // in shuffled tables
	Repeats   int      // of each of them
	Seed      uint64
}

// FullGrid is the long form.
func FullGrid(months float64, seed uint64) Grid {
	g := Grid{Numbers: true, Rates: []int64{100, 1000, 10_000, 100_000, 1_000_000}, Months: months, Seed: seed, DriftOn: []string{"iid", "ar5", "diurnal"}}
	for _, p := range Processes {
		g.Processes = append(g.Processes, p.Name)
	}
	g.Sliced = []string{"iid", "ar5", "ar9", "diurnal", "hostile", "twospeed"}
	g.Of, g.OfOn = []Of{Weeks, Days, Labels, Rates}, slices.Clone(g.Sliced)
	g.Shuffles, g.Plants, g.Repeats, g.Meaning = Shuffles, Plants, 20, true
	g.Gaps, g.Promises, g.Growing = true, true, 50
	g.Drifts = []string{"mean .1 sd", "mean .25 sd", "mean .5 sd", "sd x1.25"}
	return g
}

// place is where a process is listed: its seeds follow from it, whichever others are run.
func place(process string) int {
	return slices.IndexFunc(Processes, func(p Process) bool { return p.Name == process })
}

// Jobs lists the grid's jobs. What was added later comes last: an order that stays lets an interrupted run go on from an older log.
func (g *Grid) Jobs() (out []Job) {
	rounds := int(g.Months/(monitoredHours/730.)/float64(len(g.Rates)) + 0.999)
	if g.Numbers {
		out = append(out, g.drifts(false)...)
	}
	out = append(out, g.sliced(rounds)...)
	if g.Numbers {
		out = append(out, g.still(rounds, false)...)
	}
	for i, s := range g.Shuffles {
		for round := range int(g.Months*730/(watchDays*dayHours) + 0.999) {
			out = append(out, Job{Version: rareVersion, Shuffle: s, Seed: g.Seed + uint64(1000*i+round)})
		}
		if s.Burst > 1 || s.PerDay == 400 {
			continue
		}
		for k, p := range g.Plants {
			for n := range g.Repeats {
				out = append(out, Job{Version: rareVersion, Shuffle: s, Seed: g.Seed + uint64(1000*i+100_000*(k+1)+n), Change: p})
			}
		}
	}
	if g.Numbers {
		for round := range rounds {
			for r, rate := range g.Rates {
				out = append(out, Job{Version: Version, Process: "iid", Rate: rate, Seed: g.Seed + uint64(100_000*r+10*round) + 5, Change: constant})
			}
		}
	}
	out = append(out, g.otherJobs()...)
	if g.Refit { // that nothing is told of what is too small to matter is seen without
		out = append(out, g.drifts(true)...)
		out = append(out, g.still(rounds, true)...)
	}
	out = append(out, g.meaningJobs()...)
	out = append(out, g.gapJobs()...)
	return append(out, g.promisedJobs()...)
}

// drifts are planted in columns of numbers.
func (g *Grid) drifts(refit bool) (out []Job) {
	for _, p := range g.DriftOn {
		i := place(p)
		for _, rate := range g.Rates[:min(4, len(g.Rates))] {
			for _, d := range g.Drifts {
				out = append(out, Job{Version: Version, Process: p, Rate: rate, Seed: g.Seed + uint64(i), Change: d, Refit: refit})
			}
		}
	}
	return out
}

// still are columns of numbers without drift, the widest cover first: one seed of everything before the second of anything.
func (g *Grid) still(rounds int, refit bool) (out []Job) {
	for round := range rounds {
		for _, p := range g.Processes {
			i := place(p)
			for r, rate := range g.Rates {
				out = append(out, Job{Version: Version, Process: p, Rate: rate, Seed: g.Seed + uint64(1000*i+100_000*r+10*round) + 7, Refit: refit})
			}
		}
	}
	return out
}

// sliced are the jobs of models with slices.
func (g *Grid) sliced(rounds int) (out []Job) {
	for _, p := range g.Sliced {
		i := place(p)
		for r, rate := range g.Rates {
			for round := range rounds {
				out = append(out, Job{Version: Version, Process: p, Rate: rate, Slices: true, Seed: g.Seed + uint64(1000*i+100_000*r+10*round) + 3})
			}
			if !slices.Contains(g.DriftOn, p) || rate > 100_000 || rate < 1000 {
				continue
			}
			for _, d := range g.Drifts {
				if Changes[d].Mean >= 0.25 {
					for n := range uint64(5) { // models of 20 columns each
						out = append(out, Job{Version: Version, Process: p, Rate: rate, Slices: true, Seed: g.Seed + uint64(i) + 10*n, Change: d})
					}
				}
			}
		}
	}
	return out
}
