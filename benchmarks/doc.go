// Command benchmarks measures what the documentation claims about costs: docs/benchmarks.md says what each number means. It is no
// part of the product.
//
//		go run ./benchmarks set         the full set of counts against the walk, and an obvious pipeline against the set; results.json
//		go run ./benchmarks decode      the decoder against a hand-written walk and two libraries; results.json
//		go run ./benchmarks sketch      t-digest and distinct count against other libraries: speed and rank error; results.json
//		go run ./benchmarks ingest      the ingestor: CPU of an epoch, bytes of fragments, two against one, memory
//		go run ./benchmarks sizing      bytes per model, input, slice and pane, held and written; flat in events; results.json
//		go run ./benchmarks poll        the whole ingestor against a loop that only polls, with zstd and uncompressed
//		go run ./benchmarks poll --kafka  the same on a Kafka of its own; results.json
//		go run ./benchmarks balance     how evenly models spread over detectors, and what more partitions cost
//		go run ./benchmarks balance --processes 10  the same, as ten detectors on real Kafka judge 1,000 models
//		go run ./benchmarks latency     from the end of a pane to its finding, on real Kafka
//		go run ./benchmarks replay      from zero: time, memory, and whether the findings are the same as live
//		go run ./benchmarks steady      memory of the services under a steady rate
//		go run ./benchmarks coverage    how often the intervals of every metric hold the truth; coverage.json
//		go run ./benchmarks simulate    false alarms and delays of the sequential engine and of other tools' rules
//
//	 1. main.go: verbs and flags.
//	 2. wide.go: the event: 45 fields, five slice dimensions, skewed keys; its contract, schema and plan.
//	 3. broker.go: a broker of its own or a real one; topics and load.
//	 4. child.go: what is measured runs in a process of its own, which tells its use of the CPU and of memory.
//	 5. bare.go: poll, decode and count, and nothing else: what the ingestor is held against.
//	 6. ingest.go, poll.go, memory.go, balance.go: the measurements.
//	 7. flow.go: the event of what follows, and its stream: event n is the same in every run.
//	 8. ground.go, service.go: Kafka, registry and Redis of their own; the services as processes with default settings.
//	 9. latency.go, replay.go, steady.go, spread.go: the measurements of whole services.
//	10. decode.go: the decoder; profile.go: a CPU profile of it. walk/ is the walk it is held against.
//	11. sketch.go: the t-digest and the distinct count.
//	12. results.go: results.json, which keeps the last ratio of every name.
//	13. simulate.go: the simulation of package simulation; coverage.go: that of package coverage.
//	14. sized.go: a model of 50 inputs and 20 slices, whose events are drawn into columns; sizing.go: what it takes, by held.go
//	    (in memory), wired.go (on topics), flat.go (whatever the events), fleet.go (1,000 of them); heap.go: how bytes are weighed.
package main
