// Package inspect picks the very events behind an incident or a window out of a stream of decoded rows.
//
//  1. cover.go: the offset ranges in which the events lie, from panes and findings.
//  2. query.go: what is asked for: event time, slice, condition.
//  3. pick.go: rows of one plan's projection -> those asked for.
//  4. event.go: an event as people and programs read it.
//  5. keep.go: the first so many by event time, in bounded memory.
//  6. table.go: the events as a table, as wide as the reader's window.
//
// The package reads nothing itself: who has a broker brings the rows. It imports no client, no clock and no logger.
package inspect
