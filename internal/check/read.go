package check

import "github.com/plumbline-ml/plumbline/internal/plan"

// ReadPredictions reads the prediction stream by a plan: derived columns computed, rows that its filter leaves out left out.
// Batches belong to the visitor. counts, which may be nil, says what became of the rows once
// all were read.
func (f *Files) ReadPredictions(p *plan.Plan, counts *Counts, visit func(*plan.Batch) error) error {
	return (&source{*f, p}).predictions(counts, visit)
}

// ReadOutcomes reads the outcome stream likewise. Without one there is nothing to visit.
func (f *Files) ReadOutcomes(p *plan.Plan, counts *Counts, visit func(*plan.Batch) error) error {
	return (&source{*f, p}).outcomes(counts, visit)
}

// ReadAttributes reads the stream of protected attributes likewise; what stands in its rows is quoted nowhere. Without one there is nothing to visit.
func (f *Files) ReadAttributes(p *plan.Plan, counts *Counts, visit func(*plan.Batch) error) error {
	return (&source{*f, p}).attributes(counts, visit)
}
