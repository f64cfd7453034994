package expr

import "strings"

// Nearest is the entry of among that name most likely meant: the one with the smallest edit distance (Damerau 1964, each
// place edited once, case ignored), at most a third of the longer one's length; of equals the first. It is "" if none is that near.
func Nearest(name string, among []string) string {
	best, at := "", 0
	for _, cand := range among {
		d := distance(strings.ToLower(name), strings.ToLower(cand))
		if 3*d > max(len(name), len(cand)) {
			continue
		}
		if best == "" || d < at {
			best, at = cand, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with their neighbour to turn a into b. It looks at the
// first 128 bytes: names are short.
func distance(a, b string) int {
	a, b = a[:min(len(a), 128)], b[:min(len(b), 128)]
	before, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, prev, row = prev, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j+1]+1, row[j]+1, prev[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
