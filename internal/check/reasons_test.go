package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/check"
)

// A check of files judges reason codes and says how many decisions carry them, by count: of the decisions that say no every second lacks them on
// two days, and every tenth always; of the others none has any.
func TestReasonCodes(t *testing.T) {
	var b strings.Builder
	var n, given, positive int64
	for i, l := range lines(32) {
		codes := []string{}
		bad := i/perDay == 27 || i/perDay == 28
		if l.score < 0.5 && i%10 != 0 && (!bad || i%2 == 0) {
			codes = []string{"R1", "R17"}
		}
		v, err := json.Marshal(map[string]any{
			"id": l.id, "ts": l.at.Format(time.RFC3339), "x": l.x, "cat": l.cat, "score": l.score, "y": json.Number(l.y), "why": codes,
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(v, '\n'))
		switch day := i / perDay; {
		case day < 20 || day == 31: // the last pane isn't over
		case l.score >= 0.5:
			positive++
		default:
			n++
			if len(codes) > 0 {
				given++
			}
		}
	}
	text := strings.Replace(head, "score: score", "score: score, reasons: why", 1) + "decision: {threshold: 0.5}\npromises: [{metric: reason_code_coverage, min: 80%, over: 2d, then: page}]\n"
	r := run(t, parse(t, text), in(map[string]string{"a.jsonl": b.String()}, "a.jsonl", "a.jsonl"))
	got := r.Reasons
	if got == nil || got.Negative.N != n || got.Negative.Given != given || got.Positive.N != positive || got.Positive.Given != 0 {
		t.Fatalf("%+v, want %d of %d, and %d", got, given, n, positive)
	}
	broken := 0
	for _, f := range r.Findings {
		if f.Metric == "reason_code_coverage" && f.Alarming() {
			broken++
			if want := time.Date(2024, 1, 28, 0, 0, 0, 0, time.UTC); !f.Window.Start.Equal(want) {
				t.Errorf("broken from %s on", f.Window.Start)
			}
		}
	}
	if broken != 1 {
		t.Errorf("%d breaches", broken)
	}
	var out bytes.Buffer
	check.Write(&out, r)
	for _, want := range []string{
		"reason codes, with 95 % bands\n", fmt.Sprintf(") of %d negative decisions\n", n), fmt.Sprintf("0 %% (0 to %.3g) of %d positive decisions\n", 100*float64(got.Positive.Band[1]), positive),
		"share of negative decisions with reason codes at least 0.8",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report doesn't say %q:\n%s", want, out.String())
		}
	}
}
