// Command ingestor runs Plumbline's ingestor; see internal/app.
package main

import (
	"os"

	"github.com/plumbline-ml/plumbline/internal/app"
)

func main() { os.Exit(app.Main("ingestor", os.Args[1:], app.Roles{Ingestor: true})) }
