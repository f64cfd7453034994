package sink

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/sink/standin"
)

var noon = time.Date(2026, 3, 25, 12, 0, 0, 0, time.UTC)

const routingKey = "0123456789abcdef0123456789abcdef"

// example is an incident with everything that is told of one.
func example(status incident.Status) incident.Incident {
	inc := incident.Incident{
		KindName: incident.Kind, ID: "9f2c000000000001", Model: "credit", Status: status, Severity: finding.Page,
		Title: "income is 100 times larger <!channel> & more", OpenedAt: noon, Onset: noon.Add(-2 * time.Hour),
		Cause:    incident.Cause{Kind: "unit_change", Fix: "divide income by 100"},
		Subjects: []incident.Subject{{Name: "income", Share: 0.93}, {Name: "score", Share: 0.07}},
		Slices:   []map[string]string{{"region": "north"}}, Lineage: &incident.Lineage{Job: "etl.income", Version: "v42"},
		Numbers: []finding.Figure{{Name: "mean", Before: 41, Now: 4100, Unit: "EUR"}},
		Impact:  &finding.Impact{Currency: "EUR", PerDay: 12300, Band: [2]finding.Number{9100, 15800}, SoFar: 4100, Basis: "estimated"},
		Runbook: "https://example.org/runbook?a=1&b=2", Owner: incident.Owner{Role: "data", Team: "data-platform"},
	}
	if status == incident.Resolved {
		at := noon.Add(time.Hour)
		inc.ResolvedAt = &at
	}
	return inc
}

// huge is one whose texts are as long as contracts and data allow, and longer.
func huge() incident.Incident {
	inc := example(incident.Open)
	inc.Title = strings.Repeat("\u00e4<&>", 2000)
	inc.Runbook = "docs/" + strings.Repeat("x", 5000)
	inc.Cause.Fix = strings.Repeat("fix ", 150_000)
	for range 100 {
		inc.Slices = append(inc.Slices, map[string]string{"region": strings.Repeat("n", 500)})
		inc.Subjects = append(inc.Subjects, incident.Subject{Name: strings.Repeat("s", 500), Share: 0.01})
	}
	return inc
}

func wrap(t *testing.T, id string, data any) []byte {
	t.Helper()
	b, err := json.Marshal(finding.Wrap("incident", id, "credit", noon, data))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func digest() Digest {
	d := Digest{KindName: KindDigest, Since: noon.Add(-24 * time.Hour), Until: noon}
	for range 80 {
		inc := example(incident.Open)
		inc.Title = huge().Title
		d.Incidents = append(d.Incidents, inc)
	}
	return d
}

// life sends an incident's life to a sink.
func life(t *testing.T, s interface {
	Send(ctx context.Context, id string, body []byte) error
},
) {
	t.Helper()
	for i, status := range []incident.Status{incident.Open, incident.Acknowledged, incident.Mitigated, incident.Resolved} {
		if err := s.Send(t.Context(), "9f2c000000000001-"+string(rune('1'+i)), wrap(t, "9f2c000000000001-"+string(rune('1'+i)), example(status))); err != nil {
			t.Fatalf("%s: %v", status, err)
		}
	}
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	g, _ := json.Marshal(got)
	w, _ := json.Marshal(want)
	if !bytes.Equal(g, w) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func never() *standin.Faults { return standin.NewFaults(standin.Rates{}, 1) }

func TestPagerDuty(t *testing.T) {
	there := standin.NewPagerDuty(never())
	s := &PagerDuty{Called: "pagerduty:ops", Key: routingKey, Client: &http.Client{Transport: there}, Links: Links{Base: "https://plumbline.example.org/incidents"}}
	life(t, s)
	expect(t, "its life", there.Life("9f2c000000000001"), []string{"triggered", "acknowledged", "resolved"})
	if err := s.Send(t.Context(), "x-1", wrap(t, "x-1", huge())); err != nil {
		t.Errorf("an incident of great length: %v", err)
	}
	expect(t, "what was wrong", there.Wrong, []string(nil))
	refused := s.Send(t.Context(), "d-1", wrap(t, "d-1", digest()))
	if _, is := errors.AsType[*RefusedError](refused); !is {
		t.Errorf("a digest: %v, want it refused", refused)
	}
}

// A reopened page that nobody is to be called for triggers nothing: its alert was resolved there, and a trigger would be a new one.
func TestPagerDutyIsQuietWhereNobodyIsCalled(t *testing.T) {
	there := standin.NewPagerDuty(never())
	s := &PagerDuty{Key: routingKey, Client: &http.Client{Transport: there}}
	for calls, want := range map[bool]int{false: 0, true: 1} {
		inc := example(incident.OpenAgain)
		inc.Calls = calls
		inc.ID = map[bool]string{false: "quiet", true: "loud"}[calls]
		if err := s.Send(t.Context(), "a-1", wrap(t, "a-1", inc)); err != nil {
			t.Fatal(err)
		}
		if got := len(there.Life(inc.ID)); got != want {
			t.Errorf("reopened, calls %t: %d triggers, want %d", calls, got, want)
		}
	}
}

type receipts map[string]string

func (r receipts) Receipt(_ context.Context, incident, sink string) (string, error) {
	return r[incident+sink], nil
}

func (r receipts) Keep(_ context.Context, message, sink, receipt string) error {
	r[message[:strings.LastIndex(message, "-")]+sink] = receipt
	return nil
}

func TestSlackUpdatesOneMessage(t *testing.T) {
	there := standin.NewSlack(never(), "xoxb-token")
	s := &Slack{
		Called: "slack:#ops", Token: "xoxb-token", Channel: "#ops", Buttons: true, Receipts: receipts{}, Client: &http.Client{Transport: there},
		Links: Links{Base: "https://plumbline.example.org/incidents"},
	}
	life(t, s)
	expect(t, "what was wrong", there.Wrong, []string(nil))
	messages := there.Messages("9f2c000000000001")
	title := "credit: income is 100 times larger &lt;!channel&gt; &amp; more"
	expect(t, "messages", messages, [][]string{{"[page] " + title, "[acknowledged] " + title, "[mitigated] " + title, "[resolved] " + title}})
	there.Remove(there.Posts["9f2c000000000001"][0])
	if err := s.Send(t.Context(), "9f2c000000000001-9", wrap(t, "", example(incident.Open))); err != nil {
		t.Fatal(err)
	}
	if got := len(there.Messages("9f2c000000000001")); got != 2 {
		t.Errorf("somebody removed the message: %d, want another one", got)
	}
	for id, data := range map[string]any{"x-1": huge(), "d-1": digest()} {
		if err := s.Send(t.Context(), id, wrap(t, id, data)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	s.Token = "revoked"
	err := s.Send(t.Context(), "y-1", wrap(t, "y-1", huge()))
	if _, is := errors.AsType[*RefusedError](err); !is {
		t.Errorf("a token that was revoked: %v, want it refused", err)
	}
}

func TestSlackWebhook(t *testing.T) {
	there := standin.NewSlack(never(), "")
	s := &SlackWebhook{URL: "https://hooks.slack.com/services/T0/B0/secret", Client: &http.Client{Transport: there}}
	life(t, s)
	for id, data := range map[string]any{"x-1": huge(), "d-1": digest()} {
		if err := s.Send(t.Context(), id, wrap(t, id, data)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	expect(t, "what was wrong", there.Wrong, []string(nil))
	if len(there.Webhooks) != 6 {
		t.Errorf("%d messages, want 6", len(there.Webhooks))
	}
}

func TestAlertmanager(t *testing.T) {
	there := standin.NewAlertmanager(never())
	a := &Alertmanager{URLs: []string{"http://127.0.0.1:9093/"}, Now: time.Now, Client: &http.Client{Transport: there}, Links: Links{Base: "https://plumbline.example.org/incidents"}}
	ticket := example(incident.Open)
	ticket.Severity = finding.Ticket
	if err := a.Send(t.Context(), "1", wrap(t, "1", ticket)); err != nil {
		t.Fatal(err)
	}
	life(t, a) // of a page: the ticket's alert ends
	expect(t, "as a ticket", there.Life("9f2c000000000001", "ticket"), []string{"firing", "resolved"})
	expect(t, "as a page", there.Life("9f2c000000000001", "page"), []string{"firing", "resolved"})
	many := []incident.Incident{huge()}
	for range 200 {
		many = append(many, example(incident.Open))
	}
	if err := a.Refresh(t.Context(), many); err != nil {
		t.Error(err)
	}
	expect(t, "what was wrong", there.Wrong, []string(nil))
}

// One member of a cluster that takes an alert is enough; one that refuses doesn't hide that another is away.
func TestAlertmanagerCluster(t *testing.T) {
	up := standin.NewAlertmanager(never())
	down := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") })
	both := func(second http.RoundTripper) error {
		a := &Alertmanager{URLs: []string{"http://one", "http://two"}, Now: time.Now, Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "one" {
				return down(r)
			}
			return second.RoundTrip(r)
		})}}
		return a.Send(t.Context(), "1", wrap(t, "1", example(incident.Open)))
	}
	if err := both(up); err != nil {
		t.Error(err)
	}
	err := both(roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 400, Status: "400 Bad Request", Body: http.NoBody, Request: r}, nil
	}))
	if _, refused := errors.AsType[*RefusedError](err); err == nil || refused {
		t.Errorf("one away, one refuses: %v, want another try", err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestEmail(t *testing.T) {
	there, err := standin.NewMail(nil)
	if err != nil {
		t.Fatal(err)
	}
	mailer := &Mailer{
		Address: "mail.example.org:587", Encryption: StartTLS, TLS: &tls.Config{RootCAs: there.Roots, MinVersion: tls.VersionTLS12}, From: "Plumbline <plumbline@example.org>",
		Now: time.Now, Dial: there.Dial,
	}
	s := &Email{Called: "email:ops@example.org", Mailer: mailer, To: "ops@example.org"}
	life(t, s)
	got := there.Thread("9f2c000000000001")
	if len(got) != 4 || !strings.HasPrefix(got[0], "[page] credit: income is 100 times larger") || !strings.HasPrefix(got[3], "[resolved]") {
		t.Errorf("the thread: %q", got)
	}
	for id, data := range map[string]any{"x-1": huge(), "d-1": digest()} {
		if err := s.Send(t.Context(), id, wrap(t, id, data)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	expect(t, "what was wrong", there.Wrong, []string(nil))

	there.Plain = true // a man in the middle takes STARTTLS away
	before := len(there.IDs)
	if err := s.Send(t.Context(), "y-1", wrap(t, "y-1", example(incident.Open))); err == nil || len(there.IDs) != before {
		t.Error("mail went out in the clear")
	}
	mailer.Encryption = NoTLS
	if err := s.Send(t.Context(), "y-1", wrap(t, "y-1", example(incident.Open))); err == nil || len(there.IDs) != before {
		t.Error("mail went out in the clear to another machine")
	}
	mailer.Address = "127.0.0.1:25"
	if err := s.Send(t.Context(), "y-1", wrap(t, "y-1", example(incident.Open))); err != nil || len(there.IDs) != before+1 {
		t.Errorf("this machine's own server: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true, "example.org": false, "10.0.0.1": false, "localhost.example.org": false, "": false} {
		if loopback(host) != want {
			t.Errorf("%q is this machine: %t", host, !want)
		}
	}
}

// What an answer means, and that no error tells an address that holds a token.
func TestAnswers(t *testing.T) {
	send := func(code int, header http.Header, fail error) error {
		w := &Webhook{URL: "https://example.org/hook/t0ken?also=t0ken", Client: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if fail != nil {
				return nil, fail
			}
			return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: header, Body: http.NoBody, Request: r}, nil
		}), CheckRedirect: NewClient().CheckRedirect}}
		return w.Send(t.Context(), "a-1", []byte("{}"))
	}
	for code, refused := range map[int]bool{301: true, 307: true, 400: true, 401: true, 404: true, 410: true, 408: false, 425: false, 429: false, 500: false, 503: false} {
		err := send(code, http.Header{"Location": {"https://elsewhere.example.org/"}}, nil)
		if _, is := errors.AsType[*RefusedError](err); err == nil || is != refused {
			t.Errorf("answer %d: %v; refused should be %t", code, err, refused)
		}
	}
	if err := send(0, nil, errors.New("no route to host")); err == nil || strings.Contains(err.Error(), "t0ken") {
		t.Errorf("an error tells the address: %v", err)
	}
	date := "Wed, 25 Mar 2026 12:00:00 GMT"
	for _, c := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{"Retry-After": {"17"}}, 17 * time.Second},
		{http.Header{"Retry-After": {"Wed, 25 Mar 2026 12:01:30 GMT"}, "Date": {date}}, 90 * time.Second},
		{http.Header{"Retry-After": {"Wed, 25 Mar 2026 11:01:30 GMT"}, "Date": {date}}, 0},
		{http.Header{"Retry-After": {"-5"}}, 0},
		{http.Header{"Retry-After": {"999999999"}}, time.Hour},
		{http.Header{"Retry-After": {"soon"}}, 0},
		{nil, 0},
	} {
		later, ok := errors.AsType[*LaterError](send(429, c.header, nil))
		if !ok || later.After != c.want {
			t.Errorf("%v: %+v, want a pause of %s", c.header, later, c.want)
		}
	}
}

func TestUnreadableMessagesAreRefused(t *testing.T) {
	sinks := []interface {
		Send(ctx context.Context, id string, body []byte) error
	}{
		&PagerDuty{}, &Slack{}, &SlackWebhook{}, &Alertmanager{Now: time.Now}, &Email{Mailer: &Mailer{Address: "localhost:25", From: "a@b.example"}},
	}
	for _, s := range sinks {
		for _, body := range []string{"", "{}", `{"data":{"kind":"finding"}}`, `{"data":{"kind":"incident","opened_at":7}}`} {
			err := s.Send(t.Context(), "a-1", []byte(body))
			if _, is := errors.AsType[*RefusedError](err); !is {
				t.Errorf("%T took %q: %v", s, body, err)
			}
		}
	}
}

func TestLouder(t *testing.T) {
	var told []incident.Change
	for _, c := range []incident.Change{incident.None, incident.Opened, incident.Joined, incident.Updated, incident.Eased, incident.Closed, incident.Reopened, incident.Acked, incident.Commented} {
		if Louder(c) {
			told = append(told, c)
		}
	}
	if want := []incident.Change{incident.Opened, incident.Closed, incident.Reopened, incident.Acked}; !slices.Equal(told, want) {
		t.Errorf("people are told of %q, want %q", told, want)
	}
}

// A webhook's message is signed, names itself, and is a CloudEvent.
func TestWebhook(t *testing.T) {
	there := standin.NewWebhook(never(), "s3cret")
	life(t, &Webhook{URL: "https://example.org/hook", Secret: "s3cret", Client: &http.Client{Transport: there}})
	expect(t, "its life", there.Life("9f2c000000000001"), []string{"open", "acknowledged", "mitigated", "resolved"})
	expect(t, "what was wrong", there.Wrong, []string(nil))
}
