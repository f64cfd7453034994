// Package ledger is the append-only store of everything that was decided: incidents, acknowledgements, baselines put in
// force, sign-offs. Every view of them is a fold over its entries, and nothing in it is ever overwritten.
//
//  1. Open: connect by URL (open.go, postgres.go) and bring the schema up to this build's version (migrate).
//  2. Append: entries, consumer offsets and messages to send, in one SQL transaction: all of it or nothing.
//  3. Read: entries in order, the offsets to go on from, the head of the chain.
//  4. Deliver: what is to be sent, what was sent, what is to be tried again or was given up.
//  5. Acquire, Renew, Release: who may write (lease.go); Under: to write as that one only.
//  6. Verify: walk the hash chain and name the first entry that is not what was written.
//
// Invariants: sequence numbers start at 1 and have no holes; an entry's hash covers its content, its number and its
// predecessor's hash; the stored head names the last entry; a consumer offset never goes back; an outgoing message is
// identified by (id, sink) and accepted once. What is hashed is what is stored, byte for byte.
//
// A chain shows that something was changed, not by whom: who can write the whole database can also write a new chain. Keep
// the result of Head elsewhere (a log, a ticket, a topic) and give it to Verify as an Anchor.
//
// The SQL is what SQLite and PostgreSQL share (TEXT and BIGINT columns, $n parameters, ON CONFLICT); the tests run on both. The package has
// no clock: times are the caller's. It imports no Kafka and no Redis client, no logger and no metrics.
package ledger
