package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

const hush = "hunter2"

// TestSecretsAreNeverPrinted prints and encodes a Settings full of secrets in every way there is.
func TestSecretsAreNeverPrinted(t *testing.T) {
	s := Default()
	s.Kafka.SASL = KafkaSASL{Mechanism: "plain", Username: "u", Password: NewSecret(hush)}
	s.Redis.Password = NewSecret(hush)
	s.Registry.Username, s.Registry.Password = "u", NewSecret(hush)
	s.Ledger.URL = NewURL("postgres://plumbline:" + hush + "@db:5432/ledger?password=" + hush)
	s.Alert.Webhook = Webhook{URL: NewURL("https://hooks.example.com/services/" + hush), Secret: NewSecret(hush)}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	// fmt calls no methods on what it reaches through unexported fields.
	within := struct{ settings Settings }{*s}

	out := map[string]string{"error": fmt.Errorf("x %w %v", bad(s.Ledger.URL, "y"), s.Redis.Password).Error()}
	for _, verb := range []string{"v", "+v", "#v", "s", "q", "x", "X", "d", "t", "08b"} {
		format := "%" + verb
		out[format] = fmt.Sprintf(format, *s)
		out[format+" within"] = fmt.Sprintf(format, within)
		out[format+" secret"] = fmt.Sprintf(format, s.Redis.Password)
		out[format+" url"] = fmt.Sprintf(format, s.Ledger.URL)
	}
	asJSON, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	out["json"], out["yaml"] = string(asJSON), string(asYAML)
	for _, format := range []string{"text", "json"} {
		var b strings.Builder
		if err := s.Show(&b, nil, format); err != nil {
			t.Fatal(err)
		}
		out["show "+format] = b.String()
	}
	for name, encoder := range map[string]zapcore.Encoder{
		"zap json":    zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
		"zap console": zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		var b bytes.Buffer
		log := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&b), zap.DebugLevel))
		log.Info("m", zap.Any("settings", s), zap.Any("secret", s.Redis.Password), zap.Any("url", s.Ledger.URL),
			zap.Stringer("stringer", s.Redis.Password), zap.Reflect("reflect", s.Redis))
		log.Sugar().Infow("m", "secret", s.Redis.Password, "redis", s.Redis)
		out[name] = b.String()
	}

	hidden := []string{hush, fmt.Sprintf("%x", hush), fmt.Sprintf("%X", hush), fmt.Sprintf("%d", []byte(hush)), fmt.Sprintf("%08b", []byte(hush))}
	for how, text := range out {
		for _, h := range hidden {
			if strings.Contains(text, h) {
				t.Errorf("%s tells the secret: %s", how, text)
			}
		}
	}
	for _, how := range []string{"%v", "%#v", "json", "yaml", "zap json", "show text"} {
		text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(out[how])
		if !strings.Contains(text, redacted) {
			t.Errorf("%s does not say that a secret is there: %s", how, text)
		}
	}
}

func TestAnEmptySecretShowsNothing(t *testing.T) {
	if got := fmt.Sprint(NewSecret(""), NewURL("")); strings.TrimSpace(got) != "" {
		t.Errorf("got %q", got)
	}
	if !NewSecret("").Equal(Secret{}) || NewSecret("a").Equal(NewSecret("b")) || !NewSecret("a").Equal(NewSecret("a")) {
		t.Error("secrets are compared wrongly")
	}
}

func TestURLsShowNoSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"sqlite://plumbline.db":            "sqlite://plumbline.db",
		"sqlite:///var/lib/x.db":           "sqlite:///var/lib/x.db",
		"postgres://u@h:1/db":              "postgres://u@h:1/db",
		"postgres://u:p@h/db":              "postgres://u:<redacted>@h/db",
		"postgres://u:p@h/db?password=p":   "postgres://u:<redacted>@h/db?<redacted>",
		"https://hooks.example.com/a/b":    "https://hooks.example.com/<redacted>",
		"http://localhost:9/":              "http://localhost:9/",
		"http://localhost:9":               "http://localhost:9",
		"https://h?token=p":                "https://h?<redacted>",
		"postgres://u:p%zz@h/db":           "<redacted>",
		"hooks.example.com/services/token": "<redacted>",
		"plumbline.db":                     "plumbline.db",
	} {
		if got := NewURL(text).String(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := NewURL(text).Reveal(); got != text {
			t.Errorf("%q: reveals %q", text, got)
		}
	}
}
