//go:build synctests

package bus

import (
	"bytes"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// largePlan takes three records.
func largePlan(model string) *plan.Plan {
	p := smallPlan(model, "large")
	p.Unjudged = []string{string(bytes.Repeat([]byte("x"), 2*planPiece))}
	return p
}

// A plan that is too large for a record lies on the topic in pieces, and every reader puts it together, also beside others.
func TestLargePlans(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		w.publish(from(1, smallPlan("a", "first")), from(1, largePlan("b")), from(2, smallPlan("b", "then")))
		s := w.supervise()
		starts := w.settled(s, 1)
		if got := starts[len(starts)-1]; got != "a=first b=then" {
			t.Errorf("starts %v", starts)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		plans, err := ReadPlans(t.Context(), w.e.Settings(), zap.NewNop())
		if err != nil || len(plans["b"]) != 2 {
			t.Fatalf("%v, %v", plans, err)
		}
		if got := plans["b"][0].Unjudged; len(got) != 1 || len(got[0]) != 2*planPiece {
			t.Errorf("%d notes", len(got))
		}
		n := 0
		if err := ReadEveryPlan(t.Context(), w.e.Settings(), func(*plan.Plan) { n++ }); err != nil || n != 3 {
			t.Errorf("%d plans, %v", n, err)
		}
	})
}

func TestPiecesOfAPlan(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), planPiece/4) // two and a half pieces
	records := planRecords("m@1", body)
	if len(records) != 4 || len(records[2].Value) != planPiece/2 {
		t.Fatalf("%d records", len(records))
	}
	p := &planPieces{}
	for _, r := range records[:3] {
		if got := p.join(r); got != nil {
			t.Errorf("a piece is a plan: %s", got.Key)
		}
	}
	if got := p.join(records[3]); !bytes.Equal(got.Value, body) || string(got.Key) != "m@1" || len(p.held) != 0 {
		t.Errorf("%d bytes under %s, %d pieces held", len(got.Value), got.Key, len(p.held))
	}
	// Without its pieces it is no plan, and neither is what only looks like one; all of them are for whoever reads plans to refuse.
	for _, value := range []string{`{"pieces":3}`, `{"pieces":0}`, `{"pieces":-1}`, "{}", "", "null"} {
		r := &kgo.Record{Key: []byte("m@1"), Value: []byte(value)}
		if got := p.join(r); got != r {
			t.Errorf("%s: %v", value, got)
		}
	}
}
