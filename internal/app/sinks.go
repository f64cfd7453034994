package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/alert"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

// reach is how people are reached: what the settings say of sinks, with its secrets read.
type reach struct {
	s        settings.Alert
	keys     map[string]settings.Secret // of PagerDuty's services
	webhooks map[string]settings.Secret // of Slack's channels
	mailer   *sink.Mailer               // nil: no mail
	client   *http.Client
}

// newReach reads the files that the settings name.
func newReach(s *settings.Settings) (*reach, error) {
	r := &reach{s: s.Alert, client: sink.NewClient()}
	var err error
	if r.keys, err = s.RoutingKeys(); err != nil {
		return nil, err
	}
	if r.webhooks, err = s.SlackWebhooks(); err != nil {
		return nil, err
	}
	if m := s.Alert.SMTP; m.Address != "" {
		conf, err := s.SMTPTLS()
		if err != nil {
			return nil, err
		}
		r.mailer = &sink.Mailer{
			Address: m.Address, Encryption: sink.Encryption(m.Encryption), TLS: conf, Username: m.Username, Password: m.Password.Reveal(),
			From: m.From, Links: r.links(), Now: time.Now,
		}
		if err := r.mailer.Check(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *reach) links() sink.Links { return sink.Links{Base: r.s.Link} }

// always are the sinks that are told of every incident.
func (r *reach) always() []alert.Sink {
	var out []alert.Sink
	if !r.s.Webhook.URL.Empty() {
		out = append(out, &sink.Webhook{URL: r.s.Webhook.URL.Reveal(), Secret: r.s.Webhook.Secret.Reveal(), Client: r.client})
	}
	if len(r.s.Alertmanager.URLs) > 0 {
		out = append(out, &sink.Alertmanager{URLs: r.s.Alertmanager.URLs, Links: r.links(), Now: time.Now, Client: r.client})
	}
	return out
}

// target makes the sink of whom a contract names. Its error says which setting is missing.
func (r *reach) target(t notify.Target, receipts sink.Receipts) (alert.Sink, error) {
	switch t.Kind {
	case notify.PagerDuty:
		key := r.keys[t.Address]
		if key.Empty() {
			return nil, fmt.Errorf("alert.pagerduty.keys_file has no routing key for the service %q that a contract names", t.Address)
		}
		return &sink.PagerDuty{Called: t.Name(), URL: r.s.PagerDuty.URL, Key: key.Reveal(), Links: r.links(), Client: r.client}, nil
	case notify.Slack:
		if hook := r.webhooks[strings.TrimLeft(t.Address, "#@")]; !hook.Empty() {
			return &sink.SlackWebhook{Called: t.Name(), URL: hook.Reveal(), Links: r.links(), Client: r.client}, nil
		}
		if r.s.Slack.Token.Empty() {
			return nil, fmt.Errorf("neither alert.slack.token_file nor alert.slack.webhooks_file says how to reach %s, which a contract names", t.Address)
		}
		return &sink.Slack{
			Called: t.Name(), URL: r.s.Slack.URL, Token: r.s.Slack.Token.Reveal(), Channel: t.Address, Buttons: !r.s.Slack.SigningSecret.Empty(),
			Links: r.links(), Receipts: receipts, Client: r.client,
		}, nil
	case notify.Webhook:
		return &sink.Webhook{Called: t.Name(), URL: t.Address, Secret: r.s.Webhook.Secret.Reveal(), Client: r.client}, nil
	default:
		if r.mailer == nil {
			return nil, fmt.Errorf("alert.smtp.address is empty, and a contract names %s", t.Address)
		}
		return &sink.Email{Called: t.Name(), Mailer: r.mailer, To: t.Address}, nil
	}
}

// hooks are the handlers of what comes back from outside, by pattern; without its secret none is there.
func (r *reach) hooks(desk sink.Desk, log *zap.Logger) map[string]http.Handler {
	out := map[string]http.Handler{}
	if desk == nil {
		return out
	}
	log = log.Named("hooks")
	if s := r.s.PagerDuty.WebhookSecret; !s.Empty() {
		out["POST /hooks/pagerduty"] = withTimeout(&sink.PagerDutyHook{Secrets: []string{s.Reveal()}, Desk: desk, Log: log})
	}
	if s := r.s.Slack.SigningSecret; !s.Empty() {
		out["POST /hooks/slack"] = withTimeout(&sink.SlackHook{Secret: s.Reveal(), Desk: desk, Now: time.Now, Log: log})
	}
	return out
}

// hookWait is how long an act from outside waits for the alerter: Slack asks for an answer within three seconds.
const hookWait = 2500 * time.Millisecond

func withTimeout(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), hookWait)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}
