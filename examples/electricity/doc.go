// Package electricity is the demo's stream: 45,312 half-hours of the New South Wales electricity market with a model's scores
// and what came of them, and the contract, schemas and runbooks that go with it, all embedded, so that the demo needs no files.
//
//  1. embed.go: the files.
//  2. events.go: the file's rows as Avro-ready events of two topics, in the order in which they would have been published.
//
// It imports the standard library only. README.md says where the data comes from and what happens in it.
package electricity
