//go:build synctests

package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/inspect"
)

// fact is one event of the shop, read from the text of the file by a reader of its own.
type fact struct {
	id, tier, bought string
	at               time.Time
	amount, k, score float64
}

func facts(t *testing.T, wanted func(*fact) bool) []fact {
	t.Helper()
	var out []fact
	for _, line := range strings.Split(strings.TrimSpace(rows(0, days)), "\n")[1:] {
		cell := strings.Split(line, ",")
		f := fact{id: cell[0], tier: cell[4], bought: cell[6]}
		var errs [4]error
		f.at, errs[0] = time.Parse(time.RFC3339, cell[1])
		f.amount, errs[1] = strconv.ParseFloat(cell[2], 64)
		f.k, errs[2] = strconv.ParseFloat(cell[3], 64)
		f.score, errs[3] = strconv.ParseFloat(cell[5], 64)
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		if wanted(&f) {
			out = append(out, f)
		}
	}
	return out
}

func idsOf(in []fact) (out []string) {
	for i := range in {
		out = append(out, in[i].id)
	}
	return out
}

func shown(in []*inspect.Event) (out []string) {
	for _, e := range in {
		out = append(out, e.ID)
	}
	return out
}

// released is the incident that tells of the column that began to move.
func (s *shop) released() incident.Incident {
	s.t.Helper()
	found := map[string]incident.Incident{}
	s.must(bus.ReadState(s.t.Context(), s.parts.Kafka, bus.TopicIncidents, 0, func(r *kgo.Record) error {
		var e finding.Envelope[incident.Incident]
		if err := json.Unmarshal(r.Value, &e); err != nil {
			return err
		}
		if e.Data.Cause.Kind == "released" {
			found[e.Data.ID] = e.Data
		}
		return nil
	}))
	if len(found) != 1 {
		s.t.Fatalf("%d incidents tell of a released column, want 1", len(found))
	}
	for _, inc := range found {
		return inc
	}
	panic("unreachable")
}

func TestInspect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		defer s.close()
		s.live(0, days)
		in := &app.Inspector{Kafka: s.parts.Kafka, Layout: s.parts.Layout, Schemas: s.parts.Registry}
		ask := func(o app.InspectOptions) *app.Inspection {
			t.Helper()
			got, err := in.Inspect(t.Context(), o)
			s.must(err)
			return got
		}
		moved := first.Add(12*day + 10*time.Hour)

		// An incident by the beginning of its id: its own window, its own subject, few of the topic's events read.
		inc := s.released()
		got := ask(app.InspectOptions{Incident: inc.ID[:6], Limit: 5})
		if got.Incident == nil || got.Incident.ID != inc.ID || !got.From.Equal(moved) || !slices.Contains(got.Subjects, "k") {
			t.Errorf("incident %+v, from %s, about %v", got.Incident, got.From, got.Subjects)
		}
		window := func(f *fact) bool { return !f.at.Before(got.From) && f.at.Before(got.To) }
		want := facts(t, window)
		if got.Matched != int64(len(want)) || len(want) < 10 || got.Read >= 3*perDay || len(got.Notes) != 0 {
			t.Errorf("matched %d, want %d; read %d; notes %q", got.Matched, len(want), got.Read, got.Notes)
		}
		if d := cmp.Diff(idsOf(want[:5]), shown(got.Events)); d != "" {
			t.Errorf("the first five (-want +got): %s", d)
		}

		// A window that has ended, with a condition, a slice and what became of the events.
		from, to := first.Add(4*day+6*time.Hour), first.Add(5*day+6*time.Hour)
		got = ask(app.InspectOptions{Model: "shop", From: from, To: to, Where: "amount > 50.0 && score < 0.5", Slice: map[string]string{"tier": "pro"}, Outcomes: true})
		want = facts(t, func(f *fact) bool {
			return !f.at.Before(from) && f.at.Before(to) && f.amount > 50 && f.score < 0.5 && f.tier == "pro"
		})
		if got.InWindow != perDay || got.Read != 2*perDay || got.Bad+got.Gone+got.Unsaid+got.Filtered != 0 {
			t.Errorf("read %d, in the window %d, %+v", got.Read, got.InWindow, got)
		}
		var have []fact
		for _, e := range got.Events {
			f := fact{id: e.ID, at: e.Time, tier: e.Slice["tier"], score: *e.Score}
			for _, v := range e.Inputs {
				switch v.Name {
				case "amount":
					f.amount = v.Value.(float64)
				case "k":
					f.k = v.Value.(float64)
				}
			}
			if e.Outcome == nil || e.Outcome.Positive != (e.Outcome.Label == "1") || e.Outcome.Time.Sub(e.Time) != 30*time.Minute {
				t.Errorf("outcome of %s: %+v", e.ID, e.Outcome)
				continue
			}
			f.bought = e.Outcome.Label
			have = append(have, f)
		}
		if d := cmp.Diff(want, have, cmp.AllowUnexported(fact{})); d != "" {
			t.Errorf("events (-want +got): %s", d)
		}

		// The last day hasn't ended: everything is read, and that is said. What can't be decoded is counted and kept.
		s.must(s.parts.Producer.ProduceSync(t.Context(), &kgo.Record{Topic: "shop.predictions", Value: []byte("not avro")}).FirstErr())
		last := first.Add((days - 1) * day)
		got = ask(app.InspectOptions{Model: "shop", From: last, To: last.Add(day), Unreadable: true, Limit: 3})
		if got.Matched != perDay || got.Read != days*perDay+1 || got.Bad != 1 || len(got.Events) != 3 {
			t.Errorf("matched %d, read %d, %d not decodable, %d shown", got.Matched, got.Read, got.Bad, len(got.Events))
		}
		if len(got.Unreadable) != 1 || got.Unreadable[0].Reason != "not_avro" || got.Unreadable[0].Offset != days*perDay {
			t.Errorf("not decodable: %+v", got.Unreadable)
		}
		if len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "no pane of the window is known to have ended: read from the start of the log") {
			t.Errorf("notes %q", got.Notes)
		}

		// Retention ate the first half of a day.
		from = first.Add(2 * day)
		eaten := kadm.Offsets{}
		eaten.AddOffset("shop.predictions", 0, 2*perDay+perDay/2, -1)
		_, err := kadm.NewClient(s.parts.Producer).DeleteRecords(t.Context(), eaten)
		s.must(err)
		got = ask(app.InspectOptions{Model: "shop", From: from, To: from.Add(day)})
		if got.Gone != perDay/2 || got.Matched != perDay/2 {
			t.Errorf("%d gone and %d matched, want %d each", got.Gone, got.Matched, perDay/2)
		}

		// What there is none of.
		for _, c := range []struct {
			o    app.InspectOptions
			is   error
			says string
		}{
			{app.InspectOptions{Incident: "zz"}, app.ErrUnknownIncident, fmt.Sprintf("the nearest are: %s (shop, ", inc.ID)},
			{app.InspectOptions{Model: "shoe", From: from, To: last}, app.ErrNoPlan, "there are: shop"},
			{app.InspectOptions{Model: "shop", From: from, To: last, Where: "amuont > 1.0"}, inspect.ErrQuery, "amount"},
			{app.InspectOptions{Model: "shop", From: from, To: last, Slice: map[string]string{"tier": "gold"}}, inspect.ErrQuery, "other and missing"},
			{app.InspectOptions{Model: "shop", From: from, To: last, Slice: map[string]string{"plan": "gold"}}, inspect.ErrQuery, "there are: tier"},
		} {
			if _, err := in.Inspect(t.Context(), c.o); !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: %v", c.o, err)
			}
		}
	})
}
