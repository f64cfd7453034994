package view

import (
	"crypto/sha256"
	"encoding/binary"
)

// digest names a Write by its content. It lets a store recognise a repetition of the very same Write, without a random
// number and without a count that two processes would have to share.
func digest(from, to int64, ids, states [][]byte) string {
	h := sha256.New()
	var n [8]byte
	number := func(v uint64) {
		binary.BigEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	number(uint64(from))
	number(uint64(to))
	for i := range ids {
		number(uint64(len(ids[i])))
		h.Write(ids[i])
		number(uint64(len(states[i])))
		h.Write(states[i])
	}
	return string(h.Sum(nil)[:16])
}
