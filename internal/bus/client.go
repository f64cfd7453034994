package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/plugin/kprom"
	"github.com/twmb/franz-go/plugin/kzap"
	"go.uber.org/zap"
)

const (
	// New partitions of a source are found at the next refresh; the client's default of 5 minutes would let their events wait.
	metadataMaxAge = 10 * time.Second
	// What a request may take beyond its own timeout before the connection counts as dead.
	requestOverhead = 5 * time.Second
	// A failed broker must not be asked again in a tight loop, nor forgotten for seconds.
	metadataMinAge = 250 * time.Millisecond
)

// Settings say how to reach a Kafka cluster. The zero value is not usable: Brokers is required.
type Settings struct {
	Brokers  []string                                                          // host:port of at least one broker
	TLS      *tls.Config                                                       // nil: plain text; not together with Dialer
	SASL     sasl.Mechanism                                                    // nil: no authentication
	Dialer   func(ctx context.Context, network, addr string) (net.Conn, error) // nil: TCP
	ClientID string                                                            // shown in broker logs and quotas; "" means "plumbline"
}

func (s Settings) validate() error {
	if len(s.Brokers) == 0 {
		return errors.New("kafka settings: brokers: none given, need at least one host:port")
	}
	if s.TLS != nil && s.Dialer != nil {
		return errors.New("kafka settings: tls and a dialer are both set: the dialer would bypass tls")
	}
	return nil
}

// Options returns the client options that every client of the project starts from. The client's own log messages go to
// logger from Warn upwards (nil: nowhere). With a registerer, the client's metrics are registered there under
// plumbline_kafka; each client needs a registerer of its own, because equal metrics can't be registered twice.
func (s Settings) Options(logger *zap.Logger, reg prometheus.Registerer) ([]kgo.Opt, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	if logger == nil {
		logger = zap.NewNop()
	}
	id := s.ClientID
	if id == "" {
		id = "plumbline"
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(s.Brokers...),
		kgo.ClientID(id),
		kgo.MetadataMaxAge(metadataMaxAge),
		kgo.MetadataMinAge(metadataMinAge),
		kgo.RequestTimeoutOverhead(requestOverhead),
		kgo.WithLogger(kzap.New(logger.Named("kgo"), kzap.Level(kgo.LogLevelWarn))),
	}
	if s.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(s.TLS))
	}
	if s.Dialer != nil {
		opts = append(opts, kgo.Dialer(s.Dialer))
	}
	if s.SASL != nil {
		opts = append(opts, kgo.SASL(s.SASL))
	}
	if reg != nil {
		m := kprom.NewMetrics("plumbline_kafka", kprom.Registerer(reg))
		opts = append(opts, kgo.WithHooks(brokerHooks{m, m, m, m, m, m}))
	}
	return opts, nil
}

// brokerHooks are the hooks of kprom's metrics but for those of every fetched batch, which look up series by label for each: records are
// counted by the services that read them.
type brokerHooks struct {
	kgo.HookNewClient
	kgo.HookClientClosed
	kgo.HookBrokerConnect
	kgo.HookBrokerDisconnect
	kgo.HookBrokerE2E
	kgo.HookBrokerThrottle
}

// NewClient opens a client with the options of Options and more. It does not connect: the first request does.
func (s Settings) NewClient(logger *zap.Logger, reg prometheus.Registerer, more ...kgo.Opt) (*kgo.Client, error) {
	opts, err := s.Options(logger, reg)
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, fmt.Errorf("open kafka client: %w", err)
	}
	return cl, nil
}

// Away says that an error comes from a broker or registry that can't be reached or doesn't answer now, not from what it was
// asked.
func Away(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, ErrRegistryAway) || errors.Is(err, context.DeadlineExceeded) || kerr.IsRetriable(err) ||
		errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kgo.ErrRecordRetries) || errors.Is(err, kgo.ErrClientClosed)
}
