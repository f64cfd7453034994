//go:build synctests

package systest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func unmarshal(b []byte, into any) error { return json.Unmarshal(b, into) }

// The whole house in one script: bad events are set aside and stop nothing, a column that was constant moves, the detector is
// stopped and starts again from its topic, Redis forgets everything, and the model breaks.
func TestTheWholeSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		defer s.close()
		good := s.predictionBytes("cut", start, 0, 0.5)
		s.play(24, []action{
			At(2, 0, func() {
				s.produce("sys.predictions", 0, good[:len(good)-3])
				s.produce("sys.predictions", 1, append([]byte{0, 0, 0, 99, 99}, good[5:]...))
				s.produce("sys.predictions", 0, []byte{7, 1, 2, 3})
				s.produce("sys.outcomes", 1, []byte(`{"id": "live-1", "label": 1}`))
			}),
			At(5, 3, func() { s.world.k = 5 }),
			At(8, 0, func() {
				s.stop["detector"]()
				s.run("detector", s.parts.Detector)
			}),
			At(9, 0, func() {
				if err := s.parts.ForgetView(t.Context()); err != nil {
					t.Error(err)
				}
			}),
			At(14, 0, func() { s.world.broken = true }),
		}, []string{
			`set aside: truncated, field "score", byte 32, of sys.predictions`,
			`set aside: unknown_schema, field "", byte 1, of sys.predictions`,
			`set aside: not_avro, field "", byte 0, of sys.predictions`,
			`set aside: not_avro, field "", byte 0, of sys.outcomes`,
			"page: released of k, onset day 5 03:00, opened day 5 04:00, priced false, owner data-team",
			"page: concept_drift of outcome, onset day 14 00:00, opened day 16 00:00, priced true, owner model-team",
		})
		received, accepted, aside := s.sum("plumbline_ingest_received_total"), s.sum("plumbline_ingest_accepted_total"), s.sum("plumbline_ingest_set_aside_total")
		if received != float64(2*s.sent+4) || accepted != float64(2*s.sent) || aside != 4 {
			t.Errorf("received %g, accepted %g, set aside %g; sent %d good events and 4 bad ones", received, accepted, aside, 2*s.sent)
		}
		if n := s.sum("plumbline_detect_coverage_problems_total"); n != 0 {
			t.Errorf("%g gaps or overlaps in the coverage", n)
		}
		s.windows(map[string]int64{"1d": perDay, "1w": 7 * perDay})
		if n := s.sum("plumbline_join_rebuilt_rows_total"); n == 0 {
			t.Error("Redis forgot everything and the join index was not rebuilt")
		}
	})
}

// windows asks the API for the model's windows: events and outcomes of each.
func (s *system) windows(want map[string]int64) {
	s.t.Helper()
	rec := httptest.NewRecorder()
	s.parts.API().ServeHTTP(rec, httptest.NewRequestWithContext(s.t.Context(), http.MethodGet, "/api/v1/models/sys/latest", nil))
	var got struct {
		Windows []struct {
			Over  string
			Rows  int64
			Truth struct{ Labels int64 }
		}
	}
	if err := unmarshal(rec.Body.Bytes(), &got); err != nil || len(got.Windows) != len(want) {
		s.t.Fatalf("the API shows %d: %s (%v), want windows %v", rec.Code, rec.Body, err, want)
	}
	for _, w := range got.Windows {
		if w.Rows != want[w.Over] || w.Truth.Labels != want[w.Over] {
			s.t.Errorf("%s shows %d events and %d outcomes, want %d", w.Over, w.Rows, w.Truth.Labels, want[w.Over])
		}
	}
}

// sum adds up a metric over its labels.
func (s *system) sum(name string) float64 {
	s.t.Helper()
	families, err := prometheus.Gatherer(s.reg).Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if f.GetType() == dto.MetricType_COUNTER {
				total += m.GetCounter().GetValue()
			} else {
				total += m.GetGauge().GetValue()
			}
		}
	}
	return total
}
