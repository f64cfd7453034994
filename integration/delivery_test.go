//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/sink/standin"
)

const (
	lives      = 10
	lifeKills  = 10
	lifeOnset  = "2026-03-25T00:00:00Z"
	lifeErrors = 0.2
)

// notified are the states that Alertmanager told its receiver of, by incident and severity, each once in a row.
type notified struct {
	mu     sync.Mutex
	states map[string][]string
}

func (n *notified) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readNotice(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range body.Alerts {
		key := a.Labels["incident"] + " " + a.Labels["severity"]
		if was := n.states[key]; len(was) == 0 || was[len(was)-1] != a.Status {
			n.states[key] = append(was, a.Status)
		}
	}
}

func (n *notified) of(key string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.states[key])
}

// delivery is one run: the alerter as a process that is killed, the proxy, and the real Alertmanager behind it.
type delivery struct {
	*system
	proxy *standin.Proxy
	rng   *rand.Rand
	told  notified
	ids   [lives]string
	kills int
	steps int
}

// Each step of an incident's life arrives in the real Alertmanager, which is asked by its own API: a ticket fires, becomes a page, is acknowledged, mitigated, over;
// through 20 % errors, half of them after it had taken the request, 5 % of requests that are never answered, 5 % of 429, and ten kill -9 of the alerter in the
// middle of its work; with the ledger on SQLite and on PostgreSQL.
func TestEveryStepReachesAlertmanager(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			d := &delivery{system: fresh(t), rng: rand.New(rand.NewPCG(20260325, 9)), told: notified{states: map[string][]string{}}}
			if database == "postgres" {
				d.onPostgres()
			}
			d.apply(contractFile()) // makes the topics
			d.behindProxy()
			d.start(alerter)
			d.live()
		})
	}
}

// behindProxy starts Alertmanager and the proxy.
func (d *delivery) behindProxy() {
	d.t.Helper()
	hook := httptest.NewServer(&d.told)
	d.t.Cleanup(hook.Close)
	at := port("PARTS_ALERTMANAGER_PORT", 29393)
	env := []string{"PARTS_ALERTMANAGER_PORT=" + strconv.Itoa(at), "PARTS_ALERTMANAGER_HOOK=" + hook.URL}
	if err := here.script("alertmanager", "start", env...); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		if err := here.script("alertmanager", "reset", env...); err != nil {
			d.t.Error(err)
		}
	})
	rates := standin.Rates{Errors: lifeErrors, Timeouts: 0.05, Limits: 0.05, Pause: 3 * time.Second}
	d.proxy = &standin.Proxy{Faults: standin.NewFaults(rates, 20260325), To: "http://" + address(at)}
	server := httptest.NewServer(d.proxy)
	d.t.Cleanup(server.Close)
	d.set("PLUMBLINE_ALERT_ALERTMANAGER_URL=" + server.URL)
}

// live lets all incidents live, a step at a time, with kills in between.
func (d *delivery) live() {
	d.t.Helper()
	for i := range lives {
		d.ids[i] = d.found(i, 1, finding.Drift, finding.Ticket)
		d.killNow(i%3 == 1) // 3
	}
	d.shows("a ticket fires", func(int) string { return "ticket open" })
	for i := range lives {
		d.found(i, 2, finding.Drift, finding.Page)
		d.killNow(i%5 == 3) // 2
	}
	d.shows("it is a page", func(int) string { return "page open" })
	for i := 0; i < lives; i += 2 {
		d.act(i, incident.Acknowledge)
		d.killNow(i%4 == 2) // 2
	}
	d.shows("some are acknowledged", func(i int) string { return "page " + []string{"acknowledged", "open"}[i%2] })
	for i := 0; i < lives; i += 4 {
		d.act(i, incident.Mitigate)
		d.killNow(i == 4) // 1
	}
	d.shows("some are mitigated", func(i int) string { return "page " + []string{"mitigated", "open", "acknowledged", "open"}[i%4] })
	for i := range lives {
		d.found(i, 40, finding.Equivalent, finding.Ticket)
		d.killNow(i%5 == 2) // 2
	}
	d.shows("all are over", func(int) string { return "" })
	for i := range lives {
		for _, severity := range []string{"ticket", "page"} {
			until(d.t, "its receiver has heard of both ends", func(context.Context) error {
				if got := d.told.of(d.ids[i] + " " + severity); !slices.Equal(got, []string{"firing", "resolved"}) {
					return fmt.Errorf("of %s, %s, it heard %q", d.ids[i], severity, got)
				}
				return nil
			})
		}
	}
	d.settle()
	d.runs[alerter].kill()
	f := d.proxy.Faults
	if wrong := d.proxy.Wrong(); len(wrong) > 0 {
		d.t.Errorf("%d requests were wrong, the first: %s", len(wrong), wrong[0])
	}
	if d.kills != lifeKills || f.Failed < 10 || f.Ambiguous < 3 || f.Early > 0 {
		d.t.Errorf("%d kills, %d requests failed, %d of them were taken, %d came before a 429 allowed it", d.kills, f.Failed, f.Ambiguous, f.Early)
	}
	d.t.Logf("%d incidents, %d steps, %d requests, of which %d failed (%d of them were taken), %d kills: 0 lost, none twice", lives, d.steps, d.proxy.Came(), f.Failed, f.Ambiguous, d.kills)
}

// settle waits until the alerter has read all and has nothing left to send.
func (d *delivery) settle() {
	d.t.Helper()
	until(d.t, "nothing is left to send", d.alerted)
}

// found publishes a finding of a model of its own, and returns the id that its incident has.
func (d *delivery) found(i, hour int, verdict finding.Verdict, severity finding.Severity) string {
	d.t.Helper()
	d.steps++
	onset, err := time.Parse(time.RFC3339, lifeOnset)
	if err != nil {
		d.t.Fatal(err)
	}
	at := onset.Add(time.Duration(hour) * time.Hour)
	f := finding.Finding{
		Model: fmt.Sprintf("m%02d", i), At: at, Window: finding.Window{Start: at.Add(-time.Hour), End: at}, Onset: onset, Subject: "income", Channel: "location", Metric: "mean",
		Verdict: verdict, Severity: severity, Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()},
	}
	if err := f.Seal(); err != nil {
		d.t.Fatal(err)
	}
	body, err := finding.Event(&f)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.cl.ProduceSync(d.t.Context(), &kgo.Record{Topic: bus.TopicFindings, Partition: 0, Value: body}).FirstErr(); err != nil {
		d.t.Fatal(err)
	}
	_, inc := incident.NewBook().Fold(f)
	return inc.ID
}

// act does something to an incident by the API of whichever alerter runs, until it is taken.
func (d *delivery) act(i int, verb incident.Verb) {
	d.t.Helper()
	d.steps++
	body := fmt.Sprintf(`{"id":"%s-%s","actor":"ada","verb":"%s"}`, verb, d.ids[i], verb)
	until(d.t, "the API takes the act", func(ctx context.Context) error {
		at, _ := d.runs[alerter].logged("serving")["address"].(string)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at+"/api/v1/incidents/"+d.ids[i]+"/acts", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }()
		if answer, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s %s, %w", resp.Status, answer, err)
		}
		return nil
	})
}

// killNow is a kill -9 of the alerter while it works: at once, or once it has begun to tell what came last.
func (d *delivery) killNow(is bool) {
	d.t.Helper()
	if !is {
		return
	}
	if before := d.proxy.Came(); d.rng.IntN(2) == 0 {
		until(d.t, "the alerter tells something", func(context.Context) error {
			if d.proxy.Came() == before {
				return errors.New("nothing came")
			}
			return nil
		})
	}
	d.restart(alerter)
	d.kills++
}

// shows waits until Alertmanager's API shows each incident as it is, and nothing else.
func (d *delivery) shows(what string, want func(i int) string) {
	d.t.Helper()
	until(d.t, "in Alertmanager "+what, func(ctx context.Context) error {
		got, err := d.firing(ctx)
		if err != nil {
			return err
		}
		lost := 0
		for i, id := range d.ids {
			var all []string
			if s := want(i); s != "" {
				all = []string{s}
			}
			if !slices.Equal(got[id], all) {
				lost++
				err = fmt.Errorf("%d are not so: the API shows %s as %q, should be %q", lost, id, got[id], all)
			}
		}
		return err
	})
}

// firing are the alerts that Alertmanager's API v2 shows, by incident: severity and status.
func (d *delivery) firing(ctx context.Context) (map[string][]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.proxy.To+"/api/v2/alerts", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	var alerts []struct {
		Labels, Annotations map[string]string
	}
	if err := json.NewDecoder(resp.Body).Decode(&alerts); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, a := range alerts {
		out[a.Labels["incident"]] = append(out[a.Labels["incident"]], a.Labels["severity"]+" "+a.Annotations["status"])
	}
	return out, nil
}
