// Package sink is where messages about incidents go, and where people's answers come back.
//
//  1. answer.go: what a sink's answer means: taken, to be tried again (and when), refused.
//  2. message.go: a message, which is a CloudEvent around an incident or a digest, and what people are told of it.
//  3. pagerduty.go, slack.go, slack_blocks.go, alertmanager.go, webhook.go, email.go: one destination each.
//  4. act.go, pagerduty_hook.go, slack_hook.go: signed requests of PagerDuty and Slack become acts on incidents.
//
// Invariants: Send may be called again with the same id; where the protocol knows a key that makes the second call harmless it
// is used (dedup_key, labels, Message-ID, Idempotency-Key, a message's ts), and where it knows none (a first post to Slack) the
// package says so. No error and no text carries a secret: addresses with tokens in them are left out. A request from outside
// that isn't signed by its own secret does nothing; without a secret nothing is taken. The package imports no service.
package sink
