package sketch

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Frequent names the most frequent texts of a stream in bounded memory, by the counters of Misra & Gries (1982), emptied in bulk as
// Anderson et al. (2017, "A High-Performance Algorithm for Identifying Most Frequent Items in Data Streams") do: of up to 2 size
// counters, once one more is needed, all are lowered by the (size+1)-th largest count, and those that come to 0 or less go. Two of
// them are added counter by counter, and lowered likewise (Agarwal et al. 2012, "Mergeable Summaries", section 3).
//
// A count is never too high, and too low by at most Error: whenever all are lowered by c, at least size+1 of them lose c, so that
// (size+1) Error + (what the counters hold) <= Total, whatever was added and merged in whatever order. So every text that stands for more
// than a share of 1/(size+1) of all is here.
//
// Which rare texts are here, and how far counts are too low, does depend on the order and on how the stream was cut into parts before
// merging: no summary of bounded memory can avoid that. So it describes to people and has no binary form: it must never enter bytes that have
// to be the same for any grouping (sets, fragments, panes, what verdicts are made of); there Texts counts the categories of the plan
// and the others as one, exactly. The same operations in the same order give the same answers: no map order is seen in them.
//
// It keeps whole texts, copied; how long they may be is for its user to bound. It isn't safe for use by several goroutines.
type Frequent struct {
	size   int
	counts map[string]int64
	total  int64
	lost   int64
}

// FrequentText is a text and how often it came, at least and at most.
type FrequentText struct {
	Text        string
	Least, Most int64
}

// NewFrequent makes a summary whose counts are too low by at most 1/(size+1) of all texts; size is at least 1. It holds at most 2 size texts.
func NewFrequent(size int) *Frequent {
	return &Frequent{size: max(size, 1), counts: map[string]int64{}}
}

// Add adds a text.
func (f *Frequent) Add(text string) { f.AddTimes(text, 1) }

// AddTimes adds a text so many times; nothing if times isn't positive.
func (f *Frequent) AddTimes(text string, times int64) {
	if times <= 0 {
		return
	}
	f.total += times
	if n, ok := f.counts[text]; ok {
		f.counts[text] = n + times
		return
	}
	f.counts[strings.Clone(text)] = times
	f.lower()
}

// Merge adds what o holds; o stays as it is. Of two sizes the smaller one counts from then on.
func (f *Frequent) Merge(o *Frequent) {
	f.total += o.total
	f.lost += o.lost
	f.size = min(f.size, o.size)
	if f == o {
		for text := range f.counts {
			f.counts[text] *= 2
		}
		return
	}
	for text, n := range o.counts {
		f.counts[text] += n
	}
	f.lower()
}

// lower makes room if there are more than 2 size counters.
func (f *Frequent) lower() {
	if len(f.counts) <= 2*f.size {
		return
	}
	counts := slices.Sorted(maps.Values(f.counts))
	by := counts[len(counts)-1-f.size]
	f.lost += by
	for text, n := range f.counts {
		if n <= by {
			delete(f.counts, text)
		} else {
			f.counts[text] = n - by
		}
	}
}

// Total is how many texts were added, exactly.
func (f *Frequent) Total() int64 { return f.total }

// Error is by how much any count may be too low, that of a text which isn't here included: at most Total/(size+1).
func (f *Frequent) Error() int64 { return f.lost }

// Top is at most n texts, the most frequent first; of equally frequent ones in the order of their bytes.
func (f *Frequent) Top(n int) []FrequentText {
	out := make([]FrequentText, 0, len(f.counts))
	for text, least := range f.counts {
		out = append(out, FrequentText{Text: text, Least: least, Most: least + f.lost})
	}
	slices.SortFunc(out, func(a, b FrequentText) int {
		return cmp.Or(cmp.Compare(b.Least, a.Least), strings.Compare(a.Text, b.Text))
	})
	return out[:min(max(n, 0), len(out))]
}
