// Package console serves the HTTP API: what models and incidents look like now, as the public JSON objects. It reads the latest
// view and keeps no state; openapi.json describes it and is served with it.
package console
