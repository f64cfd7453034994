package check

import (
	"fmt"
	"io"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// toldEstimates are the metrics that people are told of an estimate; JSON has all.
var toldEstimates = []struct{ metric, words string }{{"expected_cost", "cost per decision"}, {"accuracy", "accuracy"}, {"roc_auc", "ROC AUC"}, {"label_rate", "label rate"}}

// writeEstimates says what the latest pane is expected to come to before its outcomes are known, as a whole and by slice, what that assumes, and how such estimates held.
func writeEstimates(w io.Writer, r *Report) {
	if len(r.Estimates) == 0 {
		return
	}
	fmt.Fprintf(w, "what the latest decisions are expected to come to, with 95 %% bands; this assumes that %s\n", r.Estimates[0].Assumes)
	held := map[string]map[string]engine.Scored{"": r.Scored}
	for _, s := range r.ScoredSlices {
		held[finding.SliceKey(s.Slice)] = s.Metrics
	}
	for i := range r.Estimates {
		x := &r.Estimates[i]
		key := finding.SliceKey(x.Slice)
		name := key
		if name == "" {
			name = "all"
		}
		fmt.Fprintf(w, "  %s, %s\n", name, count(int(x.N), "decision"))
		if x.Suspended != "" {
			fmt.Fprintf(w, "    suspended: %s\n", x.Suspended)
		}
		for _, m := range toldEstimates {
			v, estimated := x.Metrics[m.metric]
			s, scored := held[key][m.metric]
			if !estimated && !scored {
				continue
			}
			fmt.Fprintf(w, "    %s", m.words)
			if estimated {
				fmt.Fprintf(w, " %s (%s to %s)", incident.Short(v.Value), incident.Short(v.Band[0]), incident.Short(v.Band[1]))
			}
			if scored {
				fmt.Fprintf(w, "; of %s with outcomes the band held in %d, and estimates were %s off on average", count(s.Panes, "pane"), s.Inside, incident.Short(s.Off))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintln(w)
}
