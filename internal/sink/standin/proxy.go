package standin

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// Proxy stands before a real Alertmanager: it checks what is posted as Alertmanager's stand-in does, and lets requests fail, before or after the real one
// has them. Its numbers may be read while nobody asks it anything.
type Proxy struct {
	*Faults
	To    string // the real one, like "http://127.0.0.1:9093"
	mu    sync.Mutex
	wrong []string
	came  int
}

// Wrong is what didn't fit the published schema, or was refused by the real one.
func (p *Proxy) Wrong() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wrong)
}

// Came is how many requests came.
func (p *Proxy) Came() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.came
}

func (p *Proxy) note(wrong string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.came++
	if wrong != "" {
		p.wrong = append(p.wrong, wrong)
	}
}

// ServeHTTP passes a request on, unless it fails before, and answers as the real one, unless it fails after.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	said := ""
	resp, err := p.serve(r, func(body []byte) (int, string) {
		if err := fits("postable_alerts", body); err != nil || r.Method != http.MethodPost || r.URL.Path != "/api/v2/alerts" {
			said = fmt.Sprintf("%s %s: %v", r.Method, r.URL, err)
			return http.StatusBadRequest, said
		}
		code, text, err := p.pass(r, body)
		if err != nil {
			return http.StatusBadGateway, err.Error()
		}
		if code/100 != 2 {
			said = fmt.Sprintf("the real one answers %d %s to %s", code, text, body)
		}
		return code, text
	})
	p.note(said)
	if err != nil { // nobody waits for an answer any more
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = resp.Body.Close() }()
	if after := resp.Header.Get("Retry-After"); after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// pass asks the real one. Whoever asked may be gone, killed: what came is passed on all the same.
func (p *Proxy) pass(r *http.Request, body []byte) (code int, text string, err error) {
	req, err := http.NewRequest(http.MethodPost, p.To+r.URL.Path, bytes.NewReader(body)) //nolint:noctx // see above
	if err != nil {
		return 0, "", err
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
