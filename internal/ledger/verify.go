package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Fault is how an entry differs from what was written.
type Fault string

// The faults that Verify tells apart.
const (
	Edited    Fault = "edited"    // its content, or its hash, was changed
	Missing   Fault = "missing"   // it is gone: deleted, or cut off at the end
	Reordered Fault = "reordered" // another entry of this ledger stands in its place
	Added     Fault = "added"     // it stands behind the recorded head
)

// TamperError says that the ledger is not what was written.
type TamperError struct {
	Seq    int64 // the first entry that is wrong
	How    Fault
	Detail string
}

// Error names the entry, the fault and what was seen.
func (e *TamperError) Error() string {
	return fmt.Sprintf("ledger entry %d is %s: %s", e.Seq, e.How, e.Detail)
}

// Anchor is what Head once returned, kept where the ledger's writer can't reach it.
type Anchor struct {
	Seq  int64
	Hash string
}

// Verify walks the whole chain and returns how many entries are sound. A *TamperError names the first that isn't, and how;
// n is then the number of sound entries before it. Anchors are heads known from elsewhere: without one, a chain that was
// rewritten from some entry on, with all its hashes, can't be told from a true one.
func (l *Ledger) Verify(ctx context.Context, known ...Anchor) (n int64, err error) {
	n, err = l.verify(ctx, known)
	if tampered := (*TamperError)(nil); errors.As(err, &tampered) {
		n = max(min(n, tampered.Seq-1), 0)
	}
	if err != nil {
		return n, fmt.Errorf("verify ledger: %w", err)
	}
	return n, nil
}

func (l *Ledger) verify(ctx context.Context, known []Anchor) (int64, error) {
	// The head first: entries that are appended during the walk come behind it.
	seq, hash, err := head(ctx, l.db)
	if err != nil {
		return 0, err
	}
	known = append(slices.Clone(known), Anchor{Seq: seq, Hash: hash})
	w := walk{prev: Genesis, anchors: map[int64][]string{}}
	for _, a := range known {
		w.anchors[a.Seq] = append(w.anchors[a.Seq], a.Hash)
		w.reached = max(w.reached, a.Seq)
	}
	if err := w.anchored(0, Genesis); err != nil {
		return 0, err
	}
	for from := int64(math.MinInt64); ; from = w.n + 1 {
		page, err := l.readPage(ctx, "", from)
		if err != nil {
			return w.n, err
		}
		for i := range page {
			if err := l.step(ctx, &w, &page[i]); err != nil {
				return w.n, err
			}
		}
		if len(page) < l.page {
			break
		}
	}
	if w.reached > w.n {
		return w.n, &TamperError{
			Seq: w.n + 1, How: Missing, Detail: fmt.Sprintf("the chain ends at entry %d, and once reached %d", w.n, w.reached),
		}
	}
	return w.n, l.checkGrowth(ctx, &w)
}

// walk is how far a verification has come.
type walk struct {
	n       int64  // entries 1..n are sound
	prev    string // hash of entry n
	reached int64  // the highest entry that is known to have been written
	anchors map[int64][]string
}

func (w *walk) anchored(seq int64, hash string) error {
	for _, known := range w.anchors[seq] {
		if known != hash {
			return &TamperError{Seq: max(seq, 1), How: Edited, Detail: fmt.Sprintf(
				"its hash is %.12s..., and was %.12s... when it was the head: the chain was rewritten here or before", hash, known)}
		}
	}
	return nil
}

// step checks the next stored row.
func (l *Ledger) step(ctx context.Context, w *walk, r *row) error {
	want := w.n + 1
	switch {
	case r.seq < want:
		return &TamperError{Seq: r.seq, How: Added, Detail: "numbers start at 1"}
	case r.seq > want:
		return &TamperError{Seq: want, How: Missing, Detail: fmt.Sprintf("entry %d follows entry %d", r.seq, w.n)}
	case !r.sound() && r.seq > w.reached:
		return &TamperError{Seq: r.seq, How: Added, Detail: fmt.Sprintf("the head says %d, and its content doesn't fit its hash", w.reached)}
	case !r.sound():
		return l.explain(ctx, r, w.reached)
	case r.prev != w.prev && want == 1:
		return &TamperError{Seq: 1, How: Edited, Detail: "the first entry names a predecessor"}
	case r.prev != w.prev:
		// This entry still seals the predecessor it was written after; so that one was replaced, with a hash that fits it.
		return &TamperError{Seq: w.n, How: Edited, Detail: fmt.Sprintf(
			"entry %d was written after an entry with hash %.12s..., not %.12s...", r.seq, r.prev, w.prev)}
	}
	if err := w.anchored(r.seq, r.hash); err != nil {
		return err
	}
	w.n, w.prev = r.seq, r.hash
	return nil
}

// explain tells how the unsound row r came about. A row's hash holds its number, so a row that was moved fits exactly one
// number: looking for it, up to the last number known, costs one hash per number, once.
func (l *Ledger) explain(ctx context.Context, r *row, last int64) error {
	gone := true
	err := l.eachRow(ctx, func(other *row) {
		last = max(last, other.seq)
		gone = gone && other.seal(r.seq) != other.hash
	})
	if err != nil {
		return err
	}
	origin := int64(0)
	for seq := int64(1); seq <= last && origin == 0; seq++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.seal(seq) == r.hash {
			origin = seq
		}
	}
	switch {
	case origin == 0:
		return &TamperError{Seq: r.seq, How: Edited, Detail: "its content doesn't fit its hash"}
	case gone:
		return &TamperError{Seq: r.seq, How: Missing, Detail: fmt.Sprintf("entry %d was put in its place", origin)}
	default:
		return &TamperError{Seq: r.seq, How: Reordered, Detail: fmt.Sprintf("entry %d stands in its place", origin)}
	}
}

func (l *Ledger) eachRow(ctx context.Context, visit func(*row)) error {
	for from := int64(1); ; {
		page, err := l.readPage(ctx, "", from)
		if err != nil {
			return err
		}
		for i := range page {
			visit(&page[i])
		}
		if len(page) < l.page || page[len(page)-1].seq == math.MaxInt64 {
			return nil
		}
		from = page[len(page)-1].seq + 1
	}
}

// checkGrowth compares the chain's end with the head as it is now: both may have grown during the walk, together.
func (l *Ledger) checkGrowth(ctx context.Context, w *walk) error {
	seq, hash, err := head(ctx, l.db)
	if err != nil || seq > w.n {
		return err
	}
	return checkEnd(w.n, w.prev, seq, hash)
}

// checkEnd compares the last stored entry with the recorded head.
func checkEnd(last int64, lastHash string, headSeq int64, headHash string) error {
	switch {
	case last < headSeq:
		return &TamperError{Seq: last + 1, How: Missing, Detail: fmt.Sprintf(
			"the chain ends at entry %d, and the head says %d", last, headSeq)}
	case last > headSeq:
		return &TamperError{Seq: headSeq + 1, How: Added, Detail: fmt.Sprintf(
			"the chain ends at entry %d, and the head says %d", last, headSeq)}
	case lastHash != headHash:
		return &TamperError{Seq: max(last, 1), How: Edited, Detail: "it is the last entry, and its hash is not the head's"}
	}
	return nil
}
