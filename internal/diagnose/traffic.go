package diagnose

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// expected is what the reference leads to expect of an hour of the week, in events per hour.
func (c *Case) expected(hourOfWeek int) float64 {
	return float64(c.Reference.Hourly[hourOfWeek]) / 1000
}

// hourlyScatter is the squared coefficient of variation that hours are allowed beyond counting: traffic of the same hour differs from week to week.
const hourlyScatter = 0.02

// clock looks for event times that are some whole hours off: from some hour on the traffic has the reference's daily profile once that is rotated, and fits
// it better than without, and better than with another number of events.
func (c *Case) clock() *Cause {
	hours := len(c.Current.Hourly)
	if len(c.Reference.Hourly) != sketch.WeekHours || hours < fewestHours {
		return nil
	}
	best, second, at, shift := 0., 0., 0, 0
	for k := -12; k <= 12; k++ {
		if k == 0 {
			continue
		}
		gain, from := c.rotated(k)
		switch {
		case hours-from < fewestHours:
		case gain > best:
			best, second, at, shift = gain, best, from, k
		case gain > second:
			second = gain
		}
	}
	if best < math.Log(23/0.001) || best-second < math.Log(20) || best < c.otherwise(at)+math.Log(20) {
		return nil
	}
	name := c.timeField()
	way := "forward"
	if shift > 0 {
		way = "back"
	}
	return &Cause{
		Kind: ClockShift, Columns: []string{name}, Parameters: map[string]string{"hours": number(float64(shift))}, Weight: best, Confidence: explained(best, second),
		Evidence: []string{fmt.Sprintf("from %s on the traffic's daily profile fits the reference's %+d hours later, with odds of e^%.0f to 1 over no shift",
			plan.FromMicros(c.hour(at)).Format("2006-01-02 15:04"), shift, best)},
		Since: c.hour(at),
		Fix:   fmt.Sprintf("set event times %d hours %s: a zone, or daylight saving, was taken for another", max(shift, -shift), way),
	}
}

// timeField is where events say when they were.
func (c *Case) timeField() string {
	field := &c.Plan.Prediction.Fields[c.Plan.Prediction.Roles.Time]
	if len(field.Path) > 0 {
		return strings.Join(field.Path, ".")
	}
	return field.Name
}

// fewestDated is how many events that came too late, or are dated ahead, tell that it is they that are missing.
const fewestDated = 20

// dated looks for events that are missing because they say that they are of another time: about as many came after their pane was closed, or wait for theirs
// further ahead than is believed, as are missing.
func (c *Case) dated() *Cause {
	usual, rows := c.usual(), float64(c.Current.Set.Rows)
	missing := usual - rows
	if usual < 30 || missing < 0.03*usual {
		return nil
	}
	off := 0.3*missing + 3*math.Sqrt(usual) + 0.03*usual
	out := &Cause{Kind: ClockShift, Columns: []string{c.timeField()}, Weight: missing / math.Sqrt(usual*(1+hourlyScatter*usual))}
	n := c.Current.Late
	switch {
	case n >= fewestDated && math.Abs(float64(n)-missing) <= off:
		out.Parameters = map[string]string{"dated": "back"}
		out.Evidence = []string{fmt.Sprintf("%d events came after their time had been judged, and %.0f are missing from what was to be expected", n, missing)}
		out.Fix = "find whose clock is slow, or who sends what is old; raise the lateness that is allowed if that is to be"
	case c.Current.Ahead >= fewestDated && math.Abs(float64(c.Current.Ahead)-missing) <= off:
		n = c.Current.Ahead
		out.Parameters = map[string]string{"dated": "ahead"}
		out.Evidence = []string{fmt.Sprintf("%d events are dated further ahead than is believed, and %.0f are missing from what was to be expected", n, missing)}
		out.Fix = "find whose clock is fast, or whose dates are of another year"
	default:
		return nil
	}
	out.Parameters["share"] = number(float64(n) / (float64(n) + rows))
	out.Confidence = explained(missing, math.Abs(float64(n)-missing))
	if len(c.Current.Hourly) > 0 {
		if from, since := c.began(rows / usual); since < 0.97 {
			out.Since = c.hour(from)
		}
	}
	if out.Parameters["dated"] == "back" && c.Current.LateSince > 0 {
		out.Since = c.Current.LateSince
	}
	c.at(out, usual)
	return out
}

// at says in which part the events are that there are more or fewer of, if it is one, and that its dimensions move with it.
func (c *Case) at(out *Cause, usual float64) (times float64, found bool) {
	p, times := c.sender(usual / float64(max(1, c.Reference.Set.Rows)))
	if p == nil {
		return 0, false
	}
	out.Slice = p.labels(c.Plan)
	if p.Group != ofVersion {
		for i := range c.Plan.Columns {
			if c.dimensionOf(p.Group, i) {
				out.Columns = append(out.Columns, c.Plan.Columns[i].Name)
			}
		}
	}
	return times, true
}

// hour is when an hour of now begins, microseconds.
func (c *Case) hour(i int) int64 { return c.Current.Since + int64(i)*time.Hour.Microseconds() }

// fewestHours is how many hours of traffic tell clocks.
const fewestHours = 10

// rotated is by how much the log-likelihood of the hours gains if clocks are k hours fast from one of them on, at most, and from which. Hours scatter beyond
// counting. Clocks that are set forward leave hours behind that nothing is dated in, which tells half a day forward from half a day back.
func (c *Case) rotated(k int) (gain float64, from int) {
	sum := 0.
	for i := range slices.Backward(c.Current.Hourly) {
		at := sketch.HourOfWeek(c.hour(i))
		sum += c.likelihood(i, c.expected(((at-k)%sketch.WeekHours+sketch.WeekHours)%sketch.WeekHours)) - c.likelihood(i, c.expected(at))
		skipped := 0.
		for j := i - 1; j >= max(0, i-k); j-- {
			skipped += c.likelihood(j, 0) - c.likelihood(j, c.expected(sketch.HourOfWeek(c.hour(j))))
		}
		if sum+max(0, skipped) > gain {
			gain, from = sum+max(0, skipped), i
			if skipped > 0 {
				from = max(0, i-k)
			}
		}
	}
	return gain, from
}

// otherwise is by how much the log-likelihood gains from the same hour on if as many times more or fewer events came as did.
func (c *Case) otherwise(from int) float64 {
	sum, factor := 0., c.factor(from)
	for i := from; i < len(c.Current.Hourly); i++ {
		e := c.expected(sketch.HourOfWeek(c.hour(i)))
		sum += c.likelihood(i, factor*e) - c.likelihood(i, e)
	}
	return sum
}

// factor is how many times as many events came from an hour on as were to be expected.
func (c *Case) factor(from int) float64 {
	var n, usual float64
	for i := from; i < len(c.Current.Hourly); i++ {
		n, usual = n+float64(c.Current.Hourly[i]), usual+c.expected(sketch.HourOfWeek(c.hour(i)))
	}
	return n / max(usual, 1)
}

// began is the hour from which on the traffic is likelier to be factor times the usual than to be that, as in Onset; and the factor since then.
func (c *Case) began(factor float64) (from int, since float64) {
	for range 4 {
		sum, gain, at := 0., 0., 0
		for i := range slices.Backward(c.Current.Hourly) {
			e := c.expected(sketch.HourOfWeek(c.hour(i)))
			sum += c.likelihood(i, factor*e) - c.likelihood(i, e)
			if sum > gain {
				gain, at = sum, i
			}
		}
		if at == from && since != 0 {
			break
		}
		from = at
		since = c.factor(from)
		factor = since
	}
	return from, since
}

// likelihood is the log-likelihood of an hour's events, up to a constant.
func (c *Case) likelihood(i int, mean float64) float64 {
	mean += 0.5
	variance := mean + hourlyScatter*mean*mean
	v := float64(c.Current.Hourly[i])
	return -min((v-mean)*(v-mean)/(2*variance), mostPerHour) - math.Log(variance)/2
}

// mostPerHour bounds what one hour may say: a burst is one.
const mostPerHour = 8

// usual is how many events the reference leads to expect since the first of the panes; 0: not known.
func (c *Case) usual() float64 {
	if len(c.Reference.Hourly) == sketch.WeekHours && len(c.Current.Hourly) > 0 {
		sum := 0.
		for i := range c.Current.Hourly {
			if at := c.hour(i); at >= c.Current.From {
				sum += c.expected(sketch.HourOfWeek(at))
			}
		}
		return sum
	}
	if c.Reference.Hours > 0 {
		return float64(c.Reference.Set.Rows) / c.Reference.Hours * c.Current.Hours
	}
	return 0
}

// duplicates looks for events that came more than once: a column that holds a text of its own for every event, an identifier, holds fewer now than there are events.
func (c *Case) duplicates() *Cause {
	if c.Current.Summary == nil || len(c.Reference.Unique) != len(c.Plan.Columns) || c.Current.Set.Rows < fewestRows {
		return nil
	}
	for i, was := range c.Reference.Unique {
		if was < 0.97 {
			continue
		}
		n := &c.Current.Set.Columns[i]
		is := float64(c.Current.Summary.Columns[i].Distinct.Estimate()) / float64(max(1, n.N-n.Missing))
		if is > 0.93*was { // the estimate's own error is 1.6 %
			continue
		}
		factor := math.Round(100*was/is) / 100
		if whole := math.Round(factor); math.Abs(factor-whole) < 0.03*factor { // what the estimate can't tell apart
			factor = whole
		}
		out := &Cause{
			Kind: Duplicates, Parameters: map[string]string{"factor": number(factor), "share": number(1 - is/was)}, Confidence: explained(was, 0.016*was),
			Weight: (was - is) / 0.016, Fix: "drop what came before, by its id; find what was sent again",
			Evidence: []string{fmt.Sprintf("%s has %.3g distinct values for one event (was %.3g)", c.Plan.Columns[i].Name, is, was)},
		}
		if usual := c.usual(); usual > 30 && len(c.Current.Hourly) > 0 {
			if from, since := c.began(float64(c.Current.Set.Rows) / usual); since > 1.1 {
				out.Since = c.hour(from)
			}
		}
		return out
	}
	return nil
}

// volume says what became of the number of events: which slice has stopped or sends more, if it is one, else by how much it is another.
func (c *Case) volume() *Cause {
	usual := c.usual()
	if usual < 30 {
		return nil
	}
	factor := float64(c.Current.Set.Rows) / usual
	if math.Abs(math.Log(max(factor, 1e-3))) < 0.1 {
		return nil
	}
	out := &Cause{
		Kind: Volume, Parameters: map[string]string{"factor": number(factor)}, Weight: math.Abs(math.Log(max(factor, 1e-3))) * math.Sqrt(usual/(1+hourlyScatter*usual)),
		Confidence: 0.9, Evidence: []string{fmt.Sprintf("%d events came where %.0f were to be expected", c.Current.Set.Rows, usual)},
		Fix: "find who has stopped to send, or sends twice",
	}
	if len(c.Current.Hourly) > 0 && len(c.Reference.Hourly) == sketch.WeekHours {
		from, since := c.began(factor)
		if math.Abs(math.Log(max(since, 1e-3))) >= 0.1 {
			out.Since, out.Parameters["factor"] = c.hour(from), number(since)
		}
	}
	times, found := c.at(out, usual)
	if !found {
		return out
	}
	switch {
	case times > 1:
		out.Kind, out.Fix = MixShift, "find why there is more of it"
		out.Evidence = append(out.Evidence, fmt.Sprintf("it has %.3g times as many as before, and the others as many as before", times))
	case times < 0.1:
		out.Evidence = append(out.Evidence, "all that is missing is missing there")
		out.Fix = "find what has stopped to send there"
	default:
		out.Evidence = append(out.Evidence, fmt.Sprintf("it has %.3g times as many as before, and the others as many as before", times))
	}
	return out
}

// sender is the one part that has another number of events while all others have kept theirs, and how many times as many it has; per is how many events now one of
// the reference stands for.
func (c *Case) sender(per float64) (p *Part, times float64) {
	for group := range c.groups() {
		var found *Part
		var factor, kept, was float64
		n := 0
		for i := range c.Reference.Parts {
			r := &c.Reference.Parts[i]
			if r.Group != group {
				continue
			}
			expected, now := per*float64(r.Set.Rows), 0.
			if p := c.Current.part(r); p != nil {
				now = float64(p.Set.Rows)
			}
			// A third more or less, and beyond what hours scatter.
			if expected >= 20 && math.Abs(math.Log(max(now, 0.1)/expected)) > 0.3 && math.Abs(now-expected) > 4*math.Sqrt(expected+hourlyScatter*expected*expected/4) {
				found, factor, n = r, now/expected, n+1
				continue
			}
			kept, was = kept+now, was+expected
		}
		if n == 1 && was > 0 && math.Abs(math.Log(max(kept, 1)/was)) < 0.15 {
			return found, factor
		}
	}
	return nil, 0
}

// onlyLeft reports whether a value that is all there is of a column has not taken others' place: as many events have it as before, and those that had others don't
// come; or those slices that still send had hardly any others.
func (c *Case) onlyLeft(cause Cause) bool {
	if from, ok := cause.Parameters["from"]; ok && cause.Kind == Recoded && from != "" && c.anyGone(cause.Columns[0]) {
		return true // shares of categories that moved with it have not gone over to others
	}
	if cause.Kind != Stuck || len(cause.Slice) > 0 {
		return false
	}
	at := slices.IndexFunc(c.Plan.Columns, func(p plan.Column) bool { return p.Name == cause.Columns[0] })
	having := func(n *sketch.Column) (k int64, ok bool) {
		i := slices.Index(c.Plan.Columns[at].Layout.Categories, cause.Parameters["value"])
		switch l := &c.Plan.Columns[at].Layout; {
		case l.Categorical && i >= 0:
			return n.Bins[i], true
		case cause.Parameters["value"] == "0":
			return n.Zero, true
		case cause.Parameters["value"] == "1" && !l.Categorical && l.Lo >= 0 && l.Hi <= 1 && n.Integral == n.Valid():
			return n.Valid() - n.Zero, true
		}
		return 0, false
	}
	ref, cur := &c.Reference.Set.Columns[at], &c.Current.Set.Columns[at]
	now, ok := having(cur)
	was, ok2 := having(ref)
	if !ok || !ok2 {
		return false
	}
	for group := range c.Plan.Groups {
		if share, ok := c.leftShare(group, at, having); ok && float64(cur.Valid())*math.Log(share) > math.Log(1e-9) {
			return true
		}
	}
	usual := c.usual()
	share := float64(was) / float64(max(1, ref.N))
	expected := usual * share
	return usual >= 30 && expected >= 20 && math.Abs(math.Log(float64(max(1, now))/expected)) < 0.25 && float64(c.Current.Set.Rows) < usual*(1+share)/2
}

// anyGone reports whether of some slice, by another column than this, hardly anything comes any more.
func (c *Case) anyGone(column string) bool {
	at := slices.IndexFunc(c.Plan.Columns, func(p plan.Column) bool { return p.Name == column })
	for group := range c.Plan.Groups {
		if p, _ := c.gone(group); p != nil && !c.dimensionOf(group, at) {
			return true
		}
	}
	return false
}

// leftShare is the share of a column's values that some were in the reference, with the shares that a group's slices have now; ok is false where none of them is
// gone.
func (c *Case) leftShare(group, column int, having func(*sketch.Column) (int64, bool)) (share float64, ok bool) {
	if gone, _ := c.gone(group); gone == nil {
		return 0, false
	}
	var k, n float64
	for p, r := range c.both(group) {
		had, ok := having(&r.Set.Columns[column])
		if !ok {
			return 0, false
		}
		weight := float64(p.Set.Rows) / float64(r.Set.Rows)
		k, n = k+weight*float64(had), n+weight*float64(r.Set.Columns[column].Valid())
	}
	return k / max(n, 1), n > 0 && k > 0
}
