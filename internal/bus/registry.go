package bus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

var (
	// ErrUnknownSchema says that the registry answered and does not know the id or subject. An event with such an id is
	// poison: it may be quarantined.
	ErrUnknownSchema = errors.New("unknown schema")
	// ErrUnsupportedSchema says that the registry knows the schema, and that it is not plain Avro. It will not change.
	ErrUnsupportedSchema = errors.New("unsupported schema")
	// ErrRegistryAway says that the registry gave no usable answer. Nothing is known about the schema: the caller must try
	// again, and must not treat the event as poison.
	ErrRegistryAway = errors.New("schema registry is away")
)

const (
	// unknownFor is how long an unknown id stays unknown without asking again. A producer registers before it produces, so
	// only a replicated registry that lags makes an unknown id known.
	unknownFor = 30 * time.Second
	// maxUnknown bounds the negative cache: ids come from the wire, and corrupt events invent them.
	maxUnknown = 4096

	errorCodeSchemaNotFound = 40403
)

// RegistrySettings say how to reach a Confluent-compatible schema registry.
type RegistrySettings struct {
	URLs       []string         // at least one base URL
	User       string           // basic authentication, if not empty
	Password   string           // of User
	HTTPClient *http.Client     // nil: a client with a timeout of 5 s
	Now        func() time.Time // clock of the negative cache; nil: time.Now
}

// Registry is a caching schema registry client. It is safe for concurrent use.
type Registry struct {
	cl  *sr.Client
	now func() time.Time

	// mu guards the maps only; it is never held across a request.
	mu      sync.Mutex
	known   map[int]answer
	unknown map[int]time.Time // id -> when to ask again
}

// An answer of the registry that can't change any more: schema ids are immutable.
type answer struct {
	schema string
	err    error
}

// NewRegistry returns a client for the registry of s. It does not connect.
func NewRegistry(s RegistrySettings) (*Registry, error) {
	if len(s.URLs) == 0 {
		return nil, errors.New("registry settings: urls: none given, need at least one")
	}
	opts := []sr.ClientOpt{sr.URLs(s.URLs...), sr.UserAgent("plumbline")}
	if s.HTTPClient != nil {
		opts = append(opts, sr.HTTPClient(s.HTTPClient))
	}
	if s.User != "" {
		opts = append(opts, sr.BasicAuth(s.User, s.Password))
	}
	cl, err := sr.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("open schema registry client: %w", err)
	}
	now := s.Now
	if now == nil {
		now = time.Now
	}
	return &Registry{cl: cl, now: now, known: map[int]answer{}, unknown: map[int]time.Time{}}, nil
}

// SchemaByID returns the text of the Avro schema with the given id. Known schemas are kept for ever, unknown ids for a
// while. Errors: ErrUnknownSchema, ErrUnsupportedSchema, ErrRegistryAway, or the context's.
func (r *Registry) SchemaByID(ctx context.Context, id int) (string, error) {
	if a, ok := r.cached(id); ok {
		return a.schema, a.err
	}
	s, err := r.cl.SchemaByID(ctx, id)
	if err != nil {
		err = fmt.Errorf("fetch schema %d: %w", id, classify(ctx, err))
		if errors.Is(err, ErrUnknownSchema) {
			r.rememberUnknown(id)
		}
		return "", err
	}
	text, err := plainAvro(s)
	if err != nil {
		err = fmt.Errorf("fetch schema %d: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[id] = answer{schema: text, err: err}
	delete(r.unknown, id)
	return text, err
}

func (r *Registry) cached(id int) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.known[id]; ok {
		return a, true
	}
	until, ok := r.unknown[id]
	if !ok {
		return answer{}, false
	}
	if !r.now().Before(until) {
		delete(r.unknown, id)
		return answer{}, false
	}
	return answer{err: fmt.Errorf("fetch schema %d: %w", id, ErrUnknownSchema)}, true
}

func (r *Registry) rememberUnknown(id int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if len(r.unknown) >= maxUnknown {
		for old, until := range r.unknown {
			if !now.Before(until) {
				delete(r.unknown, old)
			}
		}
	}
	if len(r.unknown) >= maxUnknown {
		clear(r.unknown) // costs questions, never an answer
	}
	r.unknown[id] = now.Add(unknownFor)
}

// Register registers an Avro schema under a subject and returns its id; registering the same text again returns the same
// id. A schema that is invalid or incompatible with the subject gives the registry's own words; ErrRegistryAway is
// returned when it didn't answer.
func (r *Registry) Register(ctx context.Context, subject, schema string) (id int, err error) {
	id, err = r.cl.RegisterSchema(ctx, subject, sr.Schema{Schema: schema, Type: sr.TypeAvro}, -1, -1)
	if err != nil {
		return 0, fmt.Errorf("register schema under %s: %w", subject, classify(ctx, err))
	}
	return id, nil
}

// SubjectSchema is one version of a subject.
type SubjectSchema struct {
	ID      int    // the id in the Confluent wire format
	Version int    // counts from 1 per subject
	Schema  string // Avro JSON
}

// Latest returns the newest version of a subject. Errors are those of SchemaByID.
func (r *Registry) Latest(ctx context.Context, subject string) (SubjectSchema, error) {
	s, err := r.cl.SchemaByVersion(ctx, subject, -1)
	if err != nil {
		return SubjectSchema{}, fmt.Errorf("fetch latest schema of %s: %w", subject, classify(ctx, err))
	}
	text, err := plainAvro(s.Schema)
	if err != nil {
		return SubjectSchema{}, fmt.Errorf("fetch latest schema of %s: %w", subject, err)
	}
	return SubjectSchema{ID: s.ID, Version: s.Version, Schema: text}, nil
}

func plainAvro(s sr.Schema) (string, error) {
	if s.Type != sr.TypeAvro {
		return "", fmt.Errorf("%w: its type is %s, should be AVRO", ErrUnsupportedSchema, s.Type)
	}
	if len(s.References) > 0 {
		return "", fmt.Errorf("%w: it refers to %d other schemas (first: %s), should stand alone",
			ErrUnsupportedSchema, len(s.References), s.References[0].Subject)
	}
	return s.Schema, nil
}

// classify tells an answer from the lack of one. A 404 without the registry's own error code is a wrong URL or a proxy,
// not a statement about a schema.
func classify(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	re, ok := errors.AsType[*sr.ResponseError](err)
	if !ok {
		return fmt.Errorf("%w: %w", ErrRegistryAway, err)
	}
	switch {
	case re.StatusCode == http.StatusNotFound &&
		(re.ErrorCode == errorCodeSchemaNotFound || re.ErrorCode == sr.ErrSubjectNotFound.Code || re.ErrorCode == sr.ErrVersionNotFound.Code):
		return fmt.Errorf("%w: %w", ErrUnknownSchema, err)
	case re.StatusCode == http.StatusConflict || re.StatusCode == http.StatusUnprocessableEntity || re.StatusCode == http.StatusBadRequest:
		return err
	default:
		return fmt.Errorf("%w: status %d: %w", ErrRegistryAway, re.StatusCode, err)
	}
}
