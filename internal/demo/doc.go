// Package demo replays the electricity stream through the whole house on embedded parts: events go to Kafka as any model's
// would, and what is shown is what came out of the incidents topic.
//
//  1. publish.go: the file's rows as events, sent by internal/produce as `plumbline produce` sends any file, no faster than judged.
//  2. run.go: parts up, plan published, services running, events in, incidents out, everything drained.
//  3. screen.go: the progress bar, incidents as they open, in plain words.
//
// The services meet only at topics; the demo looks at Redis for its progress bar and at the incidents topic for the rest.
package demo
