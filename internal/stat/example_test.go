package stat_test

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// A hundred events look like drift by the usual rule PSI > 0.1 even when nothing changed; the corrected value doesn't.
func ExamplePSI() {
	cur := []int64{14, 6, 9, 13, 8, 11, 4, 15, 12, 8}
	ref := []int64{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}
	fmt.Printf("PSI %.2f, corrected %.2f\n", stat.PSI(cur, ref), stat.PSICorrected(cur, ref))
	// Output: PSI 0.12, corrected 0.03
}

// The same counts can't be told from a shift of 0.2 standard deviations, nor from none: more events are needed.
func ExampleJudge() {
	cur := []int64{14, 6, 9, 13, 8, 11, 4, 15, 12, 8}
	ref := []int64{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}
	floor := stat.Floor{Shift: 0.2}
	v := stat.Judge(cur, ref, floor.PSI(), 1, 0.05)
	fmt.Printf("%s: PSI %.2f, threshold %.2f, %d events would decide\n", v.State, v.PSI, v.Threshold, v.Needed)
	// Output: undecided: PSI 0.12, threshold 0.24, 3161 events would decide
}

func ExampleReliability_ROCAUC() {
	r := stat.Reliability{
		Labels: []int64{50, 50, 50}, Pos: []int64{5, 20, 45},
		LS: []int64{50 << 27, 50 << 29, 350 << 27}, LS2: []int64{50 << 24, 50 << 28, 2450 << 24}, PS: []int64{5 << 27, 20 << 29, 315 << 27},
	}
	auc, ok := r.ROCAUC()
	fmt.Printf("%.3f +- %.3f on %d, %v\n", auc.Value, auc.SE, auc.N, ok)
	// Output: 0.857 +- 0.029 on 150, true
}
