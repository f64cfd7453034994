package alert

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

func changes(from int64, bodies ...string) (out []*kgo.Record) {
	for i, b := range bodies {
		out = append(out, &kgo.Record{Topic: bus.TopicChanges, Offset: from + int64(i), Value: []byte(b)})
	}
	return out
}

// Changes are entries beside findings, and their topic's offsets are kept with them; a run that changed nothing leaves none; what is no
// change stops nothing; a restart knows them.
func TestChangesAreEntries(t *testing.T) {
	l := open(t)
	sink := &recorder{name: "rec"}
	f := newFixture(t, l, sink)
	const run = `{"eventType":"START","eventTime":"2026-03-24T2N:00:00Z","run":{"runId":"N"},"job":{"name":"etl","facets":{"sourceCodeLocation":{"version":"vV"}}},
		"outputs":[{"name":"t","facets":{"schema":{"fields":[{"name":"a"}]}}}]}`
	ran := func(n, v string) string { return strings.NewReplacer("N", n, "V", v).Replace(run) }
	f.mustFold(t, changes(0, ran("0", "1"), ran("1", "1"), "no change", ran("2", "2")))
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	if got := strings.Join(entries(t, l), ", "); got != "change pipeline, change pipeline, finding detector" {
		t.Errorf("entries %s", got)
	}
	inc := f.book.Incidents()[0]
	if len(inc.Changes) != 1 || inc.Changes[0].Version != "v2" || inc.Changes[0].From != "v1" || inc.Lineage == nil || inc.Lineage.Job != "etl" {
		t.Errorf("changes %+v, lineage %+v", inc.Changes, inc.Lineage)
	}
	if len(sink.got) != 1 || len(sink.got[0].Changes) != 1 {
		t.Errorf("told %+v", sink.got)
	}
	// One that is heard of late is shown, and nobody is told again.
	f.mustFold(t, changes(4, `{"id":"flag","at":"2026-03-24T23:59:00Z","what":"flag","name":"beta","models":["credit"],"actor":"ada"}`))
	if inc := f.book.Incidents()[0]; len(inc.Changes) != 2 || len(sink.got) != 1 {
		t.Errorf("changes %+v, told %d times", inc.Changes, len(sink.got))
	}
	again := newFixture(t, l)
	at, err := again.restore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := at[bus.TopicChanges][0].EpochOffset().Offset; got != 5 {
		t.Errorf("goes on at offset %d of the changes, want 5", got)
	}
	if got, want := story(again.book.Incidents()), story(f.book.Incidents()); got != want {
		t.Errorf("after the restart\n%s\nbefore\n%s", got, want)
	}
	if err := l.Each(t.Context(), entryChange, 0, func(e ledger.Entry) error {
		if e.Subject != "etl" && e.Subject != "beta" {
			t.Errorf("entry %+v", e)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
