package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func newServer(t *testing.T, o Options) *Server {
	t.Helper()
	o.Metrics, o.Log = NewRegistry(), zap.NewNop()
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get asks s without a listener.
func get(t *testing.T, s *Server, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func TestReady(t *testing.T) {
	s := newServer(t, Options{})
	var redis error
	s.Check("redis", func(context.Context) error { return redis })
	s.Check("kafka", func(context.Context) error { return errors.New("replaced below") })
	s.Check("kafka", func(context.Context) error { return nil })

	w := get(t, s, "/readyz")
	want := `{"ready":true,"checks":[{"name":"kafka","ready":true},{"name":"redis","ready":true},{"name":"server","ready":true}]}` + "\n"
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s, want 200 %s", w.Code, w.Body, want)
	}

	redis = errors.New("dial redis: refused")
	w = get(t, s, "/readyz")
	want = `{"ready":false,"checks":[{"name":"kafka","ready":true},{"name":"redis","ready":false,"error":"dial redis: refused"},{"name":"server","ready":true}]}` + "\n"
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
		t.Errorf("got %d %s, want 503 %s", w.Code, w.Body, want)
	}
	if kind := w.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type %q", kind)
	}

	if w := get(t, s, "/livez"); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("alive: got %d %s; a check that fails must not restart the process", w.Code, w.Body)
	}
}

// TestAStuckCheckIsReported holds that checks run side by side and that one which ignores its context holds up nobody.
func TestAStuckCheckIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, Options{})
		release := make(chan struct{})
		s.Check("stuck", func(context.Context) error { <-release; return nil })
		for _, name := range []string{"slow 1", "slow 2"} {
			s.Check(name, func(ctx context.Context) error {
				select {
				case <-time.After(checkTimeout * 3 / 4):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
		begin := time.Now()
		w := get(t, s, "/readyz")
		if took := time.Since(begin); took != checkTimeout {
			t.Errorf("took %s, want %s", took, checkTimeout)
		}
		var got state
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		for _, check := range got.Checks {
			if want := check.Name != "stuck"; check.Ready != want {
				t.Errorf("%+v, want ready %v", check, want)
			}
			if check.Name == "stuck" && check.Error != "no answer within 2s" {
				t.Errorf("got %q", check.Error)
			}
		}
		close(release)
	})
}

func TestMetrics(t *testing.T) {
	w := get(t, newServer(t, Options{}), "/metrics")
	for _, name := range []string{"go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(w.Body.String(), "\n"+name) {
			t.Errorf("no %s in %s", name, w.Body)
		}
	}
}

func TestProfilesOnlyWhenWanted(t *testing.T) {
	for path, want := range map[string]string{"/debug/pprof/": "heap", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/cmdline": "telemetry"} {
		if w := get(t, newServer(t, Options{Pprof: true}), path); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
		if w := get(t, newServer(t, Options{}), path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404 when not wanted", path, w.Code)
		}
	}
}

func TestStartServesUntilItsContextEnds(t *testing.T) {
	s := newServer(t, Options{Listen: "127.0.0.1:0"})
	s.Handle("GET /api/{name}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.PathValue("name")) }))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	address, err := s.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Start(ctx); err == nil {
		t.Error("starts twice")
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address.String()+"/api/plumb", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil || string(body) != "plumb" {
		t.Errorf("got %q, %v", body, err)
	}
	cancel()
	if err := s.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if res, err := client.Do(req); err == nil {
		t.Errorf("still serves after it stopped: %v", errors.Join(err, res.Body.Close()))
	}
}

func TestStartNamesTheAddressItCannotBind(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s := newServer(t, Options{Listen: taken.Addr().String()})
	if _, err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "start HTTP server: listen tcp "+taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
	if err := s.Wait(); err != nil { // must not hang
		t.Errorf("got %v, want nil: Start told it", err)
	}
}

func TestNewServerWantsItsParts(t *testing.T) {
	if _, err := NewServer(Options{}); err == nil {
		t.Error("accepts no logger and no metrics")
	}
}

// pipes is a listener whose connections stay in memory, and so in a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestDrain asks for an answer that takes a while, stops the server meanwhile, and looks at the answer and the clock.
func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name       string
		takes      time.Duration
		stops      time.Duration // when the server is done, after it was told
		answered   bool
		brokenOff  bool
		endsStream bool // the handler ends when the server stops
	}{
		{name: "a short answer is finished", takes: 3 * time.Second, stops: 3 * time.Second, answered: true},
		{name: "a long answer is broken off", takes: time.Hour, stops: drainTimeout, brokenOff: true},
		{name: "a stream ends when told", takes: time.Hour, stops: 0, answered: true, endsStream: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, Options{})
				begun := make(chan struct{})
				brokenOff := make(chan bool, 1)
				s.Handle("GET /slow", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					close(begun)
					var told <-chan struct{}
					if c.endsStream {
						told = s.Stopping()
					}
					select {
					case <-time.After(c.takes):
					case <-told:
					case <-r.Context().Done():
						brokenOff <- true
						return
					}
					brokenOff <- false
					_, _ = io.WriteString(w, "done")
				}))
				listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
				ctx, stop := context.WithCancel(t.Context())
				go s.run(ctx, listener)

				ours, theirs := net.Pipe()
				listener.conns <- theirs
				answer := make(chan string, 1)
				go func() {
					defer func() { _ = ours.Close() }()
					_, _ = io.WriteString(ours, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
					res, err := http.ReadResponse(bufio.NewReader(ours), nil)
					if err != nil {
						answer <- ""
						return
					}
					body, _ := io.ReadAll(res.Body)
					_ = res.Body.Close()
					answer <- string(body)
				}()
				<-begun
				if w := get(t, s, "/readyz"); w.Code != http.StatusOK {
					t.Errorf("before: %d", w.Code)
				}
				told := time.Now()
				stop()
				synctest.Wait()
				if w := get(t, s, "/readyz"); w.Code != http.StatusServiceUnavailable {
					t.Errorf("while it stops: ready, with %d", w.Code)
				}
				err := s.Wait()
				// Shutdown polls for idle connections, at most every 500 ms.
				if took := time.Since(told); took < c.stops || took > c.stops+500*time.Millisecond {
					t.Errorf("took %s, want %s", took, c.stops)
				}
				if broken := <-brokenOff; (err != nil) != c.brokenOff || broken != c.brokenOff {
					t.Errorf("error %v, broken off %v, want %v", err, broken, c.brokenOff)
				}
				if got := <-answer; (got == "done") != c.answered {
					t.Errorf("answer %q, want one: %v", got, c.answered)
				}
			})
		})
	}
}
