package sink

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Desk takes what people do to incidents elsewhere, as the API does. An act that is known by its id changes nothing.
type Desk interface {
	Do(ctx context.Context, a incident.Act) ([]incident.Told, error)
}

// receive reads a request's body whole, within bounds.
func receive(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		http.Error(w, "the body can't be read, or is too long", http.StatusBadRequest)
		return nil, false
	}
	return body, true
}

// perform hands the act in and answers. What can't be done now is answered by an error, so that it is told again; what can't be done at
// all (the incident isn't ours, or is over already) is answered as done, so that it isn't.
func perform(w http.ResponseWriter, r *http.Request, log *zap.Logger, desk Desk, a incident.Act) {
	_, err := desk.Do(r.Context(), a)
	switch {
	case err == nil:
	case errors.Is(err, incident.ErrUnknown) || errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrAct):
		log.Info("pass over an act", zap.String("verb", string(a.Verb)), zap.String("actor", a.Actor), zap.String("incident", a.Incident), zap.Error(err))
	default:
		log.Warn("take an act", zap.String("verb", string(a.Verb)), zap.String("actor", a.Actor), zap.String("incident", a.Incident), zap.Error(err))
		w.Header().Set("Retry-After", "5")
		http.Error(w, "no alerter took it just now", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// named makes a name of what another system says, so that it can stand in the ledger: printable, on one line, not too long.
func named(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 160 {
		s = strings.TrimSpace(strings.ToValidUTF8(s[:160], ""))
	}
	return s
}
