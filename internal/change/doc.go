// Package change is what people change on purpose around a model: deploys, schema and model versions, flags, ETL releases, policies. Such
// events come from the topic plumbline.changes, from a webhook, or from OpenLineage; an incident names those that came before it began.
//
//  1. read.go: the public object, and a CloudEvent around it.
//  2. openlineage.go: a RunEvent of OpenLineage, as a change if its job's version is another than before.
//  3. own.go: what Plumbline itself tells of: contracts put in force, model versions first seen.
//
// The package is pure: it imports no client, no clock and no logger.
package change
