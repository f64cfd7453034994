package outcome

import "testing"

// BenchmarkChange is a prediction, its outcome and a correction of that, of one id.
func BenchmarkChange(b *testing.B) {
	effects := NewEffects(testPlans())
	rows := []Row{
		{Model: "m", Prediction: &Prediction{Plan: "a", Bin: 1, Score: 300_000_000}},
		{Model: "m", Outcome: &Outcome{Place: Place{Time: second}, Positive: true}},
		{Model: "m", Outcome: &Outcome{Place: Place{Time: 2 * second}}},
	}
	b.ReportAllocs()
	for b.Loop() {
		var s State
		for i := range rows {
			effects.Change(&s, &rows[i])
		}
	}
}
