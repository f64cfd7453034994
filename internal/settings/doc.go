// Package settings reads how the services are run: where Kafka, Redis, the registry and the ledger are, and with which
// credentials. What is watched and promised is not here but in the contracts.
//
//  1. keys.go: one table of every key, with its default, its meaning and its place in Settings.
//  2. file.go: the YAML file, read strictly: file, line and column of everything that is wrong.
//     entries.go: keys that hold several named values.
//  3. load.go: default < file < environment < flag, then the secrets from their files.
//  4. validate.go: what must hold between keys.
//  5. clients.go: the settings as the Kafka and Redis clients want them.
//  6. show.go, reference.go: the table printed, for a running service and for the manual.
//
// Invariants: a key that is not in the table does not exist; every key has an environment variable named after it; all
// errors are reported at once, each with the place it came from; a secret is never printed, neither by fmt nor by a logger
// nor by an encoder nor inside an error. The package is an edge: the pure packages must not import it, and it imports no
// role (ingest, join, detect, alert).
package settings
