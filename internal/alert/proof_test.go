package alert

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to make a schema
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sink"
	"github.com/plumbline-ml/plumbline/internal/sink/standin"
)

// town holds the stand-ins: everybody whom the alerter of the proof tells.
type town struct {
	pager *standin.PagerDuty
	slack *standin.Slack
	alert *standin.Alertmanager
	hook  *standin.Webhook
	mail  *standin.Mail
	all   []*standin.Faults
}

func newTown(t *testing.T, r standin.Rates, seed uint64) *town {
	t.Helper()
	w := &town{}
	faults := func() *standin.Faults {
		f := standin.NewFaults(r, seed+uint64(len(w.all)))
		w.all = append(w.all, f)
		return f
	}
	w.pager, w.slack = standin.NewPagerDuty(faults()), standin.NewSlack(faults(), "xoxb-1")
	w.alert, w.hook = standin.NewAlertmanager(faults()), standin.NewWebhook(faults(), "s3cret")
	var err error
	if w.mail, err = standin.NewMail(faults()); err != nil {
		t.Fatal(err)
	}
	w.mail.Rates.Limits = 0 // mail has no way to say when to come again
	return w
}

// target makes the product's own sinks, which reach the stand-ins.
func (w *town) target(l *ledger.Ledger) func(notify.Target) (Sink, error) {
	return func(t notify.Target) (Sink, error) {
		switch t.Kind {
		case notify.PagerDuty:
			return &sink.PagerDuty{Called: t.Name(), Key: "0123456789abcdef0123456789abcdef", Client: &http.Client{Transport: w.pager}}, nil
		case notify.Slack:
			return &sink.Slack{Called: t.Name(), Token: "xoxb-1", Channel: t.Address, Buttons: true, Receipts: l, Client: &http.Client{Transport: w.slack}}, nil
		case notify.Webhook:
			return &sink.Webhook{Called: t.Name(), URL: t.Address, Secret: "s3cret", Client: &http.Client{Transport: w.hook}}, nil
		default:
			return &sink.Email{Called: t.Name(), To: t.Address, Mailer: &sink.Mailer{
				Address: "mail.example.org:587", TLS: &tls.Config{RootCAs: w.mail.Roots, MinVersion: tls.VersionTLS12}, From: "plumbline@example.org", Now: time.Now, Dial: w.mail.Dial,
			}}, nil
		}
	}
}

const (
	proofModels = 12
	proofKills  = 10
	proofSpan   = 3 * time.Hour // of the clock, in which everything happens
)

func proofModel(i int) string { return fmt.Sprintf("m%02d", i) }

// written is a finding with the time of the clock at which it comes.
type written struct {
	after time.Duration
	rec   *kgo.Record
}

// script is what happens to the models: each breaks, and recovers two hours of the clock later; people acknowledge and mitigate some meanwhile.
func script(t *testing.T, rng *rand.Rand) []written {
	t.Helper()
	var out []written
	for i := range proofModels {
		begins := time.Duration(rng.Int64N(int64(time.Hour)))
		for j, verdict := range []finding.Verdict{finding.Fault, finding.Equivalent} {
			at := onset.Add(time.Duration(1+j*30) * time.Hour)
			f := finding.Finding{
				Model: proofModel(i), At: at, Window: finding.Window{Start: at.Add(-time.Hour), End: at}, Onset: onset, Subject: "a", Channel: "constant",
				Metric: "share_other_than_constant", Verdict: verdict, Severity: finding.Page, Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()},
			}
			if err := f.Seal(); err != nil {
				t.Fatal(err)
			}
			b, err := finding.Event(&f)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, written{begins + time.Duration(j)*2*time.Hour, &kgo.Record{Topic: bus.TopicFindings, Value: b}})
		}
	}
	slices.SortStableFunc(out, func(a, b written) int { return int(a.after - b.after) })
	for i := range out {
		out[i].rec.Offset = int64(i)
	}
	return out
}

// process is one life of the alerter: from the ledger on, until it is killed.
func process(ctx context.Context, t *testing.T, l *ledger.Ledger, w *town, d *Desk, jitter func() float64, began time.Time, findings []written) {
	t.Helper()
	am := &sink.Alertmanager{URLs: []string{"http://am:9093"}, Now: time.Now, Client: &http.Client{Transport: w.alert}}
	f := newFixture(t, l, am)
	f.o.Now, f.o.Jitter, f.o.Desk, f.o.Target = time.Now, jitter, d, w.target(l)
	for i := range proofModels {
		f.setRoutes(proofModel(i), &plan.Policy{Owners: map[string]string{"data": "team"}, Notify: []plan.Route{
			{Severity: "page", PagerDuty: "ops", Slack: "#ops"}, {Webhook: "https://example.org/hook", Email: "ops@example.org"},
		}})
	}
	at, err := f.restore(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return
	}
	polled := make(chan kgo.Fetches)
	var all sync.WaitGroup
	all.Go(func() { f.deliver(ctx) })
	all.Go(func() {
		for _, one := range findings[max(at[bus.TopicFindings][0].EpochOffset().Offset, 0):] {
			select {
			case <-ctx.Done():
				return
			case <-time.After(time.Until(began.Add(one.after))):
			}
			select {
			case <-ctx.Done():
				return
			case polled <- kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: bus.TopicFindings, Partitions: []kgo.FetchPartition{{Records: []*kgo.Record{one.rec}}}}}}}:
			}
		}
	})
	if err := f.work(ctx, polled, targets{}); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
	all.Wait()
}

// do hands in an act until it was taken, as a person's tool does.
func do(ctx context.Context, t *testing.T, d *Desk, a incident.Act) {
	t.Helper()
	for ctx.Err() == nil {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := d.Do(try, a)
		cancel()
		if err == nil {
			return
		}
		if errors.Is(err, incident.ErrConflict) || errors.Is(err, incident.ErrUnknown) {
			t.Errorf("%s %s: %v", a.Verb, a.Incident, err)
			return
		}
	}
}

// emptyLedger is the URL of a ledger for the proof: in memory, or a schema of its own of the PostgreSQL that the environment names.
func emptyLedger(t *testing.T) string {
	t.Helper()
	base := os.Getenv("PLUMBLINE_TEST_POSTGRES")
	if base == "" {
		return "sqlite::memory:"
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("plumbline_proof_%d", os.Getpid())
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// Each step of an incident's life arrives by its key, in order and once, through 20 % errors, timeouts, limits and ten kills; only Slack, which
// knows no key, may show a message twice, where it was not known whether it arrived. That is counted.
func TestEveryStepArrives(t *testing.T) {
	address := emptyLedger(t)
	synctest.Test(t, func(t *testing.T) {
		const seed = 20260325
		rng := rand.New(rand.NewPCG(seed, 1))
		jitterRNG, mu := rand.New(rand.NewPCG(seed, 2)), sync.Mutex{}
		jitter := func() float64 {
			mu.Lock()
			defer mu.Unlock()
			return jitterRNG.Float64()
		}
		l, err := ledger.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}()
		w := newTown(t, standin.Rates{Errors: 0.2, Timeouts: 0.05, Limits: 0.05}, seed)
		findings, d, began := script(t, rng), NewDesk(), time.Now()
		ctx, stop := context.WithTimeout(t.Context(), 24*time.Hour)
		defer stop()

		var people sync.WaitGroup
		for i := range proofModels {
			people.Go(func() { // even models are acknowledged, every fourth is mitigated, too
				if i%2 != 0 {
					return
				}
				begins := proofBegin(findings, proofModel(i))
				id := proofID(t, findings, proofModel(i))
				time.Sleep(time.Until(began.Add(begins + 30*time.Minute)))
				do(ctx, t, d, incident.Act{ID: "ack" + id, Actor: "ada", Verb: incident.Acknowledge, Incident: id})
				if i%4 == 0 {
					time.Sleep(30 * time.Minute)
					do(ctx, t, d, incident.Act{ID: "mit" + id, Actor: "ada", Verb: incident.Mitigate, Incident: id})
				}
			})
		}
		kills := 0
		for kills < proofKills {
			life, kill := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() {
				defer close(done)
				process(life, t, l, w, d, jitter, began, findings)
			}()
			time.Sleep(time.Duration(rng.Int64N(int64(2 * proofSpan / proofKills))))
			kill()
			<-done
			kills++
			time.Sleep(time.Duration(rng.Int64N(int64(time.Minute)))) // it is away
		}
		last, kill := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() {
			defer close(done)
			process(last, t, l, w, d, jitter, began, findings)
		}()
		people.Wait()
		for { // until nothing waits any more
			time.Sleep(time.Minute)
			queues, err := l.Queues(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(queues) == 0 && time.Since(began) > proofSpan+time.Hour || ctx.Err() != nil {
				break
			}
		}
		kill()
		<-done
		w.check(t, findings, kills)
		if _, err := l.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func proofBegin(findings []written, model string) time.Duration {
	i := slices.IndexFunc(findings, func(f written) bool { return strings.Contains(string(f.rec.Value), `"model":"`+model+`"`) })
	return findings[i].after
}

// proofID is the id that the model's incident will have.
func proofID(t *testing.T, findings []written, model string) string {
	t.Helper()
	b := incident.NewBook()
	for _, one := range findings {
		f, err := finding.ReadEvent(one.rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		if f.Model == model {
			_, inc := b.Fold(f)
			return inc.ID
		}
	}
	return ""
}

func (w *town) check(t *testing.T, findings []written, kills int) {
	t.Helper()
	for name, wrong := range map[string][]string{"PagerDuty": w.pager.Wrong, "Slack": w.slack.Wrong, "Alertmanager": w.alert.Wrong, "webhook": w.hook.Wrong, "mail": w.mail.Wrong} {
		if len(wrong) > 0 {
			t.Errorf("%s found wrong: %q", name, wrong[:1])
		}
	}
	early, ambiguous, failed, twice, posts := 0, 0, 0, 0, 0
	for _, f := range w.all {
		early, ambiguous, failed = early+f.Early, ambiguous+f.Ambiguous, failed+f.Failed
	}
	same := func(model, what string, got, want []string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s shows %q, want %q", model, what, got, want)
		}
	}
	steps := 0
	for i := range proofModels {
		model := proofModel(i)
		id := proofID(t, findings, model)
		life := []string{"open"}
		pager, mails := []string{"triggered"}, []string{"[page]"}
		if i%2 == 0 {
			life, pager, mails = append(life, "acknowledged"), append(pager, "acknowledged"), append(mails, "[acknowledged]")
		}
		if i%4 == 0 {
			life, mails = append(life, "mitigated"), append(mails, "[mitigated]")
		}
		life, pager, mails = append(life, "resolved"), append(pager, "resolved"), append(mails, "[resolved]")
		steps += len(life)
		same(model, "PagerDuty", w.pager.Life(id), pager)
		same(model, "the webhook", w.hook.Life(id), life)
		same(model, "Alertmanager", w.alert.Life(id, "page"), []string{"firing", "resolved"})
		var thread []string
		for _, s := range w.mail.Thread(id) {
			thread = append(thread, strings.Fields(s)[0])
		}
		same(model, "mail", thread, mails)
		messages := w.slack.Messages(id)
		if len(messages) == 0 {
			t.Errorf("%s: nothing in Slack", model)
			continue
		}
		var said []string
		for _, text := range messages[len(messages)-1] { // the last post is the one that is updated
			said = append(said, strings.Fields(text)[0])
		}
		same(model, "Slack", said, mails)
		posts += len(messages)
		twice += len(messages) - 1
	}
	if most := w.slack.Ambiguous + kills; twice > most {
		t.Errorf("%d messages twice in Slack, and only %d attempts of which it was not known", twice, most)
	}
	if early > 0 {
		t.Errorf("%d requests came before the time that a 429 asked for", early)
	}
	t.Logf("%d incidents, %d steps to each of 5 sinks, %d failed requests (%d of them were taken), %d kills: 0 lost; Slack: %d posts, %d of them twice",
		proofModels, steps, failed, ambiguous, kills, posts, twice)
	if failed < 50 || ambiguous < 5 {
		t.Errorf("only %d requests failed, %d of them ambiguous: that proves little", failed, ambiguous)
	}
}
