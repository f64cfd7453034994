package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// The virtual network has no free-port allocation, and nothing else listens on it.
const (
	virtualBrokerPort   = 9092
	virtualRegistryPort = 8081
)

// EmbeddedOptions choose how the embedded broker listens.
type EmbeddedOptions struct {
	// Network replaces the loopback interface, for testing/synctest: a wait on a real socket would stall its bubble.
	Network *kfake.VirtualNetwork
}

// Embedded is a Kafka broker and a schema registry in this process, in memory. It is for trying, teaching, CI gates and
// tests: what it holds is gone with the process, and its transactions don't survive a kill.
type Embedded struct {
	cluster  *kfake.Cluster
	registry *http.Server
	served   chan struct{}
	url      string
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	client   *http.Client
}

// StartEmbedded starts one broker and one registry, on free ports of 127.0.0.1. The caller closes it.
func StartEmbedded(o EmbeddedOptions) (*Embedded, error) {
	opts := []kfake.Opt{kfake.NumBrokers(1)}
	listen := func() (net.Listener, error) {
		var lc net.ListenConfig
		return lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	}
	e := &Embedded{served: make(chan struct{})}
	transport := &http.Transport{MaxIdleConns: 4, IdleConnTimeout: time.Minute}
	if o.Network != nil {
		opts = append(opts, kfake.Ports(virtualBrokerPort), kfake.ListenFn(o.Network.Listen))
		listen = func() (net.Listener, error) {
			return o.Network.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", virtualRegistryPort))
		}
		e.dial = o.Network.DialContext
		transport.DialContext = o.Network.DialContext
	}
	e.client = &http.Client{Transport: transport, Timeout: 5 * time.Second}

	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start embedded broker: %w", err)
	}
	e.cluster = cluster
	ln, err := listen()
	if err != nil {
		cluster.Close()
		return nil, fmt.Errorf("start embedded registry: %w", err)
	}
	e.url = "http://" + ln.Addr().String()
	e.registry = &http.Server{Handler: srfake.NewRegistry().Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(e.served)
		// Serve returns when Close closes the listener; there is nobody else to tell.
		_ = e.registry.Serve(ln)
	}()
	return e, nil
}

// Settings reach the embedded broker.
func (e *Embedded) Settings() Settings {
	return Settings{Brokers: e.cluster.ListenAddrs(), Dialer: e.dial}
}

// Brokers are the addresses of the embedded broker, for other processes.
func (e *Embedded) Brokers() []string { return e.cluster.ListenAddrs() }

// RegistryURL is the base URL of the embedded schema registry.
func (e *Embedded) RegistryURL() string { return e.url }

// RegistrySettings reach the embedded schema registry. The clock is the wall clock.
func (e *Embedded) RegistrySettings() RegistrySettings {
	return RegistrySettings{URLs: []string{e.url}, HTTPClient: e.client}
}

// Cluster is the broker itself, for tests that inject faults or delete records.
func (e *Embedded) Cluster() *kfake.Cluster { return e.cluster }

// Close stops both and drops what they hold. Clients should be closed before.
func (e *Embedded) Close() error {
	e.client.CloseIdleConnections()
	err := e.registry.Close()
	<-e.served
	e.cluster.Close()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close embedded registry: %w", err)
	}
	return nil
}
