package ingest

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	accepted   = "accepted"
	unlabelled = "unlabelled"
	crowded    = "crowded"         // of a model, not of a topic
	passedOver = "passed over\x00" // followed by the model and the reason
)

// Metrics are the ingestor's counters.
type Metrics struct {
	received   *prometheus.CounterVec
	accepted   *prometheus.CounterVec
	setAside   *prometheus.CounterVec
	unlabelled *prometheus.CounterVec
	passedOver *prometheus.CounterVec
	crowded    *prometheus.CounterVec
	away       prometheus.Gauge
	epoch      *lastEpoch
}

// NewMetrics registers the ingestor's counters.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	f := promauto.With(reg)
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return f.NewCounterVec(prometheus.CounterOpts{Namespace: "plumbline", Subsystem: "ingest", Name: name, Help: help}, labels)
	}
	epoch := newLastEpoch()
	if reg != nil {
		reg.MustRegister(epoch)
	}
	return &Metrics{
		epoch:      epoch,
		received:   vec("received_total", "Events read from a source topic, in committed epochs.", "topic"),
		accepted:   vec("accepted_total", "Events that some model reading their topic could read.", "topic"),
		setAside:   vec("set_aside_total", "Events set aside in quarantine, by reason. Received is the sum of accepted and these.", "topic", "reason"),
		passedOver: vec("passed_over_total", "Accepted events that one of the models reading their topic could not read.", "topic", "model", "reason"),
		crowded:    vec("other_version_total", "Events counted under the version \"other\", because an epoch held too many versions of the model.", "model"),
		away: f.NewGauge(prometheus.GaugeOpts{
			Namespace: "plumbline", Subsystem: "ingest", Name: "registry_away",
			Help: "1 while events wait for their schema because the schema registry gives no answer.",
		}),
		unlabelled: vec("unlabelled_total", "Accepted outcome events without a label.", "topic"),
	}
}

// preset makes every series of a topic exist at zero.
func (m *Metrics) preset(topic string) {
	m.received.WithLabelValues(topic)
	m.accepted.WithLabelValues(topic)
	m.unlabelled.WithLabelValues(topic)
	for _, r := range schema.Reasons() {
		m.setAside.WithLabelValues(topic, string(r))
	}
}

type counted struct{ topic, what string }

// tally counts what the open epoch did; it is published when the epoch is committed, so that an aborted one counts once.
type tally map[counted]int

func (t tally) add(topic, what string) { t.addN(topic, what, 1) }

func (t tally) addN(topic, what string, n int) {
	if n > 0 {
		t[counted{topic, what}] += n
	}
}

func (t tally) publish(m *Metrics) {
	for k, n := range t {
		v := float64(n)
		if rest, ok := strings.CutPrefix(k.what, passedOver); ok {
			model, reason, _ := strings.Cut(rest, "\x00")
			m.passedOver.WithLabelValues(k.topic, model, reason).Add(v)
			continue
		}
		switch k.what {
		case accepted:
			m.received.WithLabelValues(k.topic).Add(v)
			m.accepted.WithLabelValues(k.topic).Add(v)
		case crowded:
			m.crowded.WithLabelValues(k.topic).Add(v)
		case unlabelled:
			m.unlabelled.WithLabelValues(k.topic).Add(v)
		default:
			m.received.WithLabelValues(k.topic).Add(v)
			m.setAside.WithLabelValues(k.topic, k.what).Add(v)
		}
	}
	clear(t)
}
