package alert

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

// recorder is a sink that fails as it is told and remembers what it took.
type recorder struct {
	name string
	fail []error // for the next sends; nil ones succeed
	got  []incident.Incident
}

func (r *recorder) Name() string                 { return r.name }
func (r *recorder) Wants(c incident.Change) bool { return sink.Louder(c) }
func (r *recorder) Send(_ context.Context, _ string, body []byte) error {
	if len(r.fail) > 0 {
		err := r.fail[0]
		r.fail = r.fail[1:]
		if err != nil {
			return err
		}
	}
	var e finding.Envelope[incident.Incident]
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	r.got = append(r.got, e.Data)
	return nil
}

func (r *recorder) titles() []string {
	var out []string
	for i := range r.got {
		out = append(out, string(r.got[i].Status)+": "+r.got[i].Title)
	}
	return out
}

// fixture is an alerter over a ledger in memory, with a clock that tests move.
type fixture struct {
	*service
	now time.Time
}

func newFixture(t *testing.T, l *ledger.Ledger, sinks ...Sink) *fixture {
	t.Helper()
	f := &fixture{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.service = &service{
		o: Options{
			Ledger: l, Sinks: sinks, Layout: bus.Layout{Fragments: 1, Joins: 1},
			Now: func() time.Time { return f.now }, Jitter: func() float64 { return 0.999 }, Logger: zap.NewNop(),
		},
		log: zap.NewNop(), m: NewMetrics(prometheus.NewRegistry()), book: incident.NewBook(), queued: make(chan struct{}, 1),
		sinks: map[string]Sink{}, policies: map[string]*plan.Policy{}, audiences: map[string]*audience{}, lastDigest: map[string]time.Time{}, retraining: newRetraining(), owed: newOwed(),
	}
	for _, k := range sinks {
		f.sinks[k.Name()] = k
	}
	return f
}

func open(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

var onset = time.Date(2026, 3, 25, 0, 0, 0, 0, time.UTC)

// fault is a finding that a constant column moved, or is constant again.
func fault(t *testing.T, subject string, hour int, verdict finding.Verdict) finding.Finding {
	t.Helper()
	at := onset.Add(time.Duration(hour) * time.Hour)
	f := finding.Finding{
		Model: "credit", At: at, Window: finding.Window{Start: at.Add(-time.Hour), End: at}, Onset: onset, Subject: subject,
		Channel: "constant", Metric: "share_other_than_constant", Verdict: verdict, Severity: finding.Page,
		Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()},
	}
	if err := f.Seal(); err != nil {
		t.Fatal(err)
	}
	return f
}

func records(t *testing.T, from int64, fs ...finding.Finding) []*kgo.Record {
	t.Helper()
	var out []*kgo.Record
	for i := range fs {
		b, err := finding.Event(&fs[i])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &kgo.Record{Topic: bus.TopicFindings, Offset: from + int64(i), Value: b})
	}
	return out
}

func (f *fixture) mustFold(t *testing.T, rs []*kgo.Record) {
	t.Helper()
	if err := f.fold(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	f.mustDeliver(t)
}

func (f *fixture) mustDeliver(t *testing.T) {
	t.Helper()
	queues, err := f.o.Ledger.Queues(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queues {
		if _, err := f.service.courier(q.Sink).work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Columns that fail in one instant are one message; the end of it is another; an unreadable record stops nothing.
func TestOneMessageForOneInstant(t *testing.T) {
	rec := &recorder{name: "rec"}
	f := newFixture(t, open(t), rec)
	rs := records(t, 0, fault(t, "a", 1, finding.Fault), fault(t, "b", 1, finding.Fault), fault(t, "c", 1, finding.Fault))
	rs = slices.Insert(rs, 1, &kgo.Record{Topic: bus.TopicFindings, Value: []byte("not a finding")})
	f.mustFold(t, rs)
	want := []string{"open: a, b and c were constant, now vary, since 2026-03-25 00:00"}
	if got := rec.titles(); !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
	f.mustFold(t, records(t, 4, fault(t, "a", 50, finding.Equivalent), fault(t, "b", 50, finding.Equivalent), fault(t, "c", 60, finding.Equivalent)))
	want = append(want, "resolved: a, b and c were constant, now vary, since 2026-03-25 00:00")
	if got := rec.titles(); !slices.Equal(got, want) {
		t.Fatalf("told %q, want %q", got, want)
	}
}

// A restarted alerter knows its incidents and its place, and tells nothing again.
func TestRestartTellsNothingTwice(t *testing.T) {
	l := open(t)
	before := newFixture(t, l, &recorder{name: "rec"})
	before.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault), fault(t, "b", 1, finding.Fault)))

	rec := &recorder{name: "rec"}
	after := newFixture(t, l, rec)
	at, err := after.restore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := at[bus.TopicFindings][0].EpochOffset().Offset; got != 2 {
		t.Errorf("goes on at offset %d, want 2", got)
	}
	after.mustDeliver(t)
	if len(rec.got) != 0 {
		t.Errorf("told again: %q", rec.titles())
	}
	if got, want := after.book.Incidents(), before.book.Incidents(); len(got) != 1 || got[0].ID != want[0].ID || len(got[0].Findings) != 2 {
		t.Errorf("restored %+v, want %+v", got, want)
	}
	after.mustFold(t, records(t, 2, fault(t, "a", 50, finding.Equivalent), fault(t, "b", 50, finding.Equivalent)))
	if got := rec.titles(); len(got) != 1 {
		t.Errorf("told %q after the restart, want only the end", got)
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// A sink that is away gets its messages later, in order; one that refuses doesn't get them at all; neither holds up another.
func TestSinksFailOnTheirOwn(t *testing.T) {
	away := &recorder{name: "away", fail: []error{errors.New("connection refused"), errors.New("connection refused")}}
	refuses := &recorder{name: "refuses", fail: []error{&sink.RefusedError{Err: errors.New("no such channel")}}}
	fine := &recorder{name: "fine"}
	f := newFixture(t, open(t), away, refuses, fine)
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	f.mustFold(t, records(t, 1, fault(t, "a", 50, finding.Equivalent)))
	if len(fine.got) != 2 || len(away.got) != 0 || len(refuses.got) != 1 {
		t.Fatalf("fine got %d, away %d, refuses %d; want 2, 0 and 1", len(fine.got), len(away.got), len(refuses.got))
	}
	f.mustDeliver(t) // not yet due
	if len(away.got) != 0 {
		t.Error("tried again before the pause was over")
	}
	for range 5 {
		f.now = f.now.Add(10 * time.Second)
		f.mustDeliver(t)
	}
	if got := away.titles(); len(got) != 2 || got[0][:4] != "open" || got[1][:8] != "resolved" {
		t.Errorf("the sink that was away got %q", got)
	}
	if len(fine.got) != 2 {
		t.Errorf("the sink that was fine got %d messages, want 2", len(fine.got))
	}
	given, err := f.o.Ledger.Abandoned(t.Context(), "", "", 10)
	if err != nil || len(given) != 1 || given[0].Sink != "refuses" {
		t.Errorf("given up: %+v, %v; want the one refused", given, err)
	}
}
