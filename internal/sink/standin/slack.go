package standin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Slack plays the Web API of one workspace, and its incoming webhooks.
type Slack struct {
	*Faults
	Token    string
	mu       sync.Mutex
	Posts    map[string][]string // by incident, as the context line of a message names it: the ts of its messages
	Texts    map[string][]string // by ts: what it said, each once in a row
	Wrong    []string
	Webhooks []string // texts posted to incoming webhooks
	next     int
}

// NewSlack makes one that fails as f says.
func NewSlack(f *Faults, token string) *Slack {
	return &Slack{Faults: f, Token: token, Posts: map[string][]string{}, Texts: map[string][]string{}}
}

// RoundTrip answers a request.
func (s *Slack) RoundTrip(req *http.Request) (*http.Response, error) {
	return s.serve(req, func(body []byte) (int, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if req.URL.Host == "hooks.slack.com" {
			if err := fits("slack_blocks", body); err != nil {
				s.Wrong = append(s.Wrong, err.Error())
				return http.StatusBadRequest, "invalid_payload"
			}
			var m struct{ Text string }
			if err := json.Unmarshal(body, &m); err != nil {
				s.Wrong = append(s.Wrong, err.Error())
			}
			s.Webhooks = append(s.Webhooks, m.Text)
			return http.StatusOK, "ok"
		}
		text, err := s.call(req, body)
		if err != nil {
			s.Wrong = append(s.Wrong, err.Error())
			return http.StatusOK, `{"ok":false,"error":"invalid_blocks"}`
		}
		return http.StatusOK, text
	})
}

func (s *Slack) call(req *http.Request, body []byte) (string, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil || req.Method != http.MethodPost || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return "", fmt.Errorf("%s of %q: %w", req.Method, req.Header.Get("Content-Type"), err)
	}
	token := form.Get("token")
	if token == "" {
		token = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	}
	if token != s.Token {
		return `{"ok":false,"error":"invalid_auth"}`, nil
	}
	text, err := json.Marshal(form.Get("text"))
	if err != nil {
		return "", err
	}
	whole := []byte(fmt.Sprintf(`{"text":%s,"blocks":%s}`, text, form.Get("blocks")))
	if err := fits("slack_blocks", whole); err != nil {
		return "", err
	}
	channel := form.Get("channel")
	switch req.URL.Path {
	case "/api/chat.postMessage":
		if !strings.HasPrefix(channel, "#") && !strings.HasPrefix(channel, "C") {
			return `{"ok":false,"error":"channel_not_found"}`, nil
		}
		s.next++
		ts := fmt.Sprintf("1700000000.%06d", s.next)
		id := incidentOf(form.Get("blocks"))
		s.Posts[id] = append(s.Posts[id], ts)
		s.say(ts, form.Get("text"))
		return fmt.Sprintf(`{"ok":true,"channel":"C123","ts":%q}`, ts), nil
	case "/api/chat.update":
		ts := form.Get("ts")
		if channel != "C123" || s.Texts[ts] == nil {
			return `{"ok":false,"error":"message_not_found"}`, nil
		}
		s.say(ts, form.Get("text"))
		return fmt.Sprintf(`{"ok":true,"channel":"C123","ts":%q,"text":""}`, ts), nil
	default:
		return "", fmt.Errorf("no such method: %s", req.URL.Path)
	}
}

func (s *Slack) say(ts, text string) {
	if was := s.Texts[ts]; len(was) == 0 || was[len(was)-1] != text {
		s.Texts[ts] = append(was, text)
	}
}

// incidentOf finds the id in the context line of a message.
func incidentOf(blocks string) string {
	_, after, _ := strings.Cut(blocks, "| incident ")
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// Messages are what was said of an incident: for each of its messages the texts that it had.
func (s *Slack) Messages(id string) [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out [][]string
	for _, ts := range s.Posts[id] {
		out = append(out, append([]string{}, s.Texts[ts]...))
	}
	return out
}

// Remove takes a message away, as a person may.
func (s *Slack) Remove(ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.Texts, ts)
}
