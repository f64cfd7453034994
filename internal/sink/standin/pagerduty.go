package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
)

// PagerDuty plays the Events API v2.
type PagerDuty struct {
	*Faults
	mu        sync.Mutex
	Incidents map[string][]string // by dedup_key: the statuses it went through, each once in a row
	Wrong     []string            // what was wrong with requests
	Events    int
}

// NewPagerDuty makes one that fails as f says.
func NewPagerDuty(f *Faults) *PagerDuty {
	return &PagerDuty{Faults: f, Incidents: map[string][]string{}}
}

// RoundTrip answers a request.
func (p *PagerDuty) RoundTrip(req *http.Request) (*http.Response, error) {
	return p.serve(req, func(body []byte) (int, string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.take(req, body); err != nil {
			p.Wrong = append(p.Wrong, err.Error())
			return http.StatusBadRequest, `{"status":"invalid event","message":"Event object is invalid"}`
		}
		return http.StatusAccepted, `{"status":"success","message":"Event processed"}`
	})
}

func (p *PagerDuty) take(req *http.Request, body []byte) error {
	if req.Method != http.MethodPost || req.URL.String() != "https://events.pagerduty.com/v2/enqueue" || req.Header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("%s %s of %q", req.Method, req.URL, req.Header.Get("Content-Type"))
	}
	if len(body) > 512*1000 {
		return fmt.Errorf("%d bytes", len(body))
	}
	if err := fits("events_v2", body); err != nil {
		return err
	}
	var e struct {
		Action string `json:"event_action"`
		Key    string `json:"dedup_key"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	p.Events++
	was := p.Incidents[e.Key]
	now := map[string]string{"trigger": "triggered", "acknowledge": "acknowledged", "resolve": "resolved"}[e.Action]
	last := ""
	if len(was) > 0 {
		last = was[len(was)-1]
	}
	switch {
	case e.Action != "trigger" && (last == "" || last == "resolved"): // dropped, as there is no open alert
	case e.Action == "trigger" && last == "acknowledged": // one more log entry of it
	case last != now:
		p.Incidents[e.Key] = append(was, now)
	}
	return nil
}

// Life is what an incident went through there.
func (p *PagerDuty) Life(key string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.Incidents[key]...)
}
