// Package integration holds the tests that need real parts: Apache Kafka, a schema registry with the Confluent API, Redis and PostgreSQL,
// started by the scripts in tools/parts. The services run as processes, as they are shipped; a test talks to them through
// their environment, their signals, their topics and their HTTP, and to nothing else.
//
//	go test -tags 'synctests integration' -count=1 ./integration/...
//
// Each test has the cluster to itself: it begins with no topics, an empty Redis and a group prefix of its own. Waiting is
// always for something that can be seen (until, in wait_test.go), with a deadline.
//
// PARTS_KAFKA_PORT, PARTS_REGISTRY_PORT, PARTS_REDIS_PORT and PARTS_POSTGRES_PORT move the parts to other ports, and INTEGRATION_KEEP=1 leaves
// the logs of all processes behind.
package integration
