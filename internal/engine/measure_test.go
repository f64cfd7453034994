package engine

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// What is left without one part is the sum of all others, to the byte, and the parts stay as they are.
func TestLeaveOneOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const bins = 3
		parts := make([]truth.Counts, rapid.IntRange(0, 9).Draw(t, "parts"))
		before := make([][]byte, len(parts))
		for i := range parts {
			parts[i] = truth.Binary{Curve: sketch.NewCurve(bins)}
			for range rapid.IntRange(0, 4).Draw(t, "outcomes") {
				score := rapid.Int64Range(0, sketch.ScoreScale).Draw(t, "score")
				said := truth.Answer{Bin: rapid.IntRange(0, bins-1).Draw(t, "bin"), Score: score, Positive: rapid.Bool().Draw(t, "decision")}
				truth.Count(parts[i], &said, &truth.Label{Positive: rapid.Bool().Draw(t, "positive")}, 1)
			}
			before[i] = parts[i].AppendBinary(nil)
		}
		got, err := leaveOneOut(truth.Binary{Curve: sketch.NewCurve(bins)}, parts)
		if err != nil || len(got) != len(parts) {
			t.Fatalf("%d of %d, %v", len(got), len(parts), err)
		}
		for i := range parts {
			want := truth.Counts(truth.Binary{Curve: sketch.NewCurve(bins)})
			for j, p := range parts {
				if j == i {
					continue
				}
				if err := want.Merge(p); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(want.AppendBinary(nil), got[i].AppendBinary(nil)) || !bytes.Equal(before[i], parts[i].AppendBinary(nil)) {
				t.Fatalf("without part %d of %d: another sum, or the part changed", i, len(parts))
			}
		}
	})
}
