package fairness

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// fewestInStratum is how many decisions on each group a part must hold to count.
const fewestInStratum = 30

// Reversed says where a group is selected more often than the one it is compared with, or less, and in every part by another slice dimension the other way round
// (Simpson 1951): then how the groups are spread over the parts makes the gap, not how they are decided on. The aggregate gap and the parts' together (Mantel &
// Haenszel 1959) must both be more than chance at 5 %.
func Reversed(p *plan.Plan, t *Tally, dim int) []string {
	var out []string
	against := Against(p, []int{dim})
	for _, pair := range Pairs(t.By([]int{dim}), against) {
		whole, ok := direction(&pair)
		if !ok {
			continue
		}
		for by := range p.Slices {
			if by == dim {
				continue
			}
			strata := t.strata(dim, by, pair.Codes[0], against)
			if len(strata) < 2 || !oppose(strata, whole) {
				continue
			}
			out = append(out, fmt.Sprintf("%s is selected %s often than %s, but %s often in each of %d parts by %s: the parts differ, see Simpson's paradox in docs/fairness.md",
				finding.SliceKey(pair.Labels(p, []int{dim})), word(whole), other(p, []int{dim}, against), word(-whole), len(strata), p.Slices[by].Name))
		}
	}
	return out
}

func word(sign float64) string {
	if sign > 0 {
		return "more"
	}
	return "less"
}

// other names what groups are compared with.
func other(p *plan.Plan, dims, against []int) string {
	if against == nil {
		return "all others"
	}
	g := Group{Codes: against}
	return finding.SliceKey(g.Labels(p, dims))
}

// direction is the sign of the difference of selection rates; ok is false where it may be chance.
func direction(p *Pair) (sign float64, ok bool) {
	lo, hi := stat.Newcombe(p.Selected, p.Decided, p.Other.Selected, p.Other.Decided, level)
	switch {
	case lo > 0:
		return 1, true
	case hi < 0:
		return -1, true
	}
	return 0, false
}

// strata are a group and its counterpart in each part by another dimension that holds enough of both.
func (t *Tally) strata(dim, by, code int, against []int) []Pair {
	parts := map[int][]Group{}
	var order []int
	for _, g := range t.By([]int{by, dim}) {
		part := g.Codes[0]
		if parts[part] == nil {
			order = append(order, part)
		}
		parts[part] = append(parts[part], Group{g.Codes[1:], g.Counts})
	}
	var out []Pair
	for _, part := range order {
		for _, pair := range Pairs(parts[part], against) {
			if pair.Codes[0] == code && pair.Decided >= fewestInStratum && pair.Other.Decided >= fewestInStratum {
				out = append(out, pair)
			}
		}
	}
	return out
}

// oppose reports whether every part points the other way than sign, and they together by more than chance.
func oppose(strata []Pair, sign float64) bool {
	parts := make([]stat.Stratum, len(strata))
	for i, s := range strata {
		parts[i] = stat.Stratum{K1: s.Selected, N1: s.Decided, K2: s.Other.Selected, N2: s.Other.Decided}
	}
	all, ok := stat.Stratify(parts, level)
	agree := all.Up
	if sign < 0 {
		agree = all.Down
	}
	return ok && all.Reversed && agree == 0
}
