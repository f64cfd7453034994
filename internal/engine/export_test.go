package engine

import (
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// NameAll reads the panes that are kept anew and names the cause of an alarm on every column: all of what an incident costs beside its findings.
func (e *Engine) NameAll() (named, panes int, err error) {
	e.recent.forget()
	e.recent.madeAt = 0
	last := e.recent.panes[len(e.recent.panes)-1]
	for i := range e.plan.Columns {
		f := e.finding(last.Start, last.End, "", e.plan.Columns[i].Name, "bins")
		if err := e.nameCause(&f, drift.Stream{Kind: drift.Column, At: i}, last.End); err != nil {
			return 0, 0, err
		}
		if f.Diagnosis != nil {
			named++
		}
	}
	return named, len(e.recent.panes), nil
}

// AppendFormer writes what AppendBinary and AppendDrift write as the build before drift format 4 did: with money where there are decisions now.
func (e *Engine) AppendFormer(b []byte) ([]byte, error) {
	losses := e.losses
	defer func() { e.losses = losses }()
	e.losses = make([]loss, len(losses))
	for i := range losses {
		e.losses[i].Money = e.beyond(&e.plan.Score.Views[i], &losses[i].spent)
	}
	b, err := e.AppendBinary(b)
	if err != nil {
		return nil, err
	}
	whole, err := e.AppendDrift(nil)
	if err != nil {
		return nil, err
	}
	head, err := e.appendGroups(e.shares[drift.LabelRate].append(wire.Uint(nil, driftFormat)))
	if err != nil {
		return nil, err
	}
	rest := whole[len(head)+len(e.recent.append(e.shares[drift.LabelledShare].append(e.concept.append(nil)))):]
	head[0] = 3
	return append(e.concept.appendFormer(append(b, head...), e), rest...), nil
}

func (w *conceptWatch) appendFormer(b []byte, e *Engine) []byte {
	if w.streams == nil {
		return wire.Bool(b, false)
	}
	b = wire.Bool(wire.Int(wire.Bool(b, true), w.end), w.held != nil)
	if w.held != nil {
		b = wire.Float(wire.Int(b, w.start), w.hours)
		for _, c := range w.held {
			b = wire.Bytes(b, c.AppendBinary(nil))
		}
	}
	b = wire.Uint(b, uint64(len(w.streams)))
	for i := range w.streams {
		s, v := &w.said[i], &e.plan.Score.Views[w.streams[i].View]
		b = wire.Bool(wire.Int(b, s.onset), s.told)
		b = wire.Float(wire.Float(wire.Float(b, s.shift), s.slope), e.beyond(v, &s.soFar))
		b = wire.Uint(b, uint64(len(s.days)))
		for j := range s.days {
			b = wire.Float(wire.Int(b, s.days[j].start), e.beyond(v, &s.days[j].spent))
		}
		b = wire.Bytes(b, w.streams[i].AppendBinary(nil))
	}
	return b
}
