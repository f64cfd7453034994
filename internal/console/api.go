package console

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

//go:embed openapi.json
var openapi []byte

// ErrNotFound is what a Store returns for what it doesn't hold.
var ErrNotFound = errors.New("not found")

// Store is where the latest view is read from.
type Store interface {
	Models(ctx context.Context) ([]string, error)
	Latest(ctx context.Context, model string) ([]byte, error) // JSON; ErrNotFound
	Incidents(ctx context.Context) ([]incident.Incident, error)
}

// API is the handler of /api/v1/.
type API struct {
	store Store
	desk  Desk
	auth  Auth

	changes Changes
	log     *zap.Logger
	mux     *http.ServeMux
}

// New makes the API over a store, which only reads.
func New(store Store, log *zap.Logger) *API {
	a := &API{store: store, log: log.Named("api"), mux: http.NewServeMux()}
	a.mux.HandleFunc("GET /api/v1/openapi.json", func(w http.ResponseWriter, _ *http.Request) { a.write(w, http.StatusOK, openapi) })
	a.mux.HandleFunc("GET /api/v1/models", a.models)
	a.mux.HandleFunc("GET /api/v1/models/{model}/latest", a.latest)
	a.mux.HandleFunc("GET /api/v1/incidents", a.incidents)
	a.mux.HandleFunc("GET /api/v1/incidents/{id}", a.incident)
	a.mux.HandleFunc("GET /api/v1/false-alarms", a.rates)
	a.mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		a.fail(w, http.StatusNotFound, "no such resource; /api/v1/openapi.json lists what there is")
	})
	return a
}

// Write lets the API take what people do and what they change, from whom auth allows it. OpenLineage's clients post to a path of their own.
func (a *API) Write(desk Desk, changes Changes, auth Auth) {
	a.desk, a.changes, a.auth = desk, changes, auth
	a.mux.HandleFunc("POST /api/v1/changes", a.changed)
	a.mux.HandleFunc("POST /api/v1/lineage", a.changed)
	a.mux.HandleFunc("POST /api/v1/incidents/{id}/acts", a.act)
	a.mux.HandleFunc("POST /api/v1/models/{model}/acts", a.act)
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

func (a *API) models(w http.ResponseWriter, r *http.Request) {
	models, err := a.store.Models(r.Context())
	if err != nil {
		a.away(w, err)
		return
	}
	slices.Sort(models)
	a.encode(w, map[string]any{"models": append([]string{}, models...)})
}

func (a *API) latest(w http.ResponseWriter, r *http.Request) {
	b, err := a.store.Latest(r.Context(), r.PathValue("model"))
	switch {
	case errors.Is(err, ErrNotFound):
		a.fail(w, http.StatusNotFound, "no pane of this model has been judged; /api/v1/models lists the models")
	case err != nil:
		a.away(w, err)
	default:
		a.write(w, http.StatusOK, b)
	}
}

func (a *API) incidents(w http.ResponseWriter, r *http.Request) {
	status, model := r.URL.Query().Get("status"), r.URL.Query().Get("model")
	wanted, ok := wantedStatus(status)
	if !ok {
		a.fail(w, http.StatusBadRequest, "status must be active (all but resolved), open, acknowledged, mitigated, resolved or reopened")
		return
	}
	all, err := a.store.Incidents(r.Context())
	if err != nil {
		a.away(w, err)
		return
	}
	all = slices.DeleteFunc(all, func(i incident.Incident) bool {
		return !wanted(i.Status) || model != "" && i.Model != model
	})
	slices.SortFunc(all, incident.Compare)
	a.encode(w, map[string]any{"incidents": append([]incident.Incident{}, all...)})
}

// wantedStatus is what the query asks for.
func wantedStatus(query string) (func(incident.Status) bool, bool) {
	switch {
	case query == "":
		return func(incident.Status) bool { return true }, true
	case query == "active":
		return incident.Status.Active, true
	case slices.Contains(incident.Statuses(), incident.Status(query)):
		return func(s incident.Status) bool { return s == incident.Status(query) }, true
	default:
		return nil, false
	}
}

func (a *API) incident(w http.ResponseWriter, r *http.Request) {
	all, err := a.store.Incidents(r.Context())
	if err != nil {
		a.away(w, err)
		return
	}
	for i := range all {
		if all[i].ID == r.PathValue("id") {
			a.encode(w, all[i])
			return
		}
	}
	a.fail(w, http.StatusNotFound, "no such incident; /api/v1/incidents lists them")
}

func (a *API) encode(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		a.log.Error("encode answer", zap.Error(err))
		a.fail(w, http.StatusInternalServerError, "the answer could not be encoded")
		return
	}
	a.write(w, http.StatusOK, b)
}

func (a *API) away(w http.ResponseWriter, err error) {
	a.log.Warn("read the latest view", zap.Error(err))
	a.fail(w, http.StatusServiceUnavailable, "the latest view can't be read just now")
}

func (a *API) fail(w http.ResponseWriter, code int, message string) {
	b, err := json.Marshal(map[string]string{"error": message})
	if err != nil {
		a.log.Error("encode error", zap.Error(err))
	}
	a.write(w, code, b)
}

func (a *API) write(w http.ResponseWriter, code int, b []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	if _, err := w.Write(b); err != nil {
		a.log.Debug("write answer", zap.Error(err))
	}
}
