// Package protocol searches every state that the consume-fold-commit protocol can get into, whatever dies or stalls in
// between: the services' steps as small models over Kafka's group and transactions as documented. It has tests only, so that
// nothing can import it.
//
//  1. search_test.go: the search, breadth first over all states, with the shortest trace to the first that is wrong.
//  2. kafka_test.go: what the models share: members, generations, transactions whose markers come later than their answer.
//  3. ingestor_test.go: source partitions to fragments whose coverage tiles (internal/bus, internal/ingest).
//  4. joiner_test.go: rows to labelled counts, with a join index that may vanish (internal/join, internal/view).
//  5. detector_test.go: chunked fragments to findings, with a state in pieces (internal/detect, bus.ReadState).
//  6. succession_test.go: a plan that comes into force in the middle of the stream (internal/plan, internal/detect).
//  7. plans_test.go: the same by another, simpler rule, which isn't built.
//  8. variants_test.go: each model as built, and each with one of its guards taken out, which must fail.
//
// Invariants: a state is compared whole, never by its hash alone; counters that would only bound a search (how many crashes,
// how many generations) are not part of a state, so there is no bound on them; every kind of step a model knows is taken, and
// from every state the end can still be reached. docs/protocol.md says what the models assume and leave out.
//
// The package imports nothing of the module.
package protocol
