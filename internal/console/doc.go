// Package console serves the HTTP API: what models and incidents look like now, as the public JSON objects, and what people do to
// incidents. It reads the latest view, hands acts to the alerter, and keeps no state; openapi.json describes it and is served with it.
//
//  1. api.go: what is read.
//  2. write.go: what is done, and who may.
//  3. outbox.go: messages that were given up, and sending them again.
//
// Who may write has a token, or is on the same machine where the API listens there only; otherwise nobody may.
package console
