package ingest

import (
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

func TestLastEpochIsScraped(t *testing.T) {
	e := newLastEpoch()
	if n := testutil.CollectAndCount(e); n != 0 {
		t.Errorf("%d series before the first epoch", n)
	}
	e.published.Publish(map[string]*counts{
		"churn": {rows: 12, cells: 3, bytes: 4096, versions: map[string]bool{"v1": true, "v2": true}},
		"price": {versions: map[string]bool{}},
	})
	want := `
# HELP plumbline_ingest_epoch_bytes Memory that the counts of the last committed epoch took at its end, join rows apart.
# TYPE plumbline_ingest_epoch_bytes gauge
plumbline_ingest_epoch_bytes{model="churn"} 4096
plumbline_ingest_epoch_bytes{model="price"} 0
# HELP plumbline_ingest_epoch_cells Cells of the last committed epoch: panes, model versions and finest slices with a prediction in them.
# TYPE plumbline_ingest_epoch_cells gauge
plumbline_ingest_epoch_cells{model="churn"} 3
plumbline_ingest_epoch_cells{model="price"} 0
# HELP plumbline_ingest_epoch_rows Predictions counted in the last committed epoch.
# TYPE plumbline_ingest_epoch_rows gauge
plumbline_ingest_epoch_rows{model="churn"} 12
plumbline_ingest_epoch_rows{model="price"} 0
# HELP plumbline_ingest_epoch_versions Model versions in the last committed epoch.
# TYPE plumbline_ingest_epoch_versions gauge
plumbline_ingest_epoch_versions{model="churn"} 2
plumbline_ingest_epoch_versions{model="price"} 0
`
	if err := testutil.CollectAndCompare(e, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// However scrapes fall between commits, all series of one are of one epoch.
func TestScrapesSeeWholeEpochs(t *testing.T) {
	e := newLastEpoch()
	reg := prometheus.NewRegistry()
	reg.MustRegister(e)
	const epochs = 200
	publish := func(n int) {
		e.published.Publish(map[string]*counts{"a": {rows: int64(n), cells: n}, "b": {rows: int64(n), bytes: n}})
	}
	publish(0)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for last := 0.0; last < epochs; {
				families, err := reg.Gather()
				if err != nil {
					t.Error(err)
					return
				}
				of := map[string]float64{}
				each(families, func(name, model string, v float64) { of[name+model] = v })
				rows := of["plumbline_ingest_epoch_rowsa"]
				if rows < last || rows != of["plumbline_ingest_epoch_rowsb"] || rows != of["plumbline_ingest_epoch_cellsa"] || rows != of["plumbline_ingest_epoch_bytesb"] {
					t.Errorf("after epoch %g: %v", last, of)
					return
				}
				last = rows
			}
		})
	}
	for n := 1; n <= epochs; n++ {
		publish(n)
	}
	wg.Wait()
}

func each(families []*dto.MetricFamily, visit func(name, model string, v float64)) {
	for _, f := range families {
		for _, m := range f.GetMetric() {
			visit(f.GetName(), m.GetLabel()[0].GetValue(), m.GetGauge().GetValue())
		}
	}
}
