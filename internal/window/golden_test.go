package window

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// exampleAssembler holds an open base pane, a half-filled test pane, and cohorts, one of them mature.
func exampleAssembler(tb tester, p *plan.Plan) *Assembler {
	tb.Helper()
	a := NewAssembler(p)
	var events []event
	for i := range int64(40) {
		events = append(events, event{monday + i*hour/10, float64(i) / 40, []string{"a", "b", "c"}[i%3], []string{"v1", "v2"}[i/30]})
	}
	add(tb, a, count(tb, p, 0, 10, events...)...)
	add(tb, a, count(tb, p, 3, 500, event{monday + hour, 0.5, "a", "v1"}, event{monday + 9*hour, -1e9, "c", ""})...)
	add(tb, a, labels(p, record.OnTime, monday, 3), labels(p, record.Labelled, monday, 4), labels(p, record.Labelled, monday+6*hour, -1))
	advance(tb, a, monday+3*hour)
	mature(tb, a, monday+9*hour)
	return a
}

// State outlives the build that wrote it: what is written never changes, and the format before is read as the same counts. What
// describes them came with format 2; builds before this one also told how many distinct numbers there were.
func TestGoldenState(t *testing.T) {
	p := testPlan(t)
	want := exampleAssembler(t, p)
	for _, format := range []string{"v1/assembler", "v2/assembler", "v2/assembler-2"} {
		b, err := os.ReadFile(filepath.Join("testdata", format+".bin"))
		if err != nil {
			t.Fatal(err)
		}
		r := wire.NewReader(b)
		got, err := ReadAssembler(p, r)
		if err != nil || r.Close() != nil {
			t.Fatalf("%s: %v, %v", format, err, r.Err())
		}
		switch format {
		case "v1/assembler":
			for _, pane := range want.base {
				pane.summaries = map[string]*sketch.Summary{}
			}
			want.test.summaries = map[string]*sketch.Summary{}
		case "v2/assembler":
			for _, pane := range append(slices.Collect(maps.Values(got.base)), got.test) {
				for _, s := range pane.summaries {
					s.Columns[0].Distinct = sketch.NewDistinct()
				}
			}
		}
		if !bytes.Equal(got.AppendBinary(nil), want.AppendBinary(nil)) {
			t.Errorf("%s: other panes were read", format)
		}
		want = exampleAssembler(t, p)
	}
}

// The same of the format that is written, which has moments.
func TestGoldenMoments(t *testing.T) {
	p := momentPlan(t)
	want := exampleAssembler(t, p)
	if len(want.moments) == 0 || want.shown == record.NoTime {
		t.Fatalf("%d moments, shown up to %d", len(want.moments), want.shown)
	}
	file := filepath.Join("testdata", "v4", "assembler.bin")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want.AppendBinary(nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want.AppendBinary(nil)) {
		t.Error("written as other bytes")
	}
	r := wire.NewReader(b)
	got, err := ReadAssembler(p, r)
	if err != nil || r.Close() != nil {
		t.Fatalf("%v, %v", err, r.Err())
	}
	if !bytes.Equal(got.AppendBinary(nil), b) {
		t.Error("read as others")
	}

	before, err := os.ReadFile(filepath.Join("testdata", "v3", "assembler.bin")) // with moments, and no glimpses
	if err != nil {
		t.Fatal(err)
	}
	got, err = ReadAssembler(p, wire.NewReader(before))
	if err != nil || got.Glimpsed() != record.NoTime || !bytes.Equal(got.AppendBinary(nil), b) {
		t.Errorf("as format 3 wrote it: %v, glimpsed up to %d, or other bytes", err, got.Glimpsed())
	}
}
