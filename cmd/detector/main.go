// Command detector runs Plumbline's detector; see internal/app.
package main

import (
	"os"

	"github.com/plumbline-ml/plumbline/internal/app"
)

func main() { os.Exit(app.Main("detector", os.Args[1:], app.Roles{Detector: true})) }
