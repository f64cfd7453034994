package ingest

import (
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// counts is what an epoch held of one model, under all its plans.
type counts struct {
	rows     int64
	cells    int
	bytes    int // of memory, before it was written
	versions map[string]bool
}

// add takes in what all workers counted under one plan; held is what it took in memory.
func (c *counts) add(t collect.Taken, cells []record.Cell, held int) {
	c.rows, c.cells, c.bytes = c.rows+t.Rows, c.cells+t.Cells, c.bytes+held
	for i := range cells {
		if cells[i].Kind == record.Described { // one for each pane and version
			c.versions[cells[i].Version] = true
		}
	}
}

// lastEpoch shows the last committed epoch to whoever scrapes. The epochs go on meanwhile: a scrape takes the latest one whole, so that
// the series of all models are of the same epoch.
type lastEpoch struct {
	published sketch.Published[map[string]*counts] // by model

	rows, cells, versions, bytes *prometheus.Desc
}

var _ prometheus.Collector = (*lastEpoch)(nil)

func newLastEpoch() *lastEpoch {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("plumbline", "ingest", name), help, []string{"model"}, nil)
	}
	return &lastEpoch{
		rows:     desc("epoch_rows", "Predictions counted in the last committed epoch."),
		cells:    desc("epoch_cells", "Cells of the last committed epoch: panes, model versions and finest slices with a prediction in them."),
		versions: desc("epoch_versions", "Model versions in the last committed epoch."),
		bytes:    desc("epoch_bytes", "Memory that the counts of the last committed epoch took at its end, join rows apart."),
	}
}

// Describe implements prometheus.Collector.
func (e *lastEpoch) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{e.rows, e.cells, e.versions, e.bytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (e *lastEpoch) Collect(ch chan<- prometheus.Metric) {
	latest := e.published.Latest()
	for _, model := range slices.Sorted(maps.Keys(latest)) {
		c := latest[model]
		gauge := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, model)
		}
		gauge(e.rows, float64(c.rows))
		gauge(e.cells, float64(c.cells))
		gauge(e.versions, float64(len(c.versions)))
		gauge(e.bytes, float64(c.bytes))
	}
}
