// Package finding defines what a detector says: one verdict on one signal of one model in one window, with the numbers it
// rests on. Findings are public: they travel on a topic, through the API and out of `plumbline check` in one JSON form, whose
// names others parse.
//
// A finding's id is a hash of its content without the offsets, so the same events give the same ids live, replayed and in
// batch. The package is pure: it imports no client, no clock and no logger.
package finding
