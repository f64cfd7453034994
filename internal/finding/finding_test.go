package finding_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

var update = flag.Bool("update", false, "write the golden files")

func example() finding.Finding {
	end := time.Date(2026, 3, 25, 1, 0, 0, 0, time.UTC)
	return finding.Finding{
		Model: "credit", Version: "v7", At: end, Window: finding.Window{Start: end.Add(-time.Hour), End: end}, Onset: end.Add(-2 * time.Hour),
		Slice: map[string]string{"region": "north", "channel": "web"}, Subject: "income", Channel: "location", Metric: "psi",
		Value: 0.31, Reference: 0, IgnoreBelow: 0.05, Threshold: 0.09, N: finding.Sizes{Reference: 60000, Current: 2113},
		Evidence: finding.Evidence{Log10: 4.6, Needed: 3.5}, Verdict: finding.Drift, Severity: finding.Page,
		Numbers:  []finding.Figure{{Name: "mean", Before: 120, Now: 12000, Unit: "EUR"}, {Name: "new values", Before: finding.None(), Now: 3}},
		Impact:   &finding.Impact{Currency: "EUR", PerDay: 12300, Band: [2]finding.Number{9100, 15800}, SoFar: 4100, Basis: "measured"},
		Baseline: "sha256:aa", Contract: "sha256:bb", Offsets: finding.Offsets{"credit.predictions": {"0": {1200, 1907}, "1": {0, 4}}},
	}
}

// bare is a finding of which little is known.
func bare() finding.Finding {
	at := time.Date(2026, 3, 25, 1, 0, 0, 0, time.UTC)
	return finding.Finding{
		Model: "credit", At: at, Window: finding.Window{Start: at, End: at}, Onset: at, Subject: "score", Channel: "calibration", Metric: "ece",
		Value: finding.None(), Reference: finding.Number(math.Inf(1)), Threshold: finding.Number(math.Inf(-1)),
		Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()}, Verdict: finding.Undecided, Severity: finding.Info,
	}
}

func sealed(t testing.TB, f finding.Finding) finding.Finding {
	t.Helper()
	if err := f.Seal(); err != nil {
		t.Fatal(err)
	}
	return f
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// Names, their order and the ids are public: others parse them and link to them.
func TestGolden(t *testing.T) {
	for name, f := range map[string]finding.Finding{"finding.json": sealed(t, example()), "finding-bare.json": sealed(t, bare())} {
		b, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, append(b, '\n'))
	}
	f := sealed(t, example())
	b, err := finding.Event(&f)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	golden(t, "event.json", out.Bytes())
}

func TestIDIsOfTheContentWithoutOffsets(t *testing.T) {
	f := sealed(t, example())
	same := map[string]func(f *finding.Finding){
		"other offsets": func(f *finding.Finding) { f.Offsets = finding.Offsets{"other": {"9": {1, 2}}} },
		"no offsets":    func(f *finding.Finding) { f.Offsets = nil },
		"sealed before": func(f *finding.Finding) { f.ID, f.KindName = "x", "y" },
		"the last bits": func(f *finding.Finding) { f.Value = finding.Number(math.Nextafter(0.31, 1)) },
		"minus zero":    func(f *finding.Finding) { f.Reference = finding.Number(math.Copysign(0, -1)) },
	}
	for name, change := range same {
		g := example()
		change(&g)
		offsets := g.Offsets
		g = sealed(t, g)
		if g.ID != f.ID {
			t.Errorf("%s: another id", name)
		}
		if !reflect.DeepEqual(g.Offsets, offsets) {
			t.Errorf("%s: Seal changed the offsets to %v", name, g.Offsets)
		}
	}
	other := map[string]func(f *finding.Finding){
		"model": func(f *finding.Finding) { f.Model = "x" }, "version": func(f *finding.Finding) { f.Version = "x" },
		"at": func(f *finding.Finding) { f.At = f.At.Add(1) }, "window": func(f *finding.Finding) { f.Window.Start = f.At },
		"onset": func(f *finding.Finding) { f.Onset = f.At }, "slice": func(f *finding.Finding) { f.Slice = nil },
		"subject": func(f *finding.Finding) { f.Subject = "x" }, "channel": func(f *finding.Finding) { f.Channel = "x" },
		"metric": func(f *finding.Finding) { f.Metric = "x" }, "value": func(f *finding.Finding) { f.Value = 0.310001 },
		"n": func(f *finding.Finding) { f.N.Current++ }, "evidence": func(f *finding.Finding) { f.Evidence.Log10 = 5 },
		"verdict": func(f *finding.Finding) { f.Verdict = finding.Breach }, "severity": func(f *finding.Finding) { f.Severity = finding.Info },
		"numbers": func(f *finding.Finding) { f.Numbers = nil }, "impact": func(f *finding.Finding) { f.Impact = nil },
		"baseline": func(f *finding.Finding) { f.Baseline = "x" }, "contract": func(f *finding.Finding) { f.Contract = "x" },
	}
	for name, change := range other {
		g := example()
		change(&g)
		if g = sealed(t, g); g.ID == f.ID {
			t.Errorf("another %s, the same id", name)
		}
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		in   float64
		want string
	}{
		{math.NaN(), "null"},
		{math.Inf(1), "null"},
		{math.Inf(-1), "null"},
		{0, "0"},
		{math.Copysign(0, -1), "0"},
		{0.1 + 0.2, "0.3"},
		{1.0 / 3, "0.3333333333"},
		{-2.0 / 3, "-0.6666666667"},
		{12345678901, "12345678900"},
		{1e21, "1e+21"},
		{1.23456789049e-9, "1.23456789e-9"},
		{math.MaxFloat64, "1.7976931348623157e+308"}, // ten digits of it would be infinite
		{5e-324, "5e-324"},
	} {
		b, err := json.Marshal(finding.Number(c.in))
		if err != nil || string(b) != c.want {
			t.Errorf("%v is written %s, %v; want %s", c.in, b, err, c.want)
			continue
		}
		var n finding.Number
		if err := json.Unmarshal(b, &n); err != nil || n.Valid() != (c.want != "null") {
			t.Errorf("%s is read as %v, %v", b, n, err)
		}
		if finding.Number(c.in).Valid() != n.Valid() {
			t.Errorf("%v: valid before is %t, after %t", c.in, finding.Number(c.in).Valid(), n.Valid())
		}
	}
	var n finding.Number
	if err := json.Unmarshal([]byte(`"1"`), &n); err == nil {
		t.Errorf("text was read as %v", n)
	}
}

// What was rounded once stays: reading and writing again changes nothing, and no value moves by more than its tenth digit.
func TestRoundIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Float64().Draw(t, "v")
		r := finding.Number(v).Round()
		if again := finding.Number(r).Round(); again != r {
			t.Fatalf("%v rounds to %v, that to %v", v, r, again)
		}
		if math.Abs(r-v) > 5.0001e-10*math.Abs(v) && math.Abs(v) > 1e-300 {
			t.Fatalf("%v rounds to %v", v, r)
		}
	})
}

func TestEventRoundTrip(t *testing.T) {
	f := sealed(t, example())
	b, err := finding.Event(&f)
	if err != nil {
		t.Fatal(err)
	}
	got, err := finding.ReadEvent(b)
	if err != nil {
		t.Fatal(err)
	}
	// The one number that isn't there can't be compared by ==.
	if got.Numbers[1].Before.Valid() {
		t.Errorf("no number came back as %v", got.Numbers[1].Before)
	}
	got.Numbers[1].Before, f.Numbers[1].Before = 0, 0
	if !reflect.DeepEqual(got, f) {
		t.Errorf("came back as\n%+v, want\n%+v", got, f)
	}
	got.Numbers[1].Before = finding.None()
	if got = sealed(t, got); got.ID != f.ID {
		t.Errorf("read from its event the finding has id %s, before %s", got.ID, f.ID)
	}
	for in, want := range map[string]string{
		"{":                            "read finding: unexpected end of JSON input",
		`{"data":{"kind":"incident"}}`: `read finding: kind is "incident", want "finding"`,
		`{}`:                           `read finding: kind is "", want "finding"`,
	} {
		if _, err := finding.ReadEvent([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
}

// FuzzReadEvent: no panic; what was read can be written and read again, and is the same then.
func FuzzReadEvent(f *testing.F) {
	for _, x := range []finding.Finding{example(), bare()} {
		x = sealed(f, x)
		b, err := finding.Event(&x)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := finding.ReadEvent(in)
		if err != nil {
			return
		}
		once, err := finding.Event(&got)
		if err != nil {
			t.Skip() // a time that RFC 3339 can't write
		}
		again, err := finding.ReadEvent(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		twice, err := finding.Event(&again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s, then %s, %v", once, twice, err)
		}
	})
}

// variants differ from one another in what Compare looks at.
func variants(t *testing.T) []finding.Finding {
	var out []finding.Finding
	for _, at := range []time.Duration{0, time.Hour} {
		for _, model := range []string{"a", "b"} {
			for _, subject := range []string{"x", "y"} {
				for _, slice := range []map[string]string{nil, {"r": "n"}, {"r": "s"}} {
					for _, value := range []finding.Number{1, 2, finding.None()} {
						f := example()
						f.At, f.Model, f.Subject, f.Slice, f.Value = f.At.Add(at), model, subject, slice, value
						out = append(out, sealed(t, f))
					}
				}
			}
		}
	}
	return out
}

func TestCompareIsATotalOrder(t *testing.T) {
	all := variants(t)
	want := slices.SortedFunc(slices.Values(all), finding.Compare)
	for i := range want {
		for j := range want {
			got, opposite := finding.Compare(want[i], want[j]), finding.Compare(want[j], want[i])
			if got != -opposite || (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Fatalf("of sorted findings %d and %d: %d and %d", i, j, got, opposite)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(all).Draw(t, "order")
		slices.SortFunc(order, finding.Compare)
		for i := range order {
			if order[i].ID != want[i].ID {
				t.Fatalf("place %d depends on the order before", i)
			}
		}
	})
	for i := 1; i < len(want); i++ {
		if want[i].At.Before(want[i-1].At) {
			t.Fatal("not by time first")
		}
	}
}

func TestSignalKeepsItsNameOverTime(t *testing.T) {
	f, later := example(), example()
	later.At, later.Value, later.Verdict, later.Version, later.Severity = later.At.Add(time.Hour), 9, finding.Equivalent, "v8", finding.Info
	if f.Signal() != later.Signal() {
		t.Error("the signal's name changes over time")
	}
	seen := map[string]string{f.Signal(): "itself"}
	for name, change := range map[string]func(f *finding.Finding){
		"channel": func(f *finding.Finding) { f.Channel = "missing" }, "subject": func(f *finding.Finding) { f.Subject = "age" },
		"metric": func(f *finding.Finding) { f.Metric = "shift" }, "slice": func(f *finding.Finding) { f.Slice = nil },
	} {
		g := example()
		change(&g)
		if other, taken := seen[g.Signal()]; taken {
			t.Errorf("another %s is called like %s", name, other)
		}
		seen[g.Signal()] = name
	}
}

func TestAlarming(t *testing.T) {
	for v, want := range map[finding.Verdict]bool{
		finding.Drift: true, finding.Breach: true, finding.Fault: true,
		finding.Equivalent: false, finding.Undecided: false, finding.Learning: false,
	} {
		if got := (&finding.Finding{Verdict: v}).Alarming(); got != want {
			t.Errorf("%s: %t", v, got)
		}
	}
}

func TestSliceKey(t *testing.T) {
	for _, c := range []struct {
		slice map[string]string
		want  string
	}{
		{nil, ""},
		{map[string]string{}, ""},
		{map[string]string{"b": "2", "a": "1"}, "a=1, b=2"},
		{map[string]string{"region": "north west"}, "region=north west"},
		{map[string]string{"a": ""}, "a="},
		{map[string]string{"a": "1, b=2"}, `a="1, b=2"`},
		{map[string]string{"a": `x"y`}, `a="x\"y"`},
	} {
		if got := finding.SliceKey(c.slice); got != c.want {
			t.Errorf("%v is %s, want %s", c.slice, got, c.want)
		}
	}
	text := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', '=', ',', ' ', '"', '\\', 0}), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.MapOfN(text, text, 0, 3).Draw(t, "a"), rapid.MapOfN(text, text, 0, 3).Draw(t, "b")
		if ka, kb := finding.SliceKey(a), finding.SliceKey(b); (ka == kb) != maps.Equal(a, b) {
			t.Fatalf("%q is %s, %q is %s", a, ka, b, kb)
		}
		if k := finding.SliceKey(a); strings.Contains(k, "\x00") {
			t.Fatalf("%q would end the part of a signal's name", k)
		}
	})
}
