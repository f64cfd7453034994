package engine

// First is the start of the earliest pane or cohort that is held and not yet part of the history alone, microseconds since the
// Unix epoch. ok is false where nothing is held.
func (e *Engine) First() (us int64, ok bool) { return e.panes.First() }
