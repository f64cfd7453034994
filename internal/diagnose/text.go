package diagnose

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// text is a categorical column of a case.
type text struct {
	at       int
	column   *plan.Column
	ref, cur *sketch.Column
	distinct *sketch.Distinct // of cur; nil: not known
	moved    float64
	noise    float64
}

func newText(p *plan.Plan, at int, ref, cur *Side) *text {
	c := &p.Columns[at]
	t := &text{at: at, column: c, ref: &ref.Set.Columns[at], cur: &cur.Set.Columns[at]}
	if cur.Summary != nil {
		t.distinct = cur.Summary.Columns[at].Distinct
	}
	t.moved = variation(t.ref.Bins, t.cur.Bins)
	t.noise = variationNoise(t.ref.Bins, total(t.ref.Bins), total(t.cur.Bins)) * math.Sqrt(max(1, c.Reference.Null.Deff))
	return t
}

func (t *text) newShare() float64 { return float64(t.cur.New) / float64(max(1, t.cur.Valid())) }

// newBefore is the share of new values that the reference leads to expect.
func (t *text) newBefore() float64 {
	return float64(t.column.Reference.Singles) / float64(max(1, t.ref.Valid()))
}

func (t *text) movedMuch() bool {
	return t.moved > max(0.05, t.noise) || t.newShare() > t.newBefore()+0.05
}

func (t *text) weight() float64 { return max(t.moved, t.newShare()) / max(t.noise, 1e-6) }

func same(s string) string { return s }

// rewriting is a way in which texts get written otherwise.
type rewriting struct {
	words, fix string
	of         func(string) string
}

// rewritings are tried in their order: of two that do the same to a column's texts the first is told.
var rewritings = append([]rewriting{
	{"in lower case", "restore the case", strings.ToLower},
	{"in upper case", "restore the case", strings.ToUpper},
	{"with capitals at the beginning of words", "restore the case", titled},
	{"with a capital in front", "restore the case", capitalised},
	{"with a blank behind", "trim blanks", func(s string) string { return s + " " }},
	{"with a blank in front", "trim blanks", func(s string) string { return " " + s }},
	{"with blanks around", "trim blanks", func(s string) string { return " " + s + " " }},
	{"without blanks around", "restore the blanks", strings.TrimSpace},
	{"without leading zeros", "pad with zeros again", unpadded},
	{"with _ for blanks", "write blanks again", func(s string) string { return strings.ReplaceAll(s, " ", "_") }},
	{"with - for blanks", "write blanks again", func(s string) string { return strings.ReplaceAll(s, " ", "-") }},
	{"with %20 for blanks", "decode it", func(s string) string { return strings.ReplaceAll(s, " ", "%20") }},
	{"with + for blanks", "decode it", func(s string) string { return strings.ReplaceAll(s, " ", "+") }},
	{"escaped for HTML", "decode it", html.EscapeString},
	{"with a byte order mark in front", "strip the mark", func(s string) string { return "\ufeff" + s }},
	{"with a carriage return behind", "strip line ends", func(s string) string { return s + "\r" }},
	{"with a line end behind", "strip line ends", func(s string) string { return s + "\n" }},
	{"without blanks", "write blanks again", func(s string) string { return strings.ReplaceAll(s, " ", "") }},
	{"in lower case with _ for blanks", "restore case and blanks", func(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "_") }},
	{"in upper case with _ for blanks", "restore case and blanks", func(s string) string { return strings.ReplaceAll(strings.ToUpper(s), " ", "_") }},
	{"with - for _", "write _ again", func(s string) string { return strings.ReplaceAll(s, "_", "-") }},
	{"with blanks for _", "write _ again", func(s string) string { return strings.ReplaceAll(s, "_", " ") }},
	{"as UTF-8 read as Latin-1", "decode as UTF-8", mojibake},
	{"without accents", "keep the encoding", unaccented},
	{"in quotes", "strip the quotes", func(s string) string { return `"` + s + `"` }},
	{"in single quotes", "strip the quotes", func(s string) string { return "'" + s + "'" }},
	{"as decimal numbers", "write whole numbers without a fraction", func(s string) string { return s + ".0" }},
	{"without .0", "write the fraction again", func(s string) string { return strings.TrimSuffix(s, ".0") }},
	{"backwards", "restore the order of characters", backwards},
	{"as their first letters", "write all of it", func(s string) string { return cut(s, 1) }},
	{"cut after 2 characters", "write all of it", func(s string) string { return cut(s, 2) }},
	{"cut after 3 characters", "write all of it", func(s string) string { return cut(s, 3) }},
	{"cut after 4 characters", "write all of it", func(s string) string { return cut(s, 4) }},
	{"cut after 5 characters", "write all of it", func(s string) string { return cut(s, 5) }},
	{"cut after 8 characters", "write all of it", func(s string) string { return cut(s, 8) }},
	{"cut after 10 characters", "write all of it", func(s string) string { return cut(s, 10) }},
}, padded()...)

func padded() (out []rewriting) {
	for w := 2; w <= 10; w++ {
		out = append(out, rewriting{fmt.Sprintf("padded with zeros to %d characters", w), "strip leading zeros", func(s string) string {
			if k := w - utf8.RuneCountInString(s); k > 0 {
				return strings.Repeat("0", k) + s
			}
			return s
		}})
	}
	return out
}

func titled(s string) string {
	before := ' '
	return strings.Map(func(r rune) rune {
		defer func() { before = r }()
		if unicode.IsLetter(before) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}

func capitalised(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + strings.ToLower(s[n:])
}

func unpadded(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return s
}

// mojibake is what comes of UTF-8 whose bytes are taken for characters.
func mojibake(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// accents are letters with marks and without.
var accents = strings.NewReplacer("ä", "a", "ö", "o", "ü", "u", "Ä", "A", "Ö", "O", "Ü", "U", "ß", "ss", "é", "e", "è", "e", "ê", "e", "á", "a", "à", "a",
	"â", "a", "ó", "o", "ô", "o", "í", "i", "î", "i", "ú", "u", "ñ", "n", "ç", "c", "ø", "o", "å", "a")

func unaccented(s string) string { return accents.Replace(s) }

func backwards(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func cut(s string, n int) string {
	r := []rune(s)
	return string(r[:min(n, len(r))])
}

// overlap is the share of the reference's values whose category, rewritten, was seen: of those that have a bin and that the rewriting changes.
func overlap(seen *sketch.Distinct, l *plan.Layout, bins []int64, of func(string) string) float64 {
	var all, found int64
	for i, c := range l.Categories {
		w := of(c)
		all += bins[i]
		if seen.Has(sketch.HashString(w)) {
			found += bins[i]
		}
	}
	if all == 0 {
		return 0
	}
	return float64(found) / float64(all)
}

// changed is the share of the reference's values that a rewriting makes into texts that the plan doesn't know.
func (t *text) changed(of func(string) string) (share float64, texts int) {
	var all, k int64
	for i, c := range t.column.Layout.Categories {
		all += t.ref.Bins[i]
		if w := of(c); w != c {
			if _, isNew := sketch.BinString(&t.column.Layout, w); isNew {
				k += t.ref.Bins[i]
				texts++
			}
		}
	}
	return float64(k) / float64(max(1, all)), texts
}

// recoded looks for categories that are written otherwise, in all rows or in some.
func (t *text) recoded() *Cause {
	share := t.newShare()
	if t.distinct == nil || t.cur.Valid() < fewestRows || share < t.newBefore()+0.02 {
		return nil
	}
	for i := range rewritings {
		r := &rewritings[i]
		may, texts := t.changed(r.of)
		if texts == 0 || may < 0.01 || share > 1.1*may+t.noise+t.newBefore() {
			continue // it would make fewer unknown texts than came
		}
		all, found := 0, 0
		for j, c := range t.column.Layout.Categories {
			w := r.of(c)
			if _, isNew := sketch.BinString(&t.column.Layout, w); w == c || !isNew {
				continue
			}
			if expected := share / may * float64(t.ref.Bins[j]) / float64(max(1, total(t.ref.Bins))) * float64(t.cur.Valid()); expected < 5 {
				continue // it may be missing by chance
			}
			all++
			if t.distinct.Has(sketch.HashString(w)) {
				found++
			}
		}
		if all == 0 || float64(found) < 0.9*float64(all) {
			continue
		}
		out := &Cause{
			Kind: Recoded, Columns: []string{t.column.Name}, Weight: t.weight(), Confidence: explained(float64(all)+0.1, float64(all-found)),
			Parameters: map[string]string{"to": r.words}, Fix: r.fix,
			Evidence: []string{
				fmt.Sprintf("%s of its values are texts that the reference doesn't have (was %s)", percent(share), percent(t.newBefore())),
				fmt.Sprintf("%d of its %d frequent categories were seen %s", found, all, r.words),
			},
		}
		if part := share / may; part < 0.9 {
			out.Parameters["share"] = number(part)
		}
		return out
	}
	return t.renamed()
}

// renamed looks for another vocabulary: hardly a value is one of before.
func (t *text) renamed() *Cause {
	share := t.newShare()
	if share < 0.9 {
		return nil
	}
	before, now := len(t.column.Layout.Categories)+len(t.column.Layout.Known), t.distinct.Estimate()
	if now < 2 || math.Abs(float64(now)-float64(before)) > 0.2*float64(before)+1 {
		return nil
	}
	return &Cause{
		Kind: Recoded, Columns: []string{t.column.Name}, Weight: t.weight(), Confidence: 0.7, Parameters: map[string]string{"to": "another vocabulary"},
		Fix:      "map the new texts to those of before",
		Evidence: []string{fmt.Sprintf("%s of its values are texts that the reference doesn't have; there are %d of them, and were %d", percent(share), now, before)},
		Against:  []string{"which text stands for which isn't counted"},
	}
}

// nothing are texts that stand for none.
var nothing = []string{
	"", "null", "NULL", "Null", "NA", "N/A", "n/a", "na", "NaN", "nan", "none", "None", "NONE", "nil", "-", "--", "?", ".", "0", "-1", "-999", "999", "9999",
	"unknown", "Unknown", "UNKNOWN", "undefined", "missing", "(null)", "\\N", "#N/A", "default", "other",
}

// placeholder looks for a text that stands for a missing value.
func (t *text) placeholder() *Cause {
	lost := float64(t.ref.Missing)/float64(max(1, t.ref.N)) - float64(t.cur.Missing)/float64(max(1, t.cur.N))
	share := t.newShare()
	if t.cur.Valid() < fewestRows || lost < 0.01 || lost < 3.5*math.Sqrt(float64(t.ref.Missing)/float64(max(1, t.ref.N))/float64(max(1, t.cur.N))) {
		return nil
	}
	was := float64(t.ref.Missing) / float64(max(1, t.ref.N))
	is := float64(t.cur.Missing) / float64(max(1, t.cur.N))
	out := &Cause{
		Columns: []string{t.column.Name}, Weight: max(t.weight(), lost/max(t.noise, 1e-6)), Parameters: map[string]string{"share": number(lost)},
		Evidence: []string{fmt.Sprintf("%s of its values are missing (was %s)", percent(is), percent(was))},
	}
	here := share * float64(t.cur.Valid()) / float64(max(1, t.cur.N))
	if here > 0.5*lost && t.distinct != nil {
		for _, s := range nothing {
			if _, isNew := sketch.BinString(&t.column.Layout, s); isNew && t.distinct.Has(sketch.HashString(s)) {
				out.Kind, out.Confidence, out.Fix = Sentinel, explained(max(lost, here), math.Abs(lost-here)), fmt.Sprintf("read %q as missing", s)
				out.Parameters["value"] = s
				out.Evidence = append(out.Evidence, fmt.Sprintf("%q came, which the reference doesn't have", s))
				return out
			}
		}
		out.Kind, out.Confidence, out.Fix = Fallback, explained(max(lost, here), math.Abs(lost-here)), "find what fills in missing values, and read it as missing"
		return out
	}
	at, gain := t.gained()
	if at >= 0 && !t.othersStay(at) {
		return nil // the others have moved among themselves: it is more than that
	}
	here = gain * float64(t.cur.Valid()) / float64(max(1, t.cur.N))
	if at < 0 || lost < 0.5*was || math.Abs(here-lost) > max(0.3*lost, 0.02) {
		// The share gained is of more values than before: those that were missing are among them.
		return nil
	}
	out.Kind, out.Confidence = Fallback, explained(max(lost, here), math.Abs(lost-here))
	v := t.column.Layout.Categories[at]
	if slices.Contains(nothing, v) {
		out.Kind = Sentinel
	}
	out.Parameters["value"], out.Fix = v, fmt.Sprintf("write missing values as missing; %q may stand for them from the onset on", v)
	return out
}

// othersStay reports whether the categories beside some have kept their shares of what is beside them.
func (t *text) othersStay(but ...int) bool {
	ref, cur := slices.Clone(t.ref.Bins), slices.Clone(t.cur.Bins)
	for _, at := range but {
		ref[at], cur[at] = 0, 0
	}
	return variation(ref, cur) < max(0.02, variationNoise(ref, total(ref), total(cur))*math.Sqrt(max(1, t.column.Reference.Null.Deff)))
}

// gained is the category that has gained most, and how much of the values that are there now it has beyond its share of those that were there before.
func (t *text) gained() (at int, share float64) {
	at = -1
	n, m := float64(max(1, t.cur.N)), float64(max(1, t.ref.N))
	for i := range t.column.Layout.Categories {
		g := (float64(t.cur.Bins[i])/n - float64(t.ref.Bins[i])/m) * n / float64(max(1, t.cur.Valid()))
		if g > share {
			at, share = i, g
		}
	}
	return at, share
}

// stuck looks for one category that is nearly all there is.
func (t *text) stuck() *Cause {
	n := t.cur.Valid()
	if n < fewestRows/2 {
		return nil
	}
	for i, c := range t.column.Layout.Categories {
		is, was := float64(t.cur.Bins[i])/float64(n), float64(t.ref.Bins[i])/float64(max(1, t.ref.Valid()))
		if is > 0.95 && (was < 0.5 || is == 1 && float64(n)*math.Log(max(was, 1e-12)) < math.Log(1e-9)) {
			return &Cause{
				Kind: Stuck, Columns: []string{t.column.Name}, Weight: t.weight(), Confidence: explained(1, 1-is), Parameters: map[string]string{"value": c},
				Evidence: []string{fmt.Sprintf("%s of its values are %q (was %s)", percent(is), c, percent(was))},
				Fix:      "find what has stopped to update it; values from the onset on say nothing",
			}
		}
	}
	return nil
}

// merged looks for categories that went over to others: each share that is gone is another's, or several have changed places.
func (t *text) merged() *Cause {
	n, m := t.cur.Valid(), t.ref.Valid()
	if n < manyRows/2 || t.moved <= max(least, t.noise) || t.newShare() > t.newBefore()+0.02 {
		return nil
	}
	deff := max(1, t.column.Reference.Null.Deff)
	var up, down []int
	for i := range t.column.Layout.Categories {
		z := away(t.cur.Bins[i], n, t.ref.Bins[i], m, deff)
		switch {
		case z > 5:
			up = append(up, i)
		case z < -5:
			down = append(down, i)
		}
	}
	if len(up) != 1 || len(down) != 1 {
		return nil
	}
	a, b := down[0], up[0]
	share := func(bins []int64, i int, of int64) float64 { return float64(bins[i]) / float64(max(1, of)) }
	wasA, wasB, isA, isB := share(t.ref.Bins, a, m), share(t.ref.Bins, b, m), share(t.cur.Bins, a, n), share(t.cur.Bins, b, n)
	from, to := t.column.Layout.Categories[a], t.column.Layout.Categories[b]
	out := &Cause{Kind: Recoded, Columns: []string{t.column.Name}, Weight: t.weight(), Parameters: map[string]string{"from": from, "to": to}}
	near := func(is, was float64) bool {
		return math.Abs(is-was) < 3*math.Sqrt(deff*(1/float64(n)+1/float64(m))*max(was*(1-was), 1/float64(n)))
	}
	switch {
	case near(isA, wasB) && near(isB, wasA) && t.othersStay(a, b) && t.exchanged(a, b):
		out.Evidence = []string{fmt.Sprintf("%q and %q have changed places: %s and %s (were %s and %s)", from, to, percent(isA), percent(isB), percent(wasA), percent(wasB))}
		out.Fix, out.Confidence = "exchange the two", explained(t.moved, math.Abs(isA-wasB))
		out.Parameters["swapped"] = "true"
	case isA < 0.02*wasA && near(isB, wasA+wasB):
		out.Evidence = []string{fmt.Sprintf("%q is gone (was %s), and %q has as much more: %s (was %s)", from, percent(wasA), to, percent(isB), percent(wasB))}
		out.Fix, out.Confidence = fmt.Sprintf("find what writes %q as %q", from, to), explained(t.moved, math.Abs(isB-wasA-wasB))
	default:
		return nil
	}
	return out
}

// exchanged reports whether two categories that have changed places explain the counts, and better than one that has become more frequent or less, which
// changes the others' shares in proportion: by ten units of log-likelihood, of rows as clustered as the reference's.
func (t *text) exchanged(a, b int) bool {
	n, m := float64(t.cur.Valid()), float64(t.ref.Valid())
	scale := max(1, t.column.Reference.Null.Deff) * (1 + n/m) // what the reference's shares may be off counts as well
	was := shares(floats(t.ref.Bins))
	left := func(of func(i int) float64) float64 {
		g := 0.
		for i, k := range t.cur.Bins {
			if k > 0 {
				g += float64(k) * math.Log(float64(k)/n/of(i))
			}
		}
		return g / scale
	}
	places := left(func(i int) float64 {
		switch i {
		case a:
			return was[b]
		case b:
			return was[a]
		}
		return was[i]
	})
	alone := func(at int) float64 {
		is := float64(t.cur.Bins[at]) / n
		return left(func(i int) float64 {
			if i == at {
				return is
			}
			return was[i] * (1 - is) / (1 - was[at])
		})
	}
	return places+10 < min(alone(a), alone(b))
}

func floats(counts []int64) []float64 {
	out := make([]float64, len(counts))
	for i, k := range counts {
		out[i] = float64(k)
	}
	return out
}

// unseen looks for a category that the reference doesn't have.
func (t *text) unseen() *Cause {
	share, was := t.newShare(), t.newBefore()
	if t.column.Layout.Open || t.cur.Valid() < fewestRows || share < was+0.005 || away(t.cur.New, t.cur.Valid(), t.column.Reference.Singles, t.ref.Valid(), 1) < 5 {
		return nil
	}
	return &Cause{
		Kind: NewCategory, Columns: []string{t.column.Name}, Weight: max(t.moved, share) / max(t.noise, 1e-6), Confidence: explained(share, was),
		Parameters: map[string]string{"share": number(share)}, Fix: "learn what it is; the model has never seen it",
		Evidence: []string{fmt.Sprintf("%s of its values are texts that the reference doesn't have (was %s)", percent(share), percent(was))},
	}
}
