package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNamedSecrets(t *testing.T) {
	const key = "0123456789abcdef0123456789ABCDEF"
	for name, c := range map[string]struct {
		text string
		want int
		err  string
	}{
		"fine":           {"# of PagerDuty\n\nops: " + key + "\n  data team :" + key + "\r\n", 2, ""},
		"empty":          {"", 0, ""},
		"no name":        {": " + key, 0, "line 1: want SERVICE: KEY"},
		"no key":         {"ops:", 0, "line 1: want SERVICE: KEY"},
		"another form":   {"ops = " + key, 0, "line 1: want SERVICE: KEY"},
		"twice":          {"ops: " + key + "\nops: " + key, 0, "line 2: the name stands here twice"},
		"not a key":      {"ops: s3cret", 0, "line 1: a routing key has 32 letters and digits"},
		"not a key then": {"ops: " + key + "\nb: " + strings.Repeat("-", 32), 0, "line 2: a routing key has 32 letters and digits"},
	} {
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := Default()
		s.Alert.PagerDuty.KeysFile = file
		got, err := s.RoutingKeys()
		if len(got) != c.want || (err == nil) != (c.err == "") || err != nil && (!strings.HasSuffix(err.Error(), c.err) || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("%s: %d keys, %v; want %d, %q", name, len(got), err, c.want, c.err)
		}
	}
	if got, err := Default().RoutingKeys(); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	s := Default()
	s.Alert.Slack.WebhooksFile = filepath.Join(t.TempDir(), "hooks")
	if _, err := s.SlackWebhooks(); err == nil {
		t.Error("a file that isn't there is fine")
	}
	for text, fine := range map[string]bool{"ops: https://hooks.slack.com/services/T/B/x": true, "ops: http://hooks.slack.com/services/T/B/x": false, "ops: hooks": false} {
		if err := os.WriteFile(s.Alert.Slack.WebhooksFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.SlackWebhooks(); (err == nil) != fine || fine && got["ops"].Reveal() != "https://hooks.slack.com/services/T/B/x" {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestMailInTheClear(t *testing.T) {
	for address, fine := range map[string]bool{"localhost:25": true, "127.0.0.1:25": true, "[::1]:25": true, "mail.example.org:25": false, "10.1.2.3:25": false} {
		s := Default()
		s.Alert.SMTP.Address, s.Alert.SMTP.From, s.Alert.SMTP.Encryption = address, "a@example.org", "none"
		if err := s.Validate(); (err == nil) != fine {
			t.Errorf("%s without TLS: %v", address, err)
		}
	}
}
