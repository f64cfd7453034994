package evolution

import (
	"fmt"
	"strconv"
	"strings"
)

const head = `# How schemas may change

Written from ` + "`internal/schema/evolution`" + ` by ` + "`go test ./internal/schema -run EvolutionPage -update`" + `; don't edit it here.

A contract names fields, and what kind of value each is: a number, text or a time. In Avro's words it is the reader. An event is
decoded by the schema that wrote it, and of that the fields that the contract names are read.

Where a stream says ` + "`schema: {subject: ...}` or `schema: {file: ...}`" + `, that schema stands behind the contract: the text of the
file, or the subject's latest version, **as it was when the contract was put in force**. It is kept in the plan, so that the same events
read the same tomorrow. It is asked for two things only:

- **Defaults.** A field that the event's own schema lacks has the default that this schema gives it.
- **Former names.** A field that the event's own schema lacks is looked for under this schema's other names for it.

Without it, a schema that lacks a field that the contract names doesn't fit: its events are set aside as ` + "`schema_mismatch`" + `.

In the table, an event is written with the old schema and read under a contract that names the new one. *Avro* is what the
specification (1.12, "Schema Resolution") reads, where it is something else than we do; an event that is *refused* is set aside, never dropped.
*Registry* is whether a schema registry takes the new schema after the old one under BACKWARD compatibility.

Where we read what Avro refuses, it is on purpose: what was written is what the model saw, and to watch it is what Plumbline is for.

Each row is decoded by our program and resolved by an independent implementation
(` + "`go test -tags synctests -run Evolution ./internal/schema`" + `), and goes through a real registry, Apicurio, from registering both
versions to decoding by the id (` + "`go test -tags 'synctests integration' -run Evolution ./integration/...`" + `).

| # | what changes | the old schema's field | the new schema's field | the contract reads | is read | Avro | registry | rule |
|--:|---|---|---|---|---|---|---|---|
`

// Page is the table for people, as Markdown.
func Page() string {
	var b strings.Builder
	b.WriteString(head)
	var notes []string
	for i, r := range Rows() {
		registry := Refuses
		if r.Accepted() {
			registry = Accepts
		}
		specified := "the same"
		if r.Avro != "" {
			at := len(notes)
			for j, n := range notes {
				if n == r.Note {
					at = j
				}
			}
			if at == len(notes) {
				notes = append(notes, r.Note)
			}
			specified = fmt.Sprintf("%s (%c)", value(r.Avro), 'a'+at)
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | `%s`, %s | %s | %s | %s | %s |\n", i+1, r.Name, code(r.Writer), code(r.Reader), r.Field, r.Kind,
			value(r.Want), specified, registry, r.Rule)
	}
	b.WriteString("\nWhy we differ:\n\n")
	for i, n := range notes {
		fmt.Fprintf(&b, "- (%c) %s\n", 'a'+i, n)
	}
	return b.String()
}

// code shows a schema, without what all of them share.
func code(schema string) string {
	const head, tail = `{"type":"record","name":"Event","fields":[`, `]}`
	if rest, ok := strings.CutPrefix(schema, head); ok {
		schema = strings.TrimSuffix(rest, tail)
	}
	return "`" + schema + "`"
}

func value(s string) string {
	if s == Missing || s == Refused {
		return "*" + s + "*"
	}
	if q := strconv.QuoteToASCII(s); q != `"`+s+`"` {
		s = strings.Trim(q, `"`)
	}
	return "`" + s + "`"
}
