package incident

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Rate is what people said of the alarms of a model, of all time or of those that opened in one month.
type Rate struct {
	Model  string `json:"model"`
	Month  string `json:"month,omitempty"` // 2026-03, by the time they opened; none: all
	Opened int    `json:"opened"`          // incidents
	Pages  int    `json:"pages"`           // of them those of severity page
	True   int    `json:"true"`
	False  int    `json:"false"`

	FalsePages int               `json:"false_pages"`
	Share      finding.Number    `json:"false_share"` // of those judged; null: none was
	Band       [2]finding.Number `json:"band"`        // 95 % (Wilson's score interval)
}

// Judged is how many of them have a verdict.
func (r *Rate) Judged() int { return r.True + r.False }

// Rates counts verdicts by model, and by model and month; what was merged into another incident counts there. Models are sorted, and of each
// all months come first, then the months in order.
func Rates(all []Incident) []Rate {
	byName := map[[2]string]*Rate{}
	for i := range all {
		inc := &all[i]
		if inc.MergedInto != "" {
			continue
		}
		for _, month := range []string{"", inc.OpenedAt.UTC().Format("2006-01")} {
			r := byName[[2]string{inc.Model, month}]
			if r == nil {
				r = &Rate{Model: inc.Model, Month: month}
				byName[[2]string{inc.Model, month}] = r
			}
			r.count(inc)
		}
	}
	out := make([]Rate, 0, len(byName))
	for _, r := range byName {
		r.share()
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Rate) int {
		return cmp.Or(strings.Compare(a.Model, b.Model), strings.Compare(a.Month, b.Month))
	})
	return out
}

func (r *Rate) count(inc *Incident) {
	page := inc.Severity == finding.Page
	r.Opened++
	if page {
		r.Pages++
	}
	switch {
	case inc.Verdict == nil:
	case inc.Verdict.Says == FalseAlarm:
		r.False++
		if page {
			r.FalsePages++
		}
	default:
		r.True++
	}
}

// share is what of those judged was false. Of none nothing is known.
func (r *Rate) share() {
	n := r.Judged()
	if n == 0 {
		r.Share, r.Band = finding.None(), [2]finding.Number{finding.None(), finding.None()}
		return
	}
	low, high := stat.Wilson(int64(r.False), int64(n), 0.05)
	r.Share, r.Band = finding.Number(float64(r.False)/float64(n)), [2]finding.Number{finding.Number(low), finding.Number(high)}
}
