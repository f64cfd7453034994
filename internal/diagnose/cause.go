package diagnose

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Kind is a kind of cause: these names are public.
type Kind string

// The kinds.
const (
	UnitChange     Kind = "unit_change"
	SignFlip       Kind = "sign_flip"
	Swapped        Kind = "swapped"
	Stuck          Kind = "stuck"
	Released       Kind = "released"
	Sentinel       Kind = "sentinel"
	Fallback       Kind = "fallback" // an imputed default
	Clipped        Kind = "clipped"
	PrecisionLoss  Kind = "precision_loss"
	Recoded        Kind = "recoded"
	NewCategory    Kind = "new_category"
	Missing        Kind = "missing"
	SchemaChange   Kind = "schema_change"
	Duplicates     Kind = "duplicates"
	Volume         Kind = "volume"
	ClockShift     Kind = "clock_shift"
	MixShift       Kind = "mix_shift"
	CovariateShift Kind = "covariate_shift"
	VersionChange  Kind = "version_change"
	Unknown        Kind = "unknown"
)

// Corruption reports whether a cause is broken data rather than a world that moved: a model must not be trained on it.
func (k Kind) Corruption() bool {
	switch k {
	case MixShift, CovariateShift, NewCategory, Volume, VersionChange, Released, Unknown, "":
		return false
	default:
		return true
	}
}

// Cause is one thing that is thought to have happened.
type Cause struct {
	Kind    Kind
	Columns []string          // that it happened to, the first one first; none: to the stream
	Slice   map[string]string // that it is confined to; nil: everywhere
	// Parameters by name, numbers in their shortest form: factor, offset, value, share (of rows, from 0 to 1), with (another column), hours, step, category.
	Parameters map[string]string
	// Confidence is the part of the change that it explains, from 0 to 1: 1 minus the distance that is left over the distance that was there.
	Confidence float64
	// Weight ranks causes: how far the column lies from where it was, in what is usual between two samples.
	Weight   float64
	Evidence []string // what speaks for it, in words
	Against  []string // what speaks against it
	Fix      string
	Since    int64 // when it began, microseconds since the Unix epoch, where the traffic tells; 0: it doesn't

	words string // what has happened to it, where the parameters alone don't say it
}

// number writes a parameter.
func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }

// explained is the part of a distance that a cause takes away.
func explained(before, after float64) float64 {
	if before <= 0 {
		return 0
	}
	return math.Round(100*min(max(0, 1-after/before), 0.99)) / 100
}

// rank orders causes: the heaviest first, corruption before drift where they weigh alike.
func rank(causes []Cause) {
	slices.SortStableFunc(causes, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), slices.Compare(a.Columns, b.Columns))
	})
}
