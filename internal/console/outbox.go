package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// mostLetters are the messages that one answer lists.
const mostLetters = 1000

// What an Outbox refuses to send again.
var (
	ErrNoLetter = errors.New("there is no such message")
	ErrNotNow   = errors.New("the message can't be sent again")
)

// Outbox knows the messages that were given up, and lets them be sent again.
type Outbox interface {
	// GivenUp are at most limit messages, the oldest first: those with an id and to a sink, where these aren't "".
	GivenUp(ctx context.Context, id, sink string, limit int) ([]Letter, error)
	// Again fails with ErrAway, ErrNoLetter or ErrNotNow.
	Again(ctx context.Context, actor, id, sink string) error
}

// Letter is a message that was given up.
type Letter struct {
	KindName string    `json:"kind"` // "message"
	ID       string    `json:"id"`
	Sink     string    `json:"sink"`
	Incident string    `json:"incident"` // what it is about: an incident, a trigger or a digest
	Due      time.Time `json:"due"`      // when it was to be tried last
	Attempts int       `json:"attempts"`
	Reason   string    `json:"reason"` // why it was given up
}

// Letters is an answer that lists messages that were given up.
type Letters struct {
	Messages []Letter `json:"messages"` // the oldest
	More     bool     `json:"more"`     // whether there are others
}

// Outbox lets the API show the dead letters, and send them again. Why one was given up may quote a sink's settings: also who only looks needs to
// be allowed to write.
func (a *API) Outbox(o Outbox) {
	a.mux.HandleFunc("GET /api/v1/outbox", func(w http.ResponseWriter, r *http.Request) { a.letters(w, r, o) })
	a.mux.HandleFunc("POST /api/v1/outbox/retry", func(w http.ResponseWriter, r *http.Request) { a.again(w, r, o) })
}

func (a *API) letters(w http.ResponseWriter, r *http.Request, o Outbox) {
	if _, no := a.auth.actor(r, ""); no != nil {
		a.refuse(w, no)
		return
	}
	id, sink := r.URL.Query().Get("id"), r.URL.Query().Get("sink")
	if id != "" && !kept(id) || sink != "" && !kept(sink) {
		a.fail(w, http.StatusBadRequest, "id and sink are of a message, as /api/v1/outbox lists them")
		return
	}
	all, err := o.GivenUp(r.Context(), id, sink, mostLetters+1)
	if err != nil {
		a.log.Warn("read the outbox", zap.Error(err))
		a.fail(w, http.StatusServiceUnavailable, "the outbox can't be read just now")
		return
	}
	more := len(all) > mostLetters
	a.encode(w, Letters{Messages: append([]Letter{}, all[:min(len(all), mostLetters)]...), More: more})
}

// again sends a message again, for somebody.
func (a *API) again(w http.ResponseWriter, r *http.Request, o Outbox) {
	var body struct{ ID, Sink, Actor string }
	if !a.read(w, r, &body) {
		return
	}
	who, no := a.auth.actor(r, body.Actor)
	if no != nil {
		a.refuse(w, no)
		return
	}
	if !kept(body.ID) || !kept(body.Sink) || !incident.Named(who) {
		a.fail(w, http.StatusBadRequest, "name the message by id and sink, as /api/v1/outbox lists them, and who wants it by actor")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actWait)
	defer cancel()
	err := o.Again(ctx, who, body.ID, body.Sink)
	switch {
	case err == nil:
		a.encode(w, map[string]string{"id": body.ID, "sink": body.Sink})
	case errors.Is(err, ErrNoLetter):
		a.fail(w, http.StatusNotFound, fmt.Sprintf("no message %q to %q; /api/v1/outbox lists those that were given up", body.ID, body.Sink))
	case errors.Is(err, ErrNotNow):
		a.fail(w, http.StatusConflict, err.Error())
	default:
		a.log.Warn("send a message again", zap.String("id", body.ID), zap.Error(err))
		w.Header().Set("Retry-After", "5")
		a.fail(w, http.StatusServiceUnavailable, "no alerter took it: none is at work here just now, or it stands by; send it again")
	}
}

// kept reports whether a message may have such an id or sink: what the ledger keeps is UTF-8 without NUL bytes.
func kept(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}
