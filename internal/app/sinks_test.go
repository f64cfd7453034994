package app

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/alert"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Whom the settings say how to reach is reached, and of the others the error says what is missing.
func TestReach(t *testing.T) {
	s := settings.Default()
	s.Alert.PagerDuty.KeysFile = write(t, "ops: 0123456789abcdef0123456789abcdef\n")
	s.Alert.Slack.WebhooksFile = write(t, "hooked: https://hooks.slack.com/services/x\n")
	s.Alert.Slack.Token = settings.NewSecret("xoxb-1")
	s.Alert.SMTP.Address, s.Alert.SMTP.From = "localhost:25", "plumbline@example.org"
	s.Alert.Alertmanager.URLs = []string{"http://127.0.0.1:9093"}
	full, err := newReach(s)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := newReach(settings.Default())
	if err != nil {
		t.Fatal(err)
	}
	if n, m := len(full.always()), len(empty.always()); n != 1 || m != 0 {
		t.Errorf("%d and %d sinks for everything, want 1 and 0", n, m)
	}
	for target, want := range map[notify.Target]string{
		{Kind: notify.PagerDuty, Address: "ops"}:               "alert.pagerduty.keys_file",
		{Kind: notify.Slack, Address: "#hooked"}:               "alert.slack",
		{Kind: notify.Slack, Address: "#other"}:                "alert.slack",
		{Kind: notify.Email, Address: "a@example.org"}:         "alert.smtp.address",
		{Kind: notify.Webhook, Address: "https://example.org"}: "",
	} {
		k, err := full.target(target, nil)
		if err != nil || k.Name() != target.Name() {
			t.Errorf("%v: %v, %v", target, k, err)
		}
		if _, hooked := k.(*sink.SlackWebhook); hooked != (target.Address == "#hooked") {
			t.Errorf("%v is told by a webhook: %t", target, hooked)
		}
		if _, err := empty.target(target, nil); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v without settings: %v, want %q in it", target, err, want)
		}
	}
}

// What comes from outside has no handler without its secret.
func TestHooksNeedSecrets(t *testing.T) {
	s := settings.Default()
	none, err := newReach(s)
	if err != nil {
		t.Fatal(err)
	}
	if h := none.hooks(alert.NewDesk(), zap.NewNop()); len(h) != 0 {
		t.Errorf("%d handlers without a secret", len(h))
	}
	s.Alert.PagerDuty.WebhookSecret, s.Alert.Slack.SigningSecret = settings.NewSecret("a"), settings.NewSecret("b")
	both, err := newReach(s)
	if err != nil {
		t.Fatal(err)
	}
	handlers := both.hooks(alert.NewDesk(), zap.NewNop())
	if len(handlers) != 2 {
		t.Errorf("%d handlers, want 2", len(handlers))
	}
	for pattern, h := range handlers {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}")))
		if rec.Code != http.StatusUnauthorized {
			t.Errorf("%s takes what isn't signed: %d", pattern, rec.Code)
		}
	}
}
