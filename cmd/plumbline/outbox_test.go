package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/console"
)

// outboxOf answers as an API does that lists two messages at a time; those in stay can't be sent again.
func outboxOf(t *testing.T, left []console.Letter, stay ...string) *apiClient {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var answer any
		if r.Method == http.MethodGet {
			var of []console.Letter
			for _, l := range left {
				if sink := r.URL.Query().Get("sink"); sink == "" || l.Sink == sink {
					of = append(of, l)
				}
			}
			answer = console.Letters{Messages: of[:min(len(of), 2)], More: len(of) > 2}
		} else {
			var of struct{ ID, Sink string }
			if err := json.NewDecoder(r.Body).Decode(&of); err != nil {
				t.Error(err)
			}
			if answer = of; slices.Contains(stay, of.ID) {
				w.WriteHeader(http.StatusConflict)
				answer = map[string]string{"error": "not now"}
			} else {
				left = slices.DeleteFunc(left, func(l console.Letter) bool { return l.ID == of.ID && l.Sink == of.Sink })
			}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	return &apiClient{address: s.URL, http: s.Client()}
}

// However many were given up, all are tried that were asked for; and what is left is said.
func TestRetryOfMany(t *testing.T) {
	for name, c := range map[string]struct {
		sink  string
		stay  []string
		again int
		more  bool
	}{
		"all":                        {"", nil, 8, false},
		"of a sink behind another's": {"b", nil, 4, false},
		"one stays":                  {"", []string{"x-1"}, 7, false},
		"all that are listed stay":   {"", []string{"x-1", "x-2"}, 1, true},
	} {
		var left []console.Letter
		for i := range 8 {
			left = append(left, console.Letter{ID: fmt.Sprintf("x-%d", i), Sink: []string{"a", "b"}[i/4]})
		}
		var out bytes.Buffer
		err := outboxOf(t, left, c.stay...).retryLetters(t.Context(), &out, "", c.sink, "ada")
		if again := strings.Count(out.String(), "is tried again"); again != c.again || strings.Contains(out.String(), "there are more") != c.more || errors.Is(err, errSilent) != (len(c.stay) > 0) {
			t.Errorf("%s: %v\n%s", name, err, &out)
		}
	}
}
