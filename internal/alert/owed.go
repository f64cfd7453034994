package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// entryMoved is the kind of an entry: it was told that an incident became a part of another by itself, or is one of its own again.
const entryMoved = "incident_moved"

// movedBody is the body of an entry.
type movedBody struct {
	Change incident.Change `json:"change"`
	Into   string          `json:"into,omitempty"`
}

// owed is what people haven't been told of, as far as the ledger has been folded again: another build has other rules of what belongs together, so that
// its incidents may be parts of others now, or others than they were.
type owed struct {
	moved map[string]incident.Told // by incident
	went  map[string]string        // by an incident that findings were entered under: where the latest of them belongs now
	known map[string]bool          // incidents that findings or acts were entered under
}

func newOwed() *owed {
	return &owed{moved: map[string]incident.Told{}, went: map[string]string{}, known: map[string]bool{}}
}

// saw takes up one entry of a finding, and where it belongs now.
func (o *owed) saw(was, is string, gone []incident.Told) {
	if was != "" {
		o.known[was] = true
		if delete(o.went, was); was != is {
			o.went[was] = is
		}
	}
	for _, t := range gone {
		o.moved[t.Incident.ID] = t
	}
}

// told takes up that something was told of an incident.
func (o *owed) told(id string) {
	o.known[id] = true
	delete(o.moved, id)
	delete(o.went, id)
}

// list is what is owed, in a fixed order. An incident that is no more is told to be over, as a part of the one that its findings belong to now.
func (o *owed) list(book *incident.Book) []incident.Told {
	var out []incident.Told
	ids := map[string]bool{}
	for id := range o.moved {
		ids[id] = true
	}
	for id := range o.went {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		now, ok := book.Find(id)
		switch into, found := book.Find(o.went[id]); {
		case ok && now.MergedInto != "":
			out = append(out, incident.Told{Change: incident.Merged, Incident: now})
		case ok && o.moved[id].Change != incident.None:
			out = append(out, incident.Told{Change: o.moved[id].Change, Incident: now})
		case !ok && found:
			at := into.Onset
			into.ID, into.MergedInto, into.Status, into.Reason, into.Silence, into.ResolvedAt = id, into.ID, incident.Resolved, "merged", nil, &at
			out = append(out, incident.Told{Change: incident.Merged, Incident: into})
		}
	}
	for _, inc := range book.Incidents() {
		if inc.Status.Active() && !o.known[inc.ID] && !ids[inc.ID] {
			inc.Calls = inc.Pages > 0
			out = append(out, incident.Told{Change: incident.Opened, Incident: inc})
		}
	}
	for i := range out {
		out[i].Incident.Change = out[i].Change
	}
	return out
}

// enterMoved enters that it is told what became of an incident beside the one that a finding was about.
func (s *service) enterMoved(b *batch, t incident.Told) error {
	body, err := json.Marshal(movedBody{t.Change, t.Incident.MergedInto})
	if err != nil {
		return fmt.Errorf("encode where incident %s went: %w", t.Incident.ID, err)
	}
	s.enter(b, ledger.Entry{At: s.o.Now().UTC(), Kind: entryMoved, Subject: t.Incident.ID, Actor: self, Body: body})
	return nil
}

// tellOwed tells what nobody has been told because the ledger's findings came to something else when they were entered.
func (s *service) tellOwed(ctx context.Context) error {
	var b batch
	for _, t := range s.owed.list(s.book) {
		if err := s.enterMoved(&b, t); err != nil {
			return err
		}
		s.m.incidents.WithLabelValues(string(t.Change)).Inc()
		b.changed(t.Change, t.Incident)
	}
	s.owed = newOwed()
	return s.conclude(ctx, &b)
}
