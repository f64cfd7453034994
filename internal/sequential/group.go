package sequential

// Place is where an alarm belongs.
type Place uint8

// The places.
const (
	Opens   Place = iota // an incident of its own
	Joins                // the incident that is open or has just been
	Reopens              // the incident the stream was in before it recovered: no new page
)

const (
	joinHours   = 24
	joinPanes   = 3
	reopenHours = 7 * 24
)

// Grouping sorts a model's alarms into incidents, in order of event time: one cause is seen by many streams, and by one stream
// again. It is a fold: what it holds follows from the alarms and recoveries alone.
type Grouping struct {
	incidents int
	last      int64            // event time of the last alarm
	latest    int              // its incident
	member    map[string]int   // slice and stream -> the incident it was in last
	closed    map[string]int64 // when it recovered
}

// NewGrouping begins with no incident.
func NewGrouping() *Grouping {
	return &Grouping{member: map[string]int{}, closed: map[string]int64{}}
}

// Place returns the number of the incident an alarm belongs to, from 1 on, and how it got there. pane is the length of the pane that
// raised it, in hours.
func (g *Grouping) Place(a *Alarm, pane float64) (incident int, how Place) {
	gap := int64(max(joinHours, joinPanes*pane) * hour)
	key := a.Slice + "\x00" + a.Stream
	at, had := g.closed[key]
	switch {
	case had && a.At-at <= reopenHours*hour:
		incident, how = g.member[key], Reopens
	case g.incidents > 0 && a.At-g.last <= gap:
		incident, how = g.latest, Joins
	default:
		g.incidents++
		incident, how = g.incidents, Opens
	}
	g.last, g.latest = a.At, incident
	g.member[key] = incident
	delete(g.closed, key)
	return incident, how
}

// Recover notes that a stream has come to rest.
func (g *Grouping) Recover(r *Recovery) {
	key := r.Slice + "\x00" + r.Stream
	if _, ok := g.member[key]; ok {
		g.closed[key] = r.At
	}
}
