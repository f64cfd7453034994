package window

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const historyFormat = 1

// AppendHistory begins a record of the history: the format and the digest of the plan it was counted under. A pane or a
// cohort follows, as their AppendBinary writes them.
func AppendHistory(b []byte, digest string) []byte {
	return wire.String(wire.Uint(b, historyFormat), digest)
}

// ReadHistory reads what AppendHistory wrote and returns the plan's digest; ReadPane or ReadCohort read the rest.
func ReadHistory(r *wire.Reader) (digest string, err error) {
	if v := r.Uint(); r.Err() == nil && v != historyFormat {
		return "", fmt.Errorf("read history: %w %d, this build reads %d", errStateFormat, v, historyFormat)
	}
	digest = r.String()
	if err := r.Err(); err != nil {
		return "", fmt.Errorf("read history: %w", err)
	}
	return digest, nil
}

// ReadPane reads a pane that was counted under the plan p, to the end of the record.
func ReadPane(p *plan.Plan, r *wire.Reader) (*Pane, error) {
	pane := readPane(p, r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read pane of %s: %w", p.Model, err)
	}
	return pane, nil
}

// ReadCohort reads a cohort that was counted under the plan p, to the end of the record.
func ReadCohort(p *plan.Plan, r *wire.Reader) (*Cohort, error) {
	co := readCohort(p, r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read cohort of %s: %w", p.Model, err)
	}
	return co, nil
}
