package electricity

import "embed"

// FS holds the example's files under the names below, and the runbooks in runbooks/.
//
//go:embed README.md contract.yaml prediction.avsc outcome.avsc electricity.csv.gz runbooks/*.md
var FS embed.FS

// The names of the files in FS.
const (
	ContractFile   = "contract.yaml"
	PredictionFile = "prediction.avsc"
	OutcomeFile    = "outcome.avsc"
	DataFile       = "electricity.csv.gz"
)
