package console

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// ErrAway is what a Desk returns where nobody can take an act just now.
var ErrAway = errors.New("no alerter is at work here")

const (
	mostBody = 64 << 10         // bytes of a request
	actWait  = 10 * time.Second // for the alerter, which may be starting afresh
)

// Desk takes what people do: it enters an act and returns the incidents it changed, or fails with ErrAway, or as incident.Book does.
type Desk interface {
	Do(ctx context.Context, a incident.Act) ([]incident.Told, error)
}

// Changes takes what was changed around models, for the alerter to read.
type Changes interface {
	Publish(ctx context.Context, c change.Event) error
}

// Auth says who may write. Without a token and with Loopback whoever reaches the address may, and says who they are; without both nobody
// may. A token of Tokens is a person's or a program's own; Token is shared, and who presents it says who they are.
type Auth struct {
	Token    string
	Tokens   map[string]string // by name
	Loopback bool              // the address is reached from this machine only
}

// refusal is why a request may not write.
type refusal struct {
	code int
	text string
}

// actor is who makes the request, given who they say they are.
func (a *Auth) actor(r *http.Request, claimed string) (string, *refusal) {
	if a.Token == "" && len(a.Tokens) == 0 {
		switch {
		case !a.Loopback:
			return "", &refusal{http.StatusForbidden, "writing is off: set api.token_file or api.tokens_file, or listen on a loopback address"}
		case !loopbackName(r.Host): // a page in a browser can make its own name point here
			return "", &refusal{http.StatusForbidden, "without a token the API is written under localhost or a loopback address only"}
		}
		return claimed, nil
	}
	given, ok := bearer(r)
	if !ok {
		return "", &refusal{http.StatusUnauthorized, "writing needs the header Authorization: Bearer TOKEN"}
	}
	name, known := "", false
	for who, token := range a.Tokens { // all of them, whichever it is: how long it takes says nothing
		if same(token, given) {
			name, known = who, true
		}
	}
	switch {
	case known: // whoever they say they are
		return name, nil
	case a.Token != "" && same(a.Token, given):
		return claimed, nil
	default:
		return "", &refusal{http.StatusUnauthorized, "the token is not known"}
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func bearer(r *http.Request) (string, bool) {
	const scheme = "Bearer "
	h := r.Header.Get("Authorization")
	if len(h) <= len(scheme) || h[:len(scheme)] != scheme {
		return "", false
	}
	return h[len(scheme):], true
}

// Loopback reports whether an address to listen on, host:port, is reached from this machine only.
func Loopback(listen string) bool { return loopbackName(listen) }

func loopbackName(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// actBody is what is posted to do something.
type actBody struct {
	ID       string         `json:"id"`
	Actor    string         `json:"actor"`
	Verb     incident.Verb  `json:"verb"`
	Comment  string         `json:"comment"`
	Assignee string         `json:"assignee"`
	Until    time.Time      `json:"until"`
	Happened time.Time      `json:"happened"`
	Into     string         `json:"into"`
	Subjects []string       `json:"subjects"`
	Verdict  incident.Alarm `json:"verdict"`
}

// act does something to an incident or, by a silence, to a model.
func (a *API) act(w http.ResponseWriter, r *http.Request) {
	var body actBody
	if !a.read(w, r, &body) {
		return
	}
	who, no := a.auth.actor(r, body.Actor)
	if no != nil {
		a.refuse(w, no)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actWait)
	defer cancel()
	told, err := a.desk.Do(ctx, incident.Act{
		ID: body.ID, Actor: who, Verb: body.Verb, Incident: r.PathValue("id"), Model: r.PathValue("model"), Comment: body.Comment,
		Assignee: body.Assignee, Until: body.Until, Happened: body.Happened, Into: body.Into, Subjects: body.Subjects, Verdict: body.Verdict,
	})
	switch {
	case err == nil:
		changed := make([]incident.Incident, len(told))
		for i := range told {
			changed[i] = told[i].Incident
		}
		a.encode(w, map[string]any{"incidents": changed})
	case errors.Is(err, incident.ErrAct):
		a.fail(w, http.StatusBadRequest, err.Error())
	case errors.Is(err, incident.ErrUnknown):
		a.fail(w, http.StatusNotFound, err.Error())
	case errors.Is(err, incident.ErrConflict):
		a.fail(w, http.StatusConflict, err.Error())
	default:
		a.log.Warn("do an act", zap.String("verb", string(body.Verb)), zap.Error(err))
		w.Header().Set("Retry-After", "5")
		a.fail(w, http.StatusServiceUnavailable, "no alerter took it: none is at work here just now, or it stands by; send it again with the same id")
	}
}

// changed takes a change event: the object itself, a CloudEvent around it, or a RunEvent of OpenLineage.
func (a *API) changed(w http.ResponseWriter, r *http.Request) {
	body, ok := a.body(w, r, change.MostBytes, "application/json", "application/cloudevents+json")
	if !ok {
		return
	}
	who, no := a.auth.actor(r, "")
	if no != nil {
		a.refuse(w, no)
		return
	}
	c, err := change.Read(body)
	if err != nil {
		a.fail(w, http.StatusBadRequest, err.Error())
		return
	}
	if c.Actor == "" {
		c.Actor = who
	}
	ctx, cancel := context.WithTimeout(r.Context(), actWait)
	defer cancel()
	if err := a.changes.Publish(ctx, c); err != nil {
		a.log.Warn("publish a change", zap.String("id", c.ID), zap.Error(err))
		w.Header().Set("Retry-After", "5")
		a.fail(w, http.StatusServiceUnavailable, "the change can't be published just now; send it again with the same id")
		return
	}
	a.encode(w, map[string]string{"id": c.ID})
}

// read reads the body of a request that writes into a value.
func (a *API) read(w http.ResponseWriter, r *http.Request, into any) bool {
	body, ok := a.body(w, r, mostBody, "application/json")
	if !ok {
		return false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, end := dec.Token(); !errors.Is(end, io.EOF) {
			err = errors.New("there is more than one JSON value")
		}
	}
	if err != nil {
		a.fail(w, http.StatusBadRequest, "read the body: "+err.Error())
		return false
	}
	return true
}

// body is that of a request that writes. Only JSON is taken: a page in a browser can't send that elsewhere without asking first.
func (a *API) body(w http.ResponseWriter, r *http.Request, most int64, kinds ...string) ([]byte, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(kinds, kind) {
		a.fail(w, http.StatusUnsupportedMediaType, "send JSON, with Content-Type: application/json")
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		a.fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", most))
		return nil, false
	}
	if err != nil {
		a.fail(w, http.StatusBadRequest, "the body can't be read")
		return nil, false
	}
	return body, true
}

func (a *API) refuse(w http.ResponseWriter, no *refusal) {
	if no.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="plumbline"`)
	}
	a.fail(w, no.code, no.text)
}

// rates is what people said of alarms.
func (a *API) rates(w http.ResponseWriter, r *http.Request) {
	all, err := a.store.Incidents(r.Context())
	if err != nil {
		a.away(w, err)
		return
	}
	a.encode(w, map[string]any{"rates": incident.Rates(all)})
}
