package detect

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// The windows that people look at are a fold over the history, and take from an epoch only after its commit: what is rolled back was
// never in them, so they are no part of the state. A restart folds what the panes topic has of them again. That is the same, but where
// a backfill wrote panes since: then they show from the restart on.

// endedCohort is what is known of the outcomes of a mature cohort.
type endedCohort struct {
	engineID
	start  int64
	known  truth.Counts
	groups *fairness.Tally // nil where the plan compares none
}

// governing is a plan under the latest policy it has, which names the windows; nil where nobody knows it any more.
func (r *role) governing(id engineID) *plan.Plan {
	h := r.plans[id.model].Governed(id.digest)
	if len(h) == 0 {
		return nil
	}
	return h.Last()
}

// slide takes what has ended in a committed epoch into the windows. They decide nothing: what can't be added up is told and left out.
func (r *role) slide(p *part) {
	for _, e := range p.panes {
		if pl := r.governing(idOf(e.plan)); pl != nil {
			r.tellWindow(pl.Model, p.windowsOf(pl.Model).Pane(pl, e.pane))
		}
	}
	for _, co := range p.cohorts {
		if pl := r.governing(co.engineID); pl != nil {
			r.tellWindow(pl.Model, p.windowsOf(pl.Model).Cohort(pl, co.start, co.known))
			r.tellWindow(pl.Model, p.windowsOf(pl.Model).Groups(pl, co.start, co.groups))
		}
	}
}

func (p *part) windowsOf(model string) *engine.Windows {
	w := p.windows[model]
	if w == nil {
		w = engine.NewWindows()
		p.windows[model] = w
	}
	return w
}

func (r *role) tellWindow(model string, err error) {
	if err != nil {
		r.log.Warn("add up the windows of dashboards", zap.String("model", model), zap.Error(err))
	}
}

// recall gathers from the panes topic what windows are made of: the history of each model, as far back as its longest window reaches
// from its latest record.
type recall struct {
	spans   map[string]int64 // by model, microseconds
	history map[recalled]*stretch
}

// recalled is one kind of history of one model.
type recalled struct{ model, kind string }

// stretch is the latest stretch of it.
type stretch struct {
	latest int64
	starts map[int64]map[string][]byte // the records of what begins there, by key
}

func (r *role) newRecall(partition int32) *recall {
	c := &recall{spans: map[string]int64{}, history: map[recalled]*stretch{}}
	for _, model := range r.of(partition) {
		for _, pl := range r.plans[model] {
			c.spans[model] = max(c.spans[model], engine.Span(pl))
		}
	}
	return c
}

// take takes one record of the panes topic, of whatever kind.
func (c *recall) take(key string, value []byte) {
	kind, model, start, ok := historyOf(key)
	if span, ours := c.spans[model]; ok && ours {
		of := recalled{model, kind}
		s := c.history[of]
		if s == nil {
			s = &stretch{latest: start, starts: map[int64]map[string][]byte{}}
			c.history[of] = s
		}
		if start > s.latest {
			s.latest = start
			maps.DeleteFunc(s.starts, func(at int64, _ map[string][]byte) bool { return at < start-span })
		}
		if start < s.latest-span {
			return
		}
		if s.starts[start] == nil {
			s.starts[start] = map[string][]byte{}
		}
		s.starts[start][key] = value
	}
}

// historyOf reads the key of a history record. Names of models hold no slash.
func historyOf(key string) (kind, model string, start int64, ok bool) {
	_, rest, _ := strings.Cut(key, "/")
	model, _, _ = strings.Cut(rest, "/")
	kind, start, _, ok = splitKey(key, model)
	return kind, model, start, ok
}

// recallWindows makes the windows again of what was gathered: panes before cohorts, each in the order of their starts.
func (r *role) recallWindows(p *part, c *recall) {
	order := slices.SortedFunc(maps.Keys(c.history), func(a, b recalled) int {
		return cmp.Or(cmp.Compare(a.model, b.model), -cmp.Compare(a.kind, b.kind)) // "pane" before "cohort"
	})
	for _, of := range order {
		s := c.history[of]
		for _, start := range slices.Sorted(maps.Keys(s.starts)) {
			if err := r.recallOne(p, of, start, s.starts[start]); err != nil && !errors.Is(err, ErrUnknownPlan) {
				r.tellWindow(of.model, err)
			}
		}
	}
}

func (r *role) recallOne(p *part, of recalled, start int64, records map[string][]byte) error {
	body, ok, err := join(records, historyKey(of.kind, of.model, start))
	if err != nil || !ok || len(body) == 0 {
		return err
	}
	e, err := readEnded(of.kind, body, func(digest string) *plan.Plan { return r.governing(engineID{of.model, digest}) })
	if err != nil {
		return err
	}
	w := p.windowsOf(of.model)
	if e.Pane != nil {
		return w.Pane(e.Plan, e.Pane)
	}
	if e.Plan.Score == nil {
		return nil
	}
	known, err := e.Cohort.Revised(e.Plan, nil, nil)
	if err != nil {
		return err
	}
	groups, err := engine.GroupsOf(e.Plan, e.Cohort)
	if err != nil {
		return err
	}
	return errors.Join(w.Cohort(e.Plan, start, known), w.Groups(e.Plan, start, groups))
}
