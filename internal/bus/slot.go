package bus

import (
	"crypto/rand"
	"encoding/hex"
)

// Slot names a replica among its peers for its transactional id: its instance, if it has one, so that a restart ends the
// transaction its dead predecessor left behind at once; else a name that this process drew. Two replicas of one name would
// put each other out for ever.
func Slot(instance string) string {
	if instance != "" {
		return instance
	}
	return drawn
}

var drawn = draw()

func draw() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return "p" + hex.EncodeToString(b)
}
