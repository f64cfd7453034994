package ingest

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// keptBytes is how much of an event is kept. Brokers take records of 1 MiB by default; a source may allow, or compress, larger
// ones, and one of them must not stop the rest.
const (
	keptBytes = 900 << 10
	keptKey   = 32 << 10 // of the key, and of each header
)

// private reports whether some model reads protected attributes from a topic.
func (r *role) private(topic string) (is bool) {
	r.each(topic, func(s *stream) { is = is || s.kind == ofAttributes })
	return is
}

// setAside keeps a bad event for people, whole, and goes on.
func (r *role) setAside(rec *kgo.Record, bad *schema.Error) {
	r.tally.add(rec.Topic, string(bad.Reason))
	why := record.SetAside{
		Reason: string(bad.Reason), Path: bad.Path, Byte: bad.Offset, Detail: bad.Detail,
		Topic: rec.Topic, Partition: rec.Partition, Offset: rec.Offset,
	}
	out := &kgo.Record{Topic: bus.TopicQuarantine, Partition: 0, Key: rec.Key, Value: rec.Value}
	if r.private(rec.Topic) { // who is in which group, and of which id, goes no further: the source still has it
		why.Path, why.Byte, why.Detail = "", 0, ""
		out.Key, out.Value = nil, nil
	}
	if len(out.Value) > keptBytes {
		out.Value = out.Value[:keptBytes]
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: record.HeaderTruncated, Value: strconv.AppendInt(nil, int64(len(rec.Value)), 10)})
	}
	out.Key = out.Key[:min(len(out.Key), keptKey)]
	for _, h := range why.Headers() {
		out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value[:min(len(h.Value), keptKey)]})
	}
	r.aside = append(r.aside, out)
}
