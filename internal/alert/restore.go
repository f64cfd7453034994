package alert

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

const entryFinding = "finding"

// restore folds the findings, acts and changes in the ledger again and returns where reading goes on, by topic and partition.
func (s *service) restore(ctx context.Context) (map[string]map[int32]kgo.Offset, error) {
	err := s.o.Ledger.Each(ctx, "", 0, s.refold)
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
	at := map[string]map[int32]kgo.Offset{bus.TopicFindings: {}, bus.TopicChanges: {0: kgo.NewOffset().AtStart()}}
	for p := range s.o.Layout.Fragments {
		at[bus.TopicFindings][int32(p)] = kgo.NewOffset().AtStart()
	}
	known, err := s.o.Ledger.Offsets(ctx)
	if err != nil {
		return nil, fmt.Errorf("restore incidents: %w", err)
	}
	for _, o := range known {
		if of := at[o.Topic]; of != nil {
			of[o.Partition] = kgo.NewOffset().At(o.Next)
		}
	}
	s.gauge()
	return at, nil
}

// refold folds an entry of the ledger as it was folded when it was entered.
func (s *service) refold(e ledger.Entry) error {
	switch e.Kind {
	case entryFinding:
		var f finding.Finding
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		_, inc := s.book.Fold(f)
		gone := s.book.Gone() // was told then, as the next entries say, or will be
		s.owed.saw(e.Subject, inc.ID, gone)
		s.retraining.moved(gone)
		s.retraining.saw(&f)
	case entryMoved:
		s.owed.told(e.Subject)
	case entryAct:
		var a incident.Act
		if err := json.Unmarshal(e.Body, &a); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		told, err := s.book.Act(a)
		if err != nil { // by a build with other rules
			s.log.Warn("pass over an act", zap.Int64("entry", e.Seq), zap.Error(err))
		}
		for _, t := range told {
			s.owed.told(t.Incident.ID)
		}
		s.retraining.moved(told)
	case entryChange:
		var c change.Event
		if err := json.Unmarshal(e.Body, &c); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		s.book.Change(c)
	case entryBack:
		var back backBody
		if err := json.Unmarshal(e.Body, &back); err != nil {
			return fmt.Errorf("ledger entry %d: %w", e.Seq, err)
		}
		s.book.CameBack(e.Subject, back.At)
	case entryNotice, entryDigest:
		return s.retell(e)
	case entryTrigger, entryHeld, entryResult:
		return s.retold(e)
	default: // of another part of Plumbline
	}
	return nil
}
