// Package alert is the alerter: a loop that folds findings into incidents and tells those who should know.
//
//  0. hold.go: of several alerters one works, the others stand by.
//  1. service.go: one run under the policies in force.
//  2. restore.go: the incidents, folded again from the findings and acts in the ledger; owed.go: what came to something else than was told then.
//  3. fold.go: a poll of findings becomes changes of incidents; findings, consumer offsets and messages enter the ledger in
//     one SQL transaction.
//  4. desk.go: acts of people come in, are folded between findings and enter the ledger the same way.
//  5. deliver.go: messages leave the outbox; courier.go: each sink by a courier of its own, who tries again (pace.go) until they are taken.
//  6. outbox.go: what was given up is sent again, if people say so.
//  7. tell.go: whom the contract's routes name, now and as time goes by; retrain.go: triggers of retraining, and what comes of them.
//  8. sink.go: where they go: the incidents topic; the others are in package sink.
//
// Invariants: one alerter writes, which the ledger checks with each write; a finding is in the ledger before anybody hears of it; a restart tells nothing twice, save what was under way.
// Wall clock is injected and decides only when to send. The package imports no other service.
package alert
