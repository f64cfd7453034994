package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// drainTimeout bounds how long a stopping server waits for the answers it has begun.
const drainTimeout = 5 * time.Second

// Options is what a Server needs. Log and Metrics are required.
type Options struct {
	Listen  string              // host:port; port 0: any free one
	Metrics prometheus.Gatherer // what /metrics shows
	Log     *zap.Logger
	Pprof   bool // serve /debug/pprof/
}

// Server serves /metrics, /livez, /readyz and, if wanted, /debug/pprof/, and what Handle mounts.
//
//  1. NewServer; Check and Handle, by whoever has something to say.
//  2. Start binds the address and serves.
//  3. When the context of Start ends: not ready, then no new connections, then the answers begun are finished or, after 5 s,
//     broken off. Wait returns.
type Server struct {
	options  Options
	mux      *http.ServeMux
	health   *health
	errors   *log.Logger   // what net/http has to say
	stopping chan struct{} // closed when draining begins
	done     chan struct{} // closed when nothing is served any more
	err      error         // set before done is closed
	start    sync.Once
}

// NewServer makes a server that does not listen yet.
func NewServer(o Options) (*Server, error) {
	if o.Log == nil || o.Metrics == nil {
		return nil, errors.New("make HTTP server: Options.Log and Options.Metrics are required")
	}
	complaints, err := zap.NewStdLogAt(o.Log.Named("http"), zap.WarnLevel)
	if err != nil {
		return nil, fmt.Errorf("make HTTP server: %w", err)
	}
	s := &Server{
		options: o, errors: complaints, mux: http.NewServeMux(), health: &health{checks: map[string]Check{}},
		stopping: make(chan struct{}), done: make(chan struct{}),
	}
	s.Check("server", func(context.Context) error {
		select {
		case <-s.stopping:
			return errors.New("stopping")
		default:
			return nil
		}
	})
	s.Handle("GET /metrics", promhttp.HandlerFor(o.Metrics, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	s.Handle("GET /livez", http.HandlerFunc(alive))
	s.Handle("GET /readyz", s.health)
	if o.Pprof {
		s.Handle("GET /debug/pprof/", http.HandlerFunc(pprof.Index))
		s.Handle("GET /debug/pprof/cmdline", http.HandlerFunc(pprof.Cmdline))
		s.Handle("GET /debug/pprof/profile", http.HandlerFunc(pprof.Profile))
		s.Handle("GET /debug/pprof/symbol", http.HandlerFunc(pprof.Symbol))
		s.Handle("GET /debug/pprof/trace", http.HandlerFunc(pprof.Trace))
	}
	return s, nil
}

// alive says that the process answers. It checks nothing else on purpose: a restart does not bring back a broker.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok\n")
}

// Handle mounts h at pattern, as http.ServeMux understands it. A pattern that is already taken panics, as there.
func (s *Server) Handle(pattern string, h http.Handler) { s.mux.Handle(pattern, h) }

// Check registers what /readyz asks under name, instead of an earlier check of that name. Checks run concurrently, with
// 2 s for all of them.
func (s *Server) Check(name string, check Check) { s.health.add(name, check) }

// Stopping is closed when the server begins to stop. Handlers that stream end then; the others have 5 s.
func (s *Server) Stopping() <-chan struct{} { return s.stopping }

// ServeHTTP answers as the running server does, without a listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Start binds the address, serves until ctx ends, and returns the address bound. It may be called once.
func (s *Server) Start(ctx context.Context) (net.Addr, error) {
	first := false
	s.start.Do(func() { first = true })
	if !first {
		return nil, errors.New("start HTTP server: started twice")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.options.Listen)
	if err != nil {
		s.finish(nil)
		return nil, fmt.Errorf("start HTTP server: %w", err)
	}
	go s.run(ctx, listener)
	return listener.Addr(), nil
}

// Wait returns when the server started has stopped: nil if it was told to and all answers were finished.
func (s *Server) Wait() error {
	<-s.done
	return s.err
}

func (s *Server) finish(err error) {
	s.err = err
	close(s.done)
}

// run serves, and drains when ctx ends.
func (s *Server) run(ctx context.Context, listener net.Listener) {
	// Requests outlive ctx, or draining would break them off; they end with broken.
	requests, broken := context.WithCancel(context.WithoutCancel(ctx))
	defer broken()
	server := &http.Server{
		Handler:           s.mux,
		BaseContext:       func(net.Listener) context.Context { return requests },
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          s.errors,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		close(s.stopping)
		s.finish(fmt.Errorf("serve HTTP: %w", err))
		return
	case <-ctx.Done():
	}
	close(s.stopping)
	drain, cancel := context.WithTimeout(requests, drainTimeout)
	defer cancel()
	err := server.Shutdown(drain)
	if err != nil {
		broken()
		err = errors.Join(fmt.Errorf("stop HTTP server: answers unfinished after %s: %w", drainTimeout, err), server.Close())
	}
	if closed := <-served; !errors.Is(closed, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve HTTP: %w", closed))
	}
	s.finish(err)
}
