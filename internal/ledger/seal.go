package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Genesis is the Prev of the first entry, and the hash of an empty ledger's head.
const Genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// chainFormat opens what is hashed, so that a hash of another format or another program can't be taken for one of ours.
const chainFormat = "plumbline/ledger/1"

// Entry is one thing that was decided.
type Entry struct {
	Seq     int64     // 1, 2, 3, ...; given by Append
	At      time.Time // event time or an injected clock, as the caller says; years 0 to 9999
	Kind    string    // what sort of decision: not empty
	Subject string    // what it is about: an incident's id, a model, ...
	Actor   string    // who decided: a person, or a part of Plumbline
	Body    []byte    // JSON
	Prev    string    // hash of the entry before, hexadecimal SHA-256; Genesis for the first; given by Append
	Hash    string    // hash of this entry, hexadecimal SHA-256; given by Append
}

// row is an entry as it is stored, before its time is parsed: the chain covers the stored bytes.
type row struct {
	seq                      int64
	at, kind, subject, actor string
	body, prev, hash         string
}

// seal is the hash of r standing at seq: SHA-256 over chainFormat and then seq (8 bytes, big-endian), at (RFC 3339 with
// nanoseconds, UTC), kind, subject, actor, body, prev (hexadecimal text), each preceded by its length in bytes (8 bytes,
// big-endian). The lengths make the encoding one-to-one: no two entries share it.
func (r *row) seal(seq int64) string {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	field([]byte(chainFormat))
	field(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	for _, s := range []string{r.at, r.kind, r.subject, r.actor, r.body, r.prev} {
		field([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sound says whether r is what was once written at its place.
func (r *row) sound() bool { return r.seal(r.seq) == r.hash }

// formatTime is how a time is stored and hashed.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
