package census

import "embed"

// FS holds the example's files under the names below.
//
//go:embed live.yaml model.json census.csv.gz
var FS embed.FS

// The names of the files in FS.
const (
	ContractFile = "live.yaml" // of the stream that the job and the model make; contract.yaml is of the file as it is
	ModelFile    = "model.json"
	DataFile     = "census.csv.gz"
)
