package settings

import (
	"fmt"
	"slices"
	"strings"
)

// purposes says what each section is about, for the manual.
var purposes = map[string]string{
	"kafka":    "The cluster, and how the internal topics are made.",
	"registry": "The schema registry.",
	"redis":    "The join index and the latest view.",
	"ledger":   "Where decisions are kept.",
	"http":     "Metrics, health, API and console.",
	"api":      "Who may do something about incidents, and where `plumbline incidents` finds them.",
	"log":      "What is logged, and how.",
	"ingest":   "The rhythm of the ingestor.",
	"memory":   "What a process may hold.",
	"group":    "Names that Kafka knows this installation by.",
	"alert":    "Where incidents are sent besides the topics.",
	"budget": "Caps on the false alarms of all models and of those of a team, which they share by weight: a contract asks by `watch.false_alarms`, under a cap it may get less. " +
		"`plumbline apply`, `contract rollback` and services that put `contracts` in force give a model its share; `plumbline budget apply` gives it to all, `budget show` prints it. " +
		"What is in force is recorded in the plans, and stays until one of them changes it. `check` and `demo` go by the contract alone.",
	"": "Outside any section.",
}

const preface = `<!-- Generated from the table in internal/settings/keys.go by "go test ./internal/settings -update". Do not edit. -->

# Settings

How the services are run: where Kafka, Redis, the registry and the ledger are, and with which credentials. What is watched
and promised stands in the contracts.

Each value is taken from the first of these that gives it:

1. a command line flag,
2. an environment variable, named after the key: ` + "`kafka.tls.ca_file` is `PLUMBLINE_KAFKA_TLS_CA_FILE`" + `; one that is set to nothing counts as not set,
3. the YAML file named by ` + "`--config`" + `,
4. the default.

The file is read strictly: an unknown key, a key given twice, a value out of range is an error with file, line and column, and
all errors are told at once. Lists may be written as one text with commas, and are in the environment. Durations are written
` + "`500ms`, `30s`, `1h30m`, `2d`, `1w`" + `; rates ` + "`1/30d` (once in 30 days), `2/1d`" + `; sizes ` + "`32MiB`, `500kB`, `65536`" + `. Relative paths in the file start at the
folder of the file, those in the environment and in flags at the working directory.

Secrets are best kept in files: each ` + "`*_file`" + ` key names one, read at start. A secret is never printed.
If one source gives the secret and another its file, the higher of the two wins; both in one source is an error.
` + "`plumbline config show`" + ` prints every value and where it came from.

` + "```yaml" + `
kafka:
  brokers: [kafka-1:9093, kafka-2:9093]
  tls: {enabled: true, ca_file: /etc/plumbline/ca.pem}
  sasl: {mechanism: scram-sha-512, username: plumbline, password_file: /run/secrets/kafka}
redis: {address: redis:6379}
ledger: {url: sqlite:///var/lib/plumbline/ledger.db}
budget:
  fleet: {pages: 2/1d, tickets: 20/1d}
  teams: {forecasting: {pages: 1/30d}}
  weights: {credit: 4}
contracts: [contracts/]
` + "```" + `
`

// Reference returns the manual page of the settings, in Markdown.
func Reference() string {
	var b strings.Builder
	b.WriteString(preface)
	// No section: the keys that stand alone come last in the table, as here.
	previous := []string{}
	for _, k := range table(new(Settings)) {
		if name := section(k.path); !slices.Contains(previous, name) {
			previous = append(previous, name)
			title := "`" + name + "`"
			if name == "" {
				title = "Others"
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n", title, purposes[name])
		}
		fallback := "none"
		if k.fallback != "" {
			fallback = "`" + k.fallback + "`"
		}
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | %s | %s |\n", k.path, k.env(), k.value.kind(), fallback, strings.ReplaceAll(k.doc, "|", `\|`))
	}
	return b.String()
}
