package bus

import (
	"encoding/hex"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// A mark is what is committed beside an offset, as its metadata: "plumbline1 TOPICID NOTE". The topic id tells an offset of this
// topic from one of a topic of the same name that was deleted; the note is the role's own, see Noter.
type mark struct {
	topic [16]byte // zero: not known
	note  string
}

const markPrefix = "plumbline1 "

func (m mark) String() string { return markPrefix + hex.EncodeToString(m.topic[:]) + " " + m.note }

// parseMark reads what String wrote; metadata of anybody else says nothing.
func parseMark(s string) mark {
	rest, ok := strings.CutPrefix(s, markPrefix)
	id, note, spaced := strings.Cut(rest, " ")
	b, err := hex.DecodeString(id)
	if !ok || !spaced || err != nil || len(b) != 16 {
		return mark{}
	}
	return mark{[16]byte(b), note}
}

// mark is what to commit beside the offset of a partition now.
func (r *runner) mark(tp TopicPartition) *string {
	m := mark{topic: r.topics[tp.Topic].id}
	if noter, ok := r.o.Role.(Noter); ok {
		m.note = noter.Note(tp)
	}
	return new(m.String())
}

// marked finds what the last commit put beside a partition's offset. Newer brokers name topics by id only.
func (r *runner) marked(tp TopicPartition) mark {
	if r.fetched == nil {
		return mark{}
	}
	for i := range r.fetched.Groups {
		for _, t := range r.fetched.Groups[i].Topics {
			if !r.names(&t, tp.Topic) {
				continue
			}
			for _, p := range t.Partitions {
				if p.Partition == tp.Partition && p.Metadata != nil {
					return parseMark(*p.Metadata)
				}
			}
		}
	}
	return mark{}
}

func (r *runner) names(t *kmsg.OffsetFetchResponseGroupTopic, topic string) bool {
	return t.Topic == topic || t.Topic == "" && t.TopicID == r.topics[topic].id
}
