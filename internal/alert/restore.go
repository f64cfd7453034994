package alert

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

const entryFinding = "finding"

// restore folds the findings in the ledger again and returns where reading goes on.
func (s *service) restore(ctx context.Context) (map[int32]kgo.Offset, error) {
	err := s.o.Ledger.Each(ctx, entryFinding, 0, func(e ledger.Entry) error {
		var f finding.Finding
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		s.book.Fold(f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("restore incidents: %w", err)
	}
	if s.seq, _, err = s.o.Ledger.Head(ctx); err != nil {
		return nil, fmt.Errorf("restore incidents: %w", err)
	}
	if s.o.View != nil { // what people look at may be gone
		for _, inc := range s.book.Incidents() {
			if err := s.o.View.PutIncident(ctx, inc, s.seq); err != nil {
				s.log.Warn("show incident", zap.String("id", inc.ID), zap.Error(err))
				break
			}
		}
	}
	at := map[int32]kgo.Offset{}
	for p := range s.o.Layout.Fragments {
		at[int32(p)] = kgo.NewOffset().AtStart()
	}
	known, err := s.o.Ledger.Offsets(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore incidents: %w", err)
	}
	for _, o := range known {
		if o.Topic == bus.TopicFindings {
			at[o.Partition] = kgo.NewOffset().At(o.Next)
		}
	}
	s.gauge()
	return at, nil
}
