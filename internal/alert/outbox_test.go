package alert

import (
	"errors"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// What somebody asks for in error is refused: it doesn't end the run.
func TestSendAgainRefuses(t *testing.T) {
	f := newFixture(t, open(t))
	for name, c := range map[string]struct {
		again
		want error
	}{
		"no such message": {again{"a-1", "topic", "ada"}, ledger.ErrUnknownMessage},
		"NUL in the id":   {again{"\x00-1", "topic", "ada"}, ledger.ErrUnknownMessage},
		"NUL in the sink": {again{"a-1", "\x00", "ada"}, ledger.ErrUnknownMessage},
		"NUL in the name": {again{"a-1", "topic", "\x00"}, ledger.ErrNoEntry},
	} {
		refused, err := f.sendAgain(t.Context(), &c.again)
		if err != nil || !errors.Is(refused, c.want) {
			t.Errorf("%s: refused %v, ended by %v; want %v", name, refused, err, c.want)
		}
	}
}
