// Command alerter runs Plumbline's alerter; see internal/app.
package main

import (
	"os"

	"github.com/plumbline-ml/plumbline/internal/app"
)

func main() { os.Exit(app.Main("alerter", os.Args[1:], app.Roles{Alerter: true})) }
