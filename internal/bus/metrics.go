package bus

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Reasons for which an epoch is aborted.
const (
	abortRebalance = "rebalance" // partitions were revoked or lost: ordinary
	abortRole      = "role"      // the role asked for a retry, or failed
	abortProduce   = "produce"   // an output was not acknowledged
	abortCommit    = "commit"    // the broker refused the offsets or the commit
)

type metrics struct {
	committed prometheus.Counter
	aborted   *prometheus.CounterVec
	records   prometheus.Counter
	lost      prometheus.Counter
	truncated prometheus.Counter
	epoch     prometheus.Histogram
	commit    prometheus.Histogram
	position  *prometheus.GaugeVec
	paused    prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	m := &metrics{
		committed: f.NewCounter(prometheus.CounterOpts{
			Name: "plumbline_runner_epochs_committed_total",
			Help: "Epochs whose outputs and input offsets were committed.",
		}),
		aborted: f.NewCounterVec(prometheus.CounterOpts{
			Name: "plumbline_runner_epochs_aborted_total",
			Help: "Epochs that were rolled back and folded again, by reason. Aborts for a rebalance are ordinary.",
		}, []string{"reason"}),
		records: f.NewCounter(prometheus.CounterOpts{
			Name: "plumbline_runner_records_folded_total",
			Help: "Data records folded, those of aborted epochs included.",
		}),
		lost: f.NewCounter(prometheus.CounterOpts{
			Name: "plumbline_runner_lost_offsets_total",
			Help: "Source offsets that expired before they were read.",
		}),
		truncated: f.NewCounter(prometheus.CounterOpts{
			Name: "plumbline_runner_truncated_offsets_total",
			Help: "Source offsets that were read, and that the log lost afterwards.",
		}),
		epoch: f.NewHistogram(prometheus.HistogramOpts{
			Name:                        "plumbline_runner_epoch_seconds",
			Help:                        "Time from the first record of a committed epoch to its commit.",
			Buckets:                     []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30},
			NativeHistogramBucketFactor: 1.1,
		}),
		commit: f.NewHistogram(prometheus.HistogramOpts{
			Name:                        "plumbline_runner_commit_seconds",
			Help:                        "Time from the start of a committed epoch's flush to its commit.",
			Buckets:                     []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
			NativeHistogramBucketFactor: 1.1,
		}),
		paused: f.NewGauge(prometheus.GaugeOpts{
			Name: "plumbline_runner_paused",
			Help: "1 while fetching is paused because memory is short.",
		}),
		position: f.NewGaugeVec(prometheus.GaugeOpts{
			Name: "plumbline_runner_position",
			Help: "Committed offset of each owned source partition: the next one to be read after a restart.",
		}, []string{"topic", "partition"}),
	}
	for _, reason := range []string{abortRebalance, abortRole, abortProduce, abortCommit} {
		m.aborted.WithLabelValues(reason)
	}
	return m
}

func (m *metrics) setPosition(tp TopicPartition, next int64) {
	m.position.WithLabelValues(tp.Topic, strconv.Itoa(int(tp.Partition))).Set(float64(next))
}

func (m *metrics) dropPosition(tp TopicPartition) {
	m.position.DeleteLabelValues(tp.Topic, strconv.Itoa(int(tp.Partition)))
}
