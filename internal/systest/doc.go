// Package systest runs the whole system in one testing/synctest bubble: embedded Kafka on a virtual network, registry, Redis,
// ledger and all services, in virtual time. A test is a script: At(...) says what happens when, Want(...) what must come of
// it; whatever comes and was not wanted fails the test.
//
// Event time runs faster than the bubble's clock: a day of events takes dayTakes of it.
package systest
