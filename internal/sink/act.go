package sink

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// What people do to an incident elsewhere.
const (
	Acknowledge = "acknowledge"
	Resolve     = "resolve"
)

// Act is what somebody did to an incident in another system.
type Act struct {
	Incident string
	Do       string    // Acknowledge or Resolve
	Who      string    // as the other system names the person
	Via      string    // the other system
	At       time.Time // by its clock
	Key      string    // of this act: the same act may be told again
}

// ErrUnknownIncident is what Acts returns for an incident that it doesn't have, ErrOver for one that the act comes too late for.
var (
	ErrUnknownIncident = errors.New("no such incident")
	ErrOver            = errors.New("the incident has moved on")
)

// Acts takes what people do to incidents elsewhere. An act that changes nothing, or whose key is known, is fine and does nothing.
type Acts interface {
	Act(ctx context.Context, a Act) error
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

// perform takes the act and answers. What can't be done now is answered by an error, so that it is told again; what can't be done at
// all is answered as done, so that it isn't.
func perform(w http.ResponseWriter, r *http.Request, log *zap.Logger, acts Acts, a Act) {
	switch err := acts.Act(r.Context(), a); {
	case err == nil:
	case errors.Is(err, ErrUnknownIncident) || errors.Is(err, ErrOver):
		log.Warn("pass over an act", zap.String("via", a.Via), zap.String("do", a.Do), zap.String("incident", a.Incident), zap.Error(err))
	default:
		log.Error("take an act", zap.String("via", a.Via), zap.String("do", a.Do), zap.String("incident", a.Incident), zap.Error(err))
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
