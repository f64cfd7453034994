package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/settings"
)

func TestAPITokens(t *testing.T) {
	for text, want := range map[string]string{
		"# people\nada: 0123456789abcdef\n\nbot:fedcba9876543210\n": "",
		"":                        "names nobody",
		"0123456789abcdef":        "line 1: want NAME: TOKEN",
		"a: 0123456789abcdef\nb:": "line 2: the token is too short",
		"a: 0123456789abcdef\na: 0123456789abcdeg": "line 2: the name has a token already",
		"a: 0123456789abcdef\nb: 0123456789abcdef": "line 2: somebody else",
	} {
		s := settings.Default()
		s.API.TokensFile = filepath.Join(t.TempDir(), "tokens")
		if err := os.WriteFile(s.API.TokensFile, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.APITokens()
		if want == "" {
			if d := cmp.Diff(map[string]string{"ada": "0123456789abcdef", "bot": "fedcba9876543210"}, got); d != "" || err != nil {
				t.Errorf("%v, %s", err, d)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%q: %v; want %q and no token", text, err, want)
		}
	}
	if got, err := settings.Default().APITokens(); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
}

func TestAPIAddress(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8090": "http://127.0.0.1:8090", ":8090": "http://127.0.0.1:8090", "0.0.0.0:80": "http://127.0.0.1:80", "[::1]:80": "http://[::1]:80",
	} {
		s := settings.Default()
		s.HTTP.Listen = listen
		if got := s.APIAddress(); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
	s := settings.Default()
	s.API.URL = "https://plumbline.example/"
	if got := s.APIAddress(); got != "https://plumbline.example" {
		t.Error(got)
	}
}
