package app

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/plumbline-ml/plumbline/internal/alert"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/ingest"
	"github.com/plumbline-ml/plumbline/internal/join"
	"github.com/plumbline-ml/plumbline/internal/notify"
)

// FetchWait is how long brokers may gather events before they send them to an ingestor: little beside an epoch, and a stream of
// some thousand events a second comes in tens of fetches a second instead of thousands.
const FetchWait = 50 * time.Millisecond

// Service is a loop that runs until its context ends.
type Service func(context.Context) error

// Ingestor is the ingestor over the parts.
func (p *Parts) Ingestor(ctx context.Context) error {
	reg := &leased{parent: p.Metrics}
	defer reg.release()
	return ingest.Run(ctx, ingest.Options{
		Settings: p.Kafka, Layout: p.Layout, Group: p.group("ingest"), Instance: p.Instance, Epoch: p.Epoch, EpochBytes: p.EpochBytes,
		Workers: p.Workers, IdleAfter: p.IdleAfter, Schemas: p.Registry, Now: time.Now, Ends: p.ends,
		FetchWait: p.FetchWait, Ready: p.Ready["ingestor"], Pressure: p.Pressure, Logger: p.Logger, Registerer: reg,
	})
}

// Detector is the detector over the parts.
func (p *Parts) Detector(ctx context.Context) error {
	reg := &leased{parent: p.Metrics}
	defer reg.release()
	return detect.Run(ctx, detect.Options{
		Settings: p.Kafka, Layout: p.Layout, Group: p.group("detect"), Instance: p.Instance, Epoch: p.FoldEpoch,
		View: &store{p.View}, Ready: p.Ready["detector"], Pressure: p.Pressure, Logger: p.Logger, Registerer: reg,
	})
}

// Joiner is the joiner over the parts; it runs where the detector runs.
func (p *Parts) Joiner(ctx context.Context) error {
	reg := &leased{parent: p.Metrics}
	defer reg.release()
	return join.Run(ctx, join.Options{
		Settings: p.Kafka, Layout: p.Layout, Group: p.group("join"), Instance: p.Instance, Epoch: p.FoldEpoch, Index: p.Index,
		Ready: p.Ready["joiner"], Pressure: p.Pressure, Logger: p.Logger, Registerer: reg,
	})
}

// Alerter is the alerter over the parts.
func (p *Parts) Alerter(ctx context.Context) error {
	reg := &leased{parent: p.Metrics}
	defer reg.release()
	sinks := []alert.Sink{&alert.TopicSink{Client: p.Producer}}
	var target func(notify.Target) (alert.Sink, error)
	if p.reach != nil {
		sinks = append(sinks, p.reach.always()...)
		target = func(t notify.Target) (alert.Sink, error) { return p.reach.target(t, p.Ledger) }
	}
	return alert.Run(ctx, alert.Options{
		Settings: p.Kafka, Layout: p.Layout, Ledger: p.Ledger, Holder: p.holder(), Desk: p.Desk, Sinks: sinks, Target: target, Triggers: func(topic string) alert.Sink { return &alert.TriggerSink{Client: p.Producer, Topic: topic} },
		View: &store{p.View}, Now: time.Now, Jitter: mathrand.Float64,
		Ready: p.Ready["alerter"], Logger: p.Logger, Registerer: reg,
	})
}

// holder is the name of this process among alerters: that of its slot, which is the same after a restart, or one that nobody else has.
func (p *Parts) holder() string {
	if p.Instance != "" {
		return p.Prefix + "-" + p.Instance
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%s-%d-%s", p.Prefix, host, os.Getpid(), crand.Text()[:6])
}

func (p *Parts) group(role string) string { return p.Prefix + "-" + role }

// Together runs services until ctx ends or one of them fails; then all are stopped. Stopping is waited for.
func Together(ctx context.Context, services map[string]Service) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	errs := make(chan error, len(services))
	for name, s := range services {
		go func() {
			err := s(ctx)
			if err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			errs <- err
		}()
	}
	var all []error
	for range services {
		err := <-errs
		if err != nil {
			stop()
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// All are the four services.
func (p *Parts) All() map[string]Service {
	return map[string]Service{"ingestor": p.Ingestor, "detector": p.Detector, "joiner": p.Joiner, "alerter": p.Alerter}
}
