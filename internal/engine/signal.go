package engine

// persist is how many panes in a row a deviation must last, and how many it must stay away, where one pane is one test.
const persist = 3

// signal is the state of one test over time: a run of deviating panes, an alarm held open, a run of good ones.
type signal struct {
	Run   int   `json:"run,omitempty"`   // deviating panes in a row
	Since int64 `json:"since,omitempty"` // start of the first of them
	Open  bool  `json:"open,omitempty"`
	Good  int   `json:"good,omitempty"` // panes in a row that were back inside, while open
	Onset int64 `json:"onset,omitempty"`

	As string `json:"as,omitempty"` // of promises: the subject that the open alarm was told under
}

// change is what a pane did to a signal.
type change int

const (
	nothing   change = iota
	opened           // the alarm
	holding          // still deviating
	recovered        // back inside for long enough
)

// update takes one more pane into account. need is how many deviating panes in a row make an alarm.
func (s *signal) update(start int64, deviates bool, need int) change {
	if deviates {
		if s.Run == 0 {
			s.Since = start
		}
		s.Run++
		s.Good = 0
		switch {
		case s.Open:
			return holding
		case s.Run >= need:
			s.Open, s.Onset = true, s.Since
			return opened
		}
		return nothing
	}
	s.Run = 0
	if !s.Open {
		return nothing
	}
	if s.Good++; s.Good < persist {
		return nothing
	}
	*s = signal{Onset: s.Onset}
	return recovered
}

func (e *Engine) signal(name string) *signal {
	s := e.signals[name]
	if s == nil {
		s = &signal{}
		e.signals[name] = s
	}
	return s
}
