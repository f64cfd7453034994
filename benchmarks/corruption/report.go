package corruption

import (
	"fmt"
	"io"
	"slices"
)

// Row is the scores of one way, over streams and seeds.
type Row struct {
	Kind                                               string
	Runs, Detected, Named, Wrong, Asked, Exact, OnTime int
}

func (r *Row) add(s *Score) {
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	r.Runs++
	r.Detected += one(s.Detected)
	r.Named += one(s.Named)
	r.Wrong += one(s.Wrong != "")
	r.Asked += one(s.Named && s.Asked)
	r.Exact += one(s.Named && s.Asked && s.Exact)
	r.OnTime += one(s.Named && s.OnTime)
}

// Print prints the tables: what breaks all rows, what breaks some, and worlds that move; what was held out apart.
func Print(w io.Writer, scores []Score) {
	part := func(title string, which func(*Score) bool) {
		rows, all := tabulate(scores, which)
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(w, "\n%s\n\n| | runs | detected | named right | parameter within 1 %% | onset within a pane | wrong name |\n|---|---|---|---|---|---|---|\n", title)
		for _, r := range append(rows, all) {
			fmt.Fprintf(w, "| %s | %d | %d | %d | %s | %d | %d |\n", r.Kind, r.Runs, r.Detected, r.Named, of(r.Exact, r.Asked), r.OnTime, r.Wrong)
		}
	}
	part("All rows", func(s *Score) bool { return !s.Partial && !s.Drift && !s.HeldOut })
	part("Some rows", func(s *Score) bool { return s.Partial && !s.HeldOut })
	part("Nothing broken", func(s *Score) bool { return s.Drift && !s.HeldOut })
	part("Held out: all rows", func(s *Score) bool { return !s.Partial && !s.Drift && s.HeldOut })
	part("Held out: some rows", func(s *Score) bool { return s.Partial && s.HeldOut })
	part("Held out: nothing broken", func(s *Score) bool { return s.Drift && s.HeldOut })
}

func of(k, n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", k, n)
}

func tabulate(scores []Score, which func(*Score) bool) (rows []Row, all Row) {
	all.Kind = "all"
	for _, k := range kinds() {
		row := Row{Kind: k.name}
		for i := range scores {
			if s := &scores[i]; s.Kind == k.name && which(s) {
				row.add(s)
				all.add(s)
			}
		}
		if row.Runs > 0 {
			rows = append(rows, row)
		}
	}
	return slices.Clip(rows), all
}
