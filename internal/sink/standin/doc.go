// Package standin plays PagerDuty, Slack, Alertmanager, a webhook and a mail server for tests. Each checks every request against what
// its vendor publishes (required fields, enumerations, limits: the schemas beside this file name their sources), keeps the state that
// the real one would keep, and fails as it is told (faults.go): errors before and after a request was taken, silence, 429 with
// Retry-After. They are http.RoundTrippers and connections in memory, so that they work inside a testing/synctest bubble. Nothing
// but tests imports it.
package standin
