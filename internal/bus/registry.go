package bus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/plumbline-ml/plumbline/internal/schema"
)

var (
	// ErrUnknownSchema says that the registry answered and does not know the id or subject. An event with such an id is
	// poison: it may be quarantined.
	ErrUnknownSchema = schema.ErrNotRegistered
	// ErrUnsupportedSchema says that the registry knows the schema, and that it is not Avro, or refers to what isn't. It will not
	// change.
	ErrUnsupportedSchema = schema.ErrUnsupported
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

	// A request that gets no usable answer is tried again, at another address where there are several: a registry that restarts
	// should not cost an epoch. Who needs the schema waits longer, see ErrRetry.
	registryTries    = 3
	registryPauseMin = 100 * time.Millisecond
)

// RegistrySettings say how to reach a Confluent-compatible schema registry.
type RegistrySettings struct {
	URLs       []string         // at least one base URL
	User       string           // basic authentication, if not empty
	Password   string           // of User
	Token      string           // sent as "Authorization: Bearer", if not empty; not with User
	HTTPClient *http.Client     // nil: a client with a timeout of 5 s
	Now        func() time.Time // clock of the negative cache; nil: time.Now
}

// Registry is a caching schema registry client. It is safe for concurrent use.
type Registry struct {
	clients []*sr.Client  // one per address
	next    atomic.Uint32 // of clients: which one answered last
	now     func() time.Time

	// mu guards the maps only; it is never held across a request.
	mu       sync.Mutex
	known    map[writer]answer
	unknown  map[writer]time.Time // when to ask again
	versions map[string]versions  // by subject
}

// A writer names a schema by id or by GUID.
type writer struct {
	id   int
	guid string
}

func (w writer) String() string {
	if w.guid != "" {
		return w.guid
	}
	return strconv.Itoa(w.id)
}

// An answer of the registry that can't change any more: schema ids are immutable.
type answer struct {
	schema string
	err    error
}

// versions are the schemas of a subject, which grow.
type versions struct {
	schemas []string
	seen    map[int]answer // by version
	until   time.Time      // when to ask for new ones
}

// NewRegistry returns a client for the registry of s. It does not connect.
func NewRegistry(s RegistrySettings) (*Registry, error) {
	if len(s.URLs) == 0 {
		return nil, errors.New("registry settings: urls: none given, need at least one")
	}
	if s.User != "" && s.Token != "" {
		return nil, errors.New("registry settings: a user and a token are both given: choose one")
	}
	r := &Registry{now: s.Now, known: map[writer]answer{}, unknown: map[writer]time.Time{}, versions: map[string]versions{}}
	if r.now == nil {
		r.now = time.Now
	}
	for _, url := range s.URLs {
		opts := []sr.ClientOpt{sr.URLs(url), sr.UserAgent("plumbline")}
		if s.HTTPClient != nil {
			opts = append(opts, sr.HTTPClient(s.HTTPClient))
		}
		if s.User != "" {
			opts = append(opts, sr.BasicAuth(s.User, s.Password))
		}
		if s.Token != "" {
			opts = append(opts, sr.BearerToken(s.Token))
		}
		cl, err := sr.NewClient(opts...)
		if err != nil {
			return nil, fmt.Errorf("open schema registry client: %w", err)
		}
		r.clients = append(r.clients, cl)
	}
	return r, nil
}

// ask asks the address that answered last, and those after it while there is no usable answer. The error is classified.
func (r *Registry) ask(ctx context.Context, question func(*sr.Client) error) error {
	first := r.next.Load()
	tries := uint32(max(registryTries, len(r.clients)))
	for i := uint32(0); ; i++ {
		at := (first + i) % uint32(len(r.clients))
		err := question(r.clients[at])
		if err == nil {
			r.next.Store(at)
			return nil
		}
		if err = classify(ctx, err); !errors.Is(err, ErrRegistryAway) || i+1 == tries {
			return err
		}
		if i+1 >= uint32(len(r.clients)) { // all of them had their turn
			sleep(ctx, registryPauseMin<<(i+1-uint32(len(r.clients))))
		}
		if ctx.Err() != nil {
			return err
		}
	}
}

// SchemaByID returns the text of the Avro schema with the given id, with the schemas it refers to put in. Known schemas are
// kept for ever, unknown ids for a while. Errors: ErrUnknownSchema, ErrUnsupportedSchema, ErrRegistryAway, or the context's.
func (r *Registry) SchemaByID(ctx context.Context, id int) (string, error) {
	return r.schema(ctx, writer{id: id}, func(cl *sr.Client) (sr.Schema, error) { return cl.SchemaByID(ctx, id) })
}

// SchemaByGUID is SchemaByID for the id that Confluent's serializers put into a record header, in its 8-4-4-4-12 form. A
// registry that doesn't know such ids at all gives ErrRegistryAway: nothing can be read until it does.
func (r *Registry) SchemaByGUID(ctx context.Context, guid string) (string, error) {
	return r.schema(ctx, writer{guid: guid}, func(cl *sr.Client) (sr.Schema, error) {
		s, err := cl.SchemaByGUID(ctx, guid)
		return s.Schema, err
	})
}

func (r *Registry) schema(ctx context.Context, w writer, fetch func(*sr.Client) (sr.Schema, error)) (string, error) {
	if a, ok := r.cached(w); ok {
		return a.schema, a.err
	}
	var s sr.Schema
	err := r.ask(ctx, func(cl *sr.Client) (err error) {
		s, err = fetch(cl)
		return err
	})
	if err != nil {
		err = fmt.Errorf("fetch schema %s: %w", w, err)
		if errors.Is(err, ErrUnknownSchema) {
			r.rememberUnknown(w)
		}
		return "", err
	}
	text, err := r.standAlone(ctx, s)
	if err != nil {
		err = fmt.Errorf("fetch schema %s: %w", w, err)
		if errors.Is(err, ErrUnknownSchema) { // a schema it refers to
			r.rememberUnknown(w)
		}
		if !errors.Is(err, ErrUnsupportedSchema) {
			return "", err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[w] = answer{schema: text, err: err}
	delete(r.unknown, w)
	return text, err
}

func (r *Registry) cached(w writer) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a, ok := r.known[w]; ok {
		return a, true
	}
	until, ok := r.unknown[w]
	if !ok {
		return answer{}, false
	}
	if !r.now().Before(until) {
		delete(r.unknown, w)
		return answer{}, false
	}
	return answer{err: fmt.Errorf("fetch schema %s: %w", w, ErrUnknownSchema)}, true
}

func (r *Registry) rememberUnknown(w writer) {
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
	r.unknown[w] = now.Add(unknownFor)
}

// Register registers an Avro schema under a subject and returns its id; registering the same text again returns the same
// id. A schema that is invalid or incompatible with the subject gives the registry's own words; ErrRegistryAway is
// returned when it didn't answer.
func (r *Registry) Register(ctx context.Context, subject, text string) (id int, err error) {
	err = r.ask(ctx, func(cl *sr.Client) (err error) {
		id, err = cl.RegisterSchema(ctx, subject, sr.Schema{Schema: text, Type: sr.TypeAvro}, -1, -1)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("register schema under %s: %w", subject, err)
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
	s, err := r.version(ctx, subject, latest)
	if err != nil {
		return SubjectSchema{}, fmt.Errorf("fetch latest schema of %s: %w", subject, err)
	}
	text, err := r.standAlone(ctx, s.Schema)
	if err != nil {
		return SubjectSchema{}, fmt.Errorf("fetch latest schema of %s: %w", subject, err)
	}
	return SubjectSchema{ID: s.ID, Version: s.Version, Schema: text}, nil
}

const latest = -1 // version

func (r *Registry) version(ctx context.Context, subject string, version int) (s sr.SubjectSchema, err error) {
	err = r.ask(ctx, func(cl *sr.Client) (err error) {
		s, err = cl.SchemaByVersion(ctx, subject, version)
		return err
	})
	return s, err
}

// Versions returns the schemas of all versions of a subject, the oldest first; those that aren't Avro are left out. It asks
// for new ones at most every half minute. A subject that isn't there has none. Errors: ErrRegistryAway, or the context's.
func (r *Registry) Versions(ctx context.Context, subject string) ([]string, error) {
	r.mu.Lock()
	was := r.versions[subject]
	r.mu.Unlock()
	if r.now().Before(was.until) {
		return was.schemas, nil
	}
	var numbers []int
	err := r.ask(ctx, func(cl *sr.Client) (err error) {
		numbers, err = cl.SubjectVersions(ctx, subject)
		return err
	})
	if err != nil && !errors.Is(err, ErrUnknownSchema) {
		return nil, fmt.Errorf("list versions of %s: %w", subject, err)
	}
	now := versions{seen: map[int]answer{}, until: r.now().Add(unknownFor)}
	for _, n := range numbers {
		a, ok := was.seen[n]
		if !ok {
			s, err := r.version(ctx, subject, n)
			if err == nil {
				a.schema, err = r.standAlone(ctx, s.Schema)
			}
			if a.err = err; err != nil && !errors.Is(err, ErrUnsupportedSchema) && !errors.Is(err, ErrUnknownSchema) {
				return nil, fmt.Errorf("fetch version %d of %s: %w", n, subject, err)
			}
		}
		now.seen[n] = a
		if a.err == nil {
			now.schemas = append(now.schemas, a.schema)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.versions[subject] = now
	return now.schemas, nil
}

// maxReferences bounds the schemas that one may refer to, whether itself or through others.
const maxReferences = 256

// standAlone is the text of an Avro schema with what it refers to put in.
func (r *Registry) standAlone(ctx context.Context, s sr.Schema) (string, error) {
	if s.Type != sr.TypeAvro {
		return "", fmt.Errorf("%w: its type is %s, should be AVRO", ErrUnsupportedSchema, s.Type)
	}
	if len(s.References) == 0 {
		return s.Schema, nil
	}
	types := map[string]string{}
	for queue := slices.Clone(s.References); len(queue) > 0; queue = queue[1:] {
		ref := queue[0]
		if _, ok := types[ref.Name]; ok {
			continue
		}
		if len(types) == maxReferences {
			return "", fmt.Errorf("%w: it refers to more than %d others", ErrUnsupportedSchema, maxReferences)
		}
		named, err := r.version(ctx, ref.Subject, ref.Version)
		if err != nil {
			return "", fmt.Errorf("version %d of %s, which it refers to as %s: %w", ref.Version, ref.Subject, ref.Name, err)
		}
		if named.Type != sr.TypeAvro {
			return "", fmt.Errorf("%w: %s, which it refers to, is of type %s, should be AVRO", ErrUnsupportedSchema, ref.Name, named.Type)
		}
		types[ref.Name] = named.Schema.Schema
		queue = append(queue, named.References...)
	}
	text, err := schema.Inline(s.Schema, types)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnsupportedSchema, err)
	}
	return text, nil
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
