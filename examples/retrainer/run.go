package retrainer

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/retrain"
)

// Pipeline retrains one model.
type Pipeline struct {
	Source
	Contract *contract.Contract
	Models   string // topic that new versions are published on, keyed by the model
	Group    string // consumer group
	Say      func(format string, args ...any)
}

// Run takes triggers until ctx ends.
func (p *Pipeline) Run(ctx context.Context) error {
	cl, err := p.Client(
		kgo.ConsumeTopics(p.Contract.Retrain.Topic), kgo.ConsumerGroup(p.Group), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.AllowAutoTopicCreation(),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	for ctx.Err() == nil {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			p.Say("read triggers: %v", err) // the topic may not be there yet
			continue
		}
		for rec := range fetches.RecordsAll() {
			var e finding.Envelope[retrain.Trigger]
			if err := json.Unmarshal(rec.Value, &e); err != nil || e.Data.KindName != retrain.KindTrigger {
				p.Say("pass over what is no trigger, at offset %d", rec.Offset)
				continue
			}
			if e.Data.Model != p.Contract.Metadata.Model {
				continue
			}
			if err := p.retrain(ctx, cl, &e.Data); err != nil {
				return err
			}
		}
		if err := cl.CommitUncommittedOffsets(ctx); err != nil {
			return fmt.Errorf("commit offsets: %w", err)
		}
	}
	return nil
}

// retrain does what a trigger asks for. That the data don't suffice is a result; that nobody can be told is an error, and it is tried again.
func (p *Pipeline) retrain(ctx context.Context, cl *kgo.Client, t *retrain.Trigger) error {
	p.Say("trigger %s of %s (%s): train on %s to %s", t.ID, t.Model, t.Reason, t.Window.From.Format(time.RFC3339), t.Window.To.Format(time.RFC3339))
	if err := p.report(ctx, cl, t, retrain.Started, "", ""); err != nil {
		return err
	}
	m, err := p.train(ctx, t)
	if err != nil {
		p.Say("trigger %s failed: %v", t.ID, err)
		return p.report(ctx, cl, t, retrain.Failed, "", err.Error())
	}
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode model: %w", err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: p.Models, Key: []byte(t.Model), Value: b}).FirstErr(); err != nil {
		return fmt.Errorf("publish %s: %w", m.Version, err)
	}
	p.Say("trigger %s: version %s is published, learnt from %d decisions", t.ID, m.Version, m.Rows)
	return p.report(ctx, cl, t, retrain.Succeeded, m.Version, "")
}

func (p *Pipeline) train(ctx context.Context, t *retrain.Trigger) (*Model, error) {
	rows, err := p.Rows(ctx, p.Contract, t.Window)
	if err != nil {
		return nil, err
	}
	names, _ := inputsOf(p.Contract)
	m, err := Fit(rows, names)
	if err != nil {
		return nil, fmt.Errorf("%d decisions: %w", len(rows), err)
	}
	m.Version, m.Trigger = "r-"+t.ID, t.ID
	return m, nil
}

func (p *Pipeline) report(ctx context.Context, cl *kgo.Client, t *retrain.Trigger, s retrain.Status, version, message string) error {
	topic := p.Contract.Retrain.Results
	if topic == "" {
		topic = contract.DefaultResults
	}
	now := time.Now().UTC()
	b, err := json.Marshal(finding.Wrap(retrain.KindResult, t.ID+"-"+string(s), t.Model, now, retrain.Result{
		KindName: retrain.KindResult, Trigger: t.ID, Model: t.Model, Status: s, Version: version, At: now, Message: message,
	}))
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(t.Model), Value: b}).FirstErr(); err != nil {
		return fmt.Errorf("report %s: %w", s, err)
	}
	return nil
}
