package sequential

// Phase is how far a null may be trusted, by the length of the history it was learnt from.
type Phase uint8

// The phases.
const (
	Learning Phase = iota // under 7 days: nothing is said of drift
	Tickets               // under 14 days: alarms wake nobody
	Pages
)

func (p Phase) String() string {
	switch p {
	case Learning:
		return "learning"
	case Tickets:
		return "tickets"
	default:
		return "pages"
	}
}

const (
	ticketDays = 7
	pageDays   = 14
)

// Phase is the engine's own.
func (e *Engine) Phase() Phase {
	switch {
	case e.hours < ticketDays*dayHours:
		return Learning
	case e.hours < pageDays*dayHours:
		return Tickets
	default:
		return Pages
	}
}
