package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/alert"
	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/console"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/view"
)

// Parts are what the services stand on.
type Parts struct {
	Kafka    bus.Settings
	Layout   bus.Layout
	Registry *bus.Registry
	Index    view.Index
	View     *view.Display
	Ledger   *ledger.Ledger
	Desk     *alert.Desk  // where people's acts come in
	Writers  console.Auth // who may do something
	Producer *kgo.Client  // for what is written outside transactions
	reach    *reach       // how people are reached; nil: they aren't

	Budget budget.Caps // by which Apply and Again give a model its share of false alarms; none: as it asks, or as it is capped

	Prefix, Instance string
	Epoch, IdleAfter time.Duration // of the ingestor
	FoldEpoch        time.Duration // of joiner and detector; 0: 1 s
	EpochBytes       int
	Workers          int           // of the ingestor; 0: one
	FetchWait        time.Duration // of the ingestor; 0: none

	Ready    map[string]*bus.Readiness // by service; those that aren't in it tell nobody
	Pressure bus.Pressure              // memory is short; nil: never

	Logger  *zap.Logger
	Metrics prometheus.Registerer

	forget  func(context.Context) error
	closers []closer
}

// closer ends one part.
type closer struct {
	name  string
	close func() error
}

func (p *Parts) onClose(name string, f func() error) { p.closers = append(p.closers, closer{name, f}) }

// Close ends the parts in the reverse order of their opening. It goes on after a failure and returns all of them.
func (p *Parts) Close() error {
	var errs []error
	for _, v := range slices.Backward(p.closers) {
		if err := v.close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", v.name, err))
		}
	}
	p.closers = nil
	return errors.Join(errs...)
}

// closeAfter closes p again if opening it failed. Called by defer while p is set: a failing return may set the result to nil.
func (p *Parts) closeAfter(err *error) {
	if *err != nil {
		*err = errors.Join(*err, p.Close())
	}
}

// OpenBroker opens Kafka and the registry only: enough to publish plans.
func OpenBroker(ctx context.Context, s *settings.Settings, log *zap.Logger) (p *Parts, err error) {
	p = &Parts{
		Layout: Layout(s),
		Prefix: s.Group.Prefix, Instance: s.Group.Instance, Epoch: s.Ingest.Epoch, FetchWait: FetchWait, IdleAfter: s.Ingest.IdleAfter, EpochBytes: int(s.Ingest.EpochBytes),
		Workers: cmp.Or(s.Ingest.Workers, runtime.GOMAXPROCS(0)),
		Budget:  s.Budget,
		Logger:  log,
	}
	defer p.closeAfter(&err)
	if p.Kafka, err = Kafka(s); err != nil {
		return nil, err
	}
	if err := p.connect(ctx, int16(s.Kafka.ReplicationFactor)); err != nil {
		return nil, err
	}
	p.Registry, err = Registry(s)
	return p, err
}

// open opens what the roles need. What it opened before a failure is closed again.
func open(ctx context.Context, s *settings.Settings, log *zap.Logger, reg prometheus.Registerer, roles Roles) (p *Parts, err error) {
	if p, err = OpenBroker(ctx, s, log); err != nil {
		return nil, err
	}
	p.Metrics = reg
	defer p.closeAfter(&err)
	if roles.EmbeddedRedis {
		cache, err := view.StartEmbedded()
		if err != nil {
			return nil, err
		}
		p.onClose("embedded redis", func() error { cache.Close(); return nil })
		p.redis(cache.Client(), 0)
	} else {
		options, err := s.RedisOptions()
		if err != nil {
			return nil, err
		}
		kept, err := p.joinsKept(ctx)
		if err != nil {
			return nil, err
		}
		redis.SetLogger(redisLog{log.Named("redis")})
		p.redis(redis.NewClient(options), kept)
		if !roles.Detector {
			p.Index = nil // the joiner's alone, which runs with the detector
		}
		if err := p.probeRedis(ctx, options.Addr); err != nil {
			return nil, err
		}
	}
	if roles.Alerter {
		if p.Ledger, err = ledger.Open(ctx, s.Ledger.URL.Reveal()); err != nil {
			return nil, err
		}
		p.onClose("ledger", p.Ledger.Close)
		if p.reach, err = newReach(s); err != nil {
			return nil, err
		}
		p.Desk = alert.NewDesk()
		p.Writers = console.Auth{Token: s.API.Token.Reveal(), Loopback: console.Loopback(s.HTTP.Listen)}
		if p.Writers.Tokens, err = s.APITokens(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Embedded starts embedded parts: everything in this process, nothing kept after it.
func Embedded(ctx context.Context, log *zap.Logger, reg prometheus.Registerer, o bus.EmbeddedOptions) (p *Parts, err error) {
	p = &Parts{Layout: bus.Layout{Fragments: 2, Joins: 2}, Prefix: "plumbline", Epoch: 40 * time.Millisecond, Workers: 2, FoldEpoch: 20 * time.Millisecond, Logger: log, Metrics: reg}
	defer p.closeAfter(&err)
	broker, err := bus.StartEmbedded(o)
	if err != nil {
		return nil, err
	}
	p.onClose("embedded broker", broker.Close)
	p.Kafka = broker.Settings()
	if err := p.connect(ctx, 1); err != nil {
		return nil, err
	}
	if p.Registry, err = bus.NewRegistry(broker.RegistrySettings()); err != nil {
		return nil, err
	}
	cache, err := view.StartEmbedded()
	if err != nil {
		return nil, err
	}
	p.onClose("embedded redis", func() error { cache.Close(); return nil })
	p.redis(cache.Client(), 0)
	if p.Ledger, err = ledger.Open(ctx, "sqlite::memory:"); err != nil {
		return nil, err
	}
	p.onClose("ledger", p.Ledger.Close)
	p.Desk = alert.NewDesk()
	return p, nil
}

func (p *Parts) connect(ctx context.Context, replication int16) error {
	cl, err := p.Kafka.NewClient(p.Logger, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	p.Producer = cl
	p.onClose("kafka client", func() error { cl.Close(); return nil })
	if err := bus.EnsureTopics(ctx, kadm.NewClient(cl), p.Layout, replication); err != nil {
		return fmt.Errorf("use kafka at %s: %w", strings.Join(p.Kafka.Brokers, ","), err)
	}
	return nil
}

// redis uses a client. The join index forgets an id that was not written for as long as the joins topic keeps its records (0:
// never), so that it knows no less than a rebuild would find.
func (p *Parts) redis(c redis.UniversalClient, kept time.Duration) {
	p.forget = func(ctx context.Context) error {
		keys := c.Scan(ctx, 0, p.Prefix+":*", 1000).Iterator()
		for keys.Next(ctx) {
			if err := c.Del(ctx, keys.Val()).Err(); err != nil {
				return err
			}
		}
		return keys.Err()
	}
	p.onClose("redis client", c.Close)
	p.Index = view.NewRedisIndex(c, p.Prefix, kept)
	p.View = view.NewDisplay(c, p.Prefix)
}

// registryTimeout bounds one request to the registry; the client tries again by itself.
const registryTimeout = 5 * time.Second

func registryClient(c *tls.Config) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c
	return &http.Client{Timeout: registryTimeout, Transport: transport}
}

// ForgetView drops what this installation keeps in Redis: join index and latest view. Both come back from the topics.
func (p *Parts) ForgetView(ctx context.Context) error { return p.forget(ctx) }

// API is the HTTP API over the latest view. Where an alerter runs here, it also takes what people do.
func (p *Parts) API() http.Handler {
	api := newAPI(&store{p.View}, p.Logger)
	if p.Desk != nil {
		api.Write(desk{p.Desk}, changes{p.Producer}, p.Writers)
		if p.Ledger != nil {
			api.Outbox(outbox{p.Ledger, p.Desk})
		}
	}
	return api
}
