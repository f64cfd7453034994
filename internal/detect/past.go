package detect

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// past is under which plans a model's state was made, and how far each has judged. A detector that starts under others learns
// from it which panes were closed by a plan that isn't in force there any more: the plan in force now must not close them again.
// Engine states don't say that: their clocks pass panes of other plans too, and without its plan none of them can be read.
type past struct {
	reigns         []reign
	panes, cohorts []window.Stretch // judged by a plan that was in force there then, in order; they don't meet
}

// reign is one stretch in which a plan was in force, up to the next one's from.
type reign struct {
	digest         string
	from           int64 // microseconds of event time; the first one's is math.MinInt64
	closed, mature int64 // how far the plan's panes and cohorts were judged, record.NoTime: not at all
}

const pastFormat = 1

var errPastFormat = errors.New("unknown format")

func pastKey(model string) string { return "past/" + model }

// pastOf is the past as of now.
func pastOf(eras []plan.Era, reached func(digest string) (closed, mature int64)) *past {
	p := &past{}
	for i := range eras {
		digest := eras[i].Plan.Digest()
		closed, mature := reached(digest)
		p.reigns = append(p.reigns, reign{digest, eras[i].From, closed, mature})
	}
	return p
}

// settle adds what was judged by a plan that isn't in force there under the eras of now.
func (p *past) settle(now []plan.Era) {
	for i, r := range p.reigns {
		to := int64(math.MaxInt64)
		if i+1 < len(p.reigns) {
			to = p.reigns[i+1].from
		}
		for j := range now {
			if now[j].Plan.Digest() == r.digest {
				continue
			}
			from, until := max(r.from, now[j].From), min(to, now[j].To)
			p.panes = withStretch(p.panes, from, min(until, r.closed))
			p.cohorts = withStretch(p.cohorts, from, min(until, r.mature))
		}
	}
}

// withStretch adds a stretch; those that meet become one.
func withStretch(to []window.Stretch, from, until int64) []window.Stretch {
	if from >= until {
		return to
	}
	all := append(slices.Clone(to), window.Stretch{From: from, To: until})
	slices.SortFunc(all, func(a, b window.Stretch) int { return cmp.Compare(a.From, b.From) })
	out := all[:1]
	for _, s := range all[1:] {
		if last := &out[len(out)-1]; s.From <= last.To {
			last.To = max(last.To, s.To)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// appendBinary writes the past.
func (p *past) appendBinary(b []byte) []byte {
	b = wire.Uint(wire.Uint(b, pastFormat), uint64(len(p.reigns)))
	for _, r := range p.reigns {
		b = wire.Int(wire.Int(wire.Int(wire.String(b, r.digest), r.from), r.closed), r.mature)
	}
	for _, list := range [][]window.Stretch{p.panes, p.cohorts} {
		b = wire.Uint(b, uint64(len(list)))
		for _, s := range list {
			b = wire.Int(wire.Int(b, s.From), s.To)
		}
	}
	return b
}

// readPast reads what appendBinary wrote.
func readPast(body []byte) (*past, error) {
	rd := wire.NewReader(body)
	if v := rd.Uint(); rd.Err() == nil && v != pastFormat {
		return nil, fmt.Errorf("%w %d, this build reads %d", errPastFormat, v, pastFormat)
	}
	p := &past{}
	for range rd.Count(4) {
		p.reigns = append(p.reigns, reign{rd.String(), rd.Int(), rd.Int(), rd.Int()})
	}
	for _, list := range []*[]window.Stretch{&p.panes, &p.cohorts} {
		for range rd.Count(2) {
			*list = append(*list, window.Stretch{From: rd.Int(), To: rd.Int()})
		}
	}
	if err := rd.Close(); err != nil {
		return nil, err
	}
	return p, nil
}

// present is the past as it is to be written now.
func (r *role) present(p *part, model string) *past {
	out := pastOf(r.plans[model].Eras(), func(digest string) (int64, int64) { return p.engines[engineID{model, digest}].Reached() })
	if was := p.pasts[model]; was != nil {
		out.panes, out.cohorts = was.panes, was.cohorts
	}
	return out
}

// remember settles for every model what its plans of before have judged of the eras of the plans of now. fresh are the engines
// without a state.
func (r *role) remember(p *part, fresh map[engineID]bool) error {
	for _, model := range p.models {
		was, err := r.readPast(p, model, fresh)
		if err != nil {
			return fmt.Errorf("read past of %s: %w", model, err)
		}
		was.settle(r.plans[model].Eras())
		p.pasts[model] = was
		for id, e := range p.engines {
			if id.model == model {
				e.Taken(was.panes, was.cohorts)
			}
		}
	}
	return nil
}

// readPast is the past of a model as its state has it. A state of a build that didn't write any is taken for one that was made under
// the plans that have a state.
func (r *role) readPast(p *part, model string, fresh map[engineID]bool) (*past, error) {
	if body, ok := p.committed[pastKey(model)]; ok {
		return readPast(body)
	}
	var had plan.History
	for _, pl := range r.plans[model] {
		if !fresh[idOf(pl)] {
			had = append(had, pl)
		}
	}
	return pastOf(had.Eras(), func(digest string) (int64, int64) { return p.engines[engineID{model, digest}].Reached() }), nil
}
