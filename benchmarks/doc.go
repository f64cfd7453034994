// Command benchmarks measures what the documentation claims about costs: docs/benchmarks.md says what each number means. It is no
// part of the product.
//
//		go run ./benchmarks ingest      the ingestor: CPU of an epoch, bytes of fragments, two against one, memory
//		go run ./benchmarks balance     how evenly models spread over detectors, and what more partitions cost
//
//	 1. main.go: verbs and flags.
//	 2. wide.go: the event: 45 fields, five slice dimensions, skewed keys; its contract, schema and plan.
//	 3. broker.go: a broker of its own or a real one; topics and load.
//	 4. child.go: what is measured runs in a process of its own, which tells its use of the CPU and of memory.
//	 5. bare.go: poll, decode and count, and nothing else: what the ingestor is held against.
//	 6. ingest.go, memory.go, balance.go: the measurements.
package main
