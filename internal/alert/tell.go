package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

const (
	entryNotice = "notice" // somebody is told of an incident for the first time, or it is one that somebody may be told of later
	entryDigest = "digest"
)

// notice is the body of an entry: who is told from now on.
type notice struct {
	Since time.Time `json:"since"` // by the clock: when the incident could first be told, or came back
	Sinks []string  `json:"sinks"` // that are told of it from here on
}

// digestSent is the body of an entry.
type digestSent struct {
	Sink  string    `json:"sink"`
	Every string    `json:"every"`
	Due   time.Time `json:"due"`
}

// audience is who was told of an incident.
type audience struct {
	since time.Time
	told  []string
}

// unreachable is a target that can't be told, because of the settings: its messages are given up, and say why.
type unreachable struct {
	name string
	err  error
}

func (u *unreachable) Name() string                 { return u.name }
func (u *unreachable) Wants(c incident.Change) bool { return sink.Louder(c) }
func (u *unreachable) Send(context.Context, string, []byte) error {
	return &sink.RefusedError{Err: u.err}
}

// setRoutes makes the sinks that the routes of a model lead to.
func (s *service) setRoutes(model string, p *plan.Policy) {
	s.policies[model] = p
	for i := range p.Notify {
		for _, t := range notify.Targets(&p.Notify[i]) {
			if s.sinks[t.Name()] != nil || s.o.Target == nil {
				continue
			}
			k, err := s.o.Target(t)
			if err != nil {
				s.log.Error("a route leads nowhere", zap.String("model", model), zap.String("sink", t.Name()), zap.Error(err))
				k = &unreachable{t.Name(), err}
			}
			s.sinks[t.Name()] = k
		}
	}
}

// route adds the messages to those whom the contract names: to whom it is time to tell, and to whom was told before.
func (s *service) route(b *batch, inc *incident.Incident, c incident.Change) error {
	p := s.policies[inc.Model]
	if p == nil || len(p.Notify) == 0 {
		return nil
	}
	now := s.o.Now()
	a := s.audiences[inc.ID]
	known := a != nil
	if !known {
		a = &audience{since: now}
		s.audiences[inc.ID] = a
	}
	anew := c == incident.Reopened || c == incident.Raised
	if anew {
		a.since = now
	}
	if inc.Silence != nil && c != incident.Closed {
		c = incident.Updated
	}
	var tell []string
	for _, name := range a.told {
		if k := s.sinks[name]; k != nil && k.Wants(c) {
			tell = append(tell, name)
		}
	}
	fresh := s.fresh(p, inc, a, now)
	if len(fresh) > 0 || !known || anew {
		if err := s.enterNotice(b, inc.ID, a.since, fresh, now); err != nil {
			return err
		}
	}
	a.told = append(a.told, fresh...)
	return s.send(b, inc, append(tell, fresh...))
}

// fresh are the targets that it is time to tell of an incident, and that don't know of it.
func (s *service) fresh(p *plan.Policy, inc *incident.Incident, a *audience, now time.Time) []string {
	var out []string
	for _, t := range notify.Due(p.Notify, inc, a.since, now) {
		if name := t.Name(); !slices.Contains(a.told, name) && s.sinks[name] != nil {
			out = append(out, name)
		}
	}
	return out
}

func (s *service) enterNotice(b *batch, id string, since time.Time, sinks []string, now time.Time) error {
	body, err := json.Marshal(notice{Since: since.UTC(), Sinks: append([]string{}, sinks...)})
	if err != nil {
		return fmt.Errorf("encode notice of %s: %w", id, err)
	}
	s.enter(b, ledger.Entry{At: now, Kind: entryNotice, Subject: id, Actor: self, Body: body})
	return nil
}

// send adds one message to each of the sinks.
func (s *service) send(b *batch, inc *incident.Incident, sinks []string) error {
	if len(sinks) == 0 {
		return nil
	}
	id := fmt.Sprintf("%s-%d", inc.ID, s.seq)
	body, err := json.Marshal(finding.Wrap(incident.Kind, id, inc.Model, inc.OpenedAt, *inc))
	if err != nil {
		return fmt.Errorf("encode incident %s: %w", inc.ID, err)
	}
	for _, name := range sinks {
		b.out = append(b.out, ledger.Outgoing{ID: id, Sink: name, Body: body, Due: s.o.Now()})
	}
	return nil
}

// tellLater tells whom it has become time to tell: hours have begun, or nobody has acknowledged in time.
func (s *service) tellLater(ctx context.Context) error {
	open := s.active.Load()
	if open == nil {
		return nil
	}
	var b batch
	now := s.o.Now()
	for i := range *open {
		inc := &(*open)[i]
		p, a := s.policies[inc.Model], s.audiences[inc.ID]
		if p == nil || a == nil {
			continue
		}
		fresh := s.fresh(p, inc, a, now)
		if len(fresh) == 0 {
			continue
		}
		if err := s.enterNotice(&b, inc.ID, a.since, fresh, now); err != nil {
			return err
		}
		a.told = append(a.told, fresh...)
		if err := s.send(&b, inc, fresh); err != nil {
			return err
		}
	}
	if len(b.entries) == 0 {
		return nil
	}
	return s.commit(ctx, &b, nil)
}

// digestsEvery is how often it is looked whether a summary is due.
const digestsEvery = time.Minute

// digests sends the summaries whose time has come.
func (s *service) digests(ctx context.Context) error {
	now := s.o.Now()
	if now.Before(s.digestsAt) {
		return nil
	}
	s.digestsAt = now.Add(digestsEvery)
	byModel := map[string][]incident.Incident{}
	for _, inc := range s.book.Incidents() {
		byModel[inc.Model] = append(byModel[inc.Model], inc)
	}
	var models []notify.Model
	for _, name := range slices.Sorted(maps.Keys(s.policies)) {
		models = append(models, notify.Model{Routes: s.policies[name].Notify, Incidents: byModel[name]})
	}
	var b batch
	for _, l := range notify.Letters(models, func(to notify.Target, every string) time.Time { return s.lastDigest[to.Name()+" "+every] }, now) {
		name := l.To.Name()
		entry, err := json.Marshal(digestSent{Sink: name, Every: l.Every, Due: l.Due})
		if err != nil {
			return fmt.Errorf("encode digest: %w", err)
		}
		sum := sha256.Sum256([]byte(name + " " + l.Every))
		id := fmt.Sprintf("digest%s-%d", hex.EncodeToString(sum[:6]), l.Due.Unix())
		body, err := json.Marshal(finding.Wrap(sink.KindDigest, id, "all", now.UTC(), sink.Digest{KindName: sink.KindDigest, Since: l.Since, Until: l.Due, Incidents: l.Incidents}))
		if err != nil {
			return fmt.Errorf("encode digest: %w", err)
		}
		s.enter(&b, ledger.Entry{At: now, Kind: entryDigest, Subject: name, Actor: self, Body: entry})
		b.out = append(b.out, ledger.Outgoing{ID: id, Sink: name, Body: body, Due: now})
		s.lastDigest[name+" "+l.Every] = l.Due
	}
	if len(b.entries) == 0 {
		return nil
	}
	return s.commit(ctx, &b, nil)
}

// retell takes up an entry about who was told.
func (s *service) retell(e ledger.Entry) error {
	if e.Kind == entryDigest {
		var d digestSent
		if err := json.Unmarshal(e.Body, &d); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		s.lastDigest[d.Sink+" "+d.Every] = d.Due
		return nil
	}
	var n notice
	if err := json.Unmarshal(e.Body, &n); err != nil {
		return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
	}
	a := s.audiences[e.Subject]
	if a == nil {
		a = &audience{}
		s.audiences[e.Subject] = a
	}
	a.since = n.Since
	a.told = append(a.told, n.Sinks...)
	return nil
}
