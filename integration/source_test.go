//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Events that expired while the ingestor was down are lost. That is said, with the very offsets; the rest is counted.
func TestRetentionAteUnreadEvents(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	in.slice(3)
	s.settle()
	if code := s.runs[ingestor].stop(t); code != 0 {
		t.Fatalf("the ingestor ends with %d", code)
	}
	delete(s.runs, ingestor)
	from := s.ends(predictions)[0]
	in.slice(3)
	to := s.ends(predictions)[0] - 100
	if to <= from {
		t.Fatalf("partition 0 goes from %d to %d: too few events to lose some", from, to+100)
	}
	s.deleteBefore(predictions, 0, to)
	s.start(ingestor)
	in.rest()
	s.settle()

	lost := int64(0)
	for _, c := range s.coverage(predictions) {
		if c.Lost {
			lost += c.To - c.From
			if c.Partition != 0 || c.From != from || c.To != to {
				t.Errorf("lost is [%d, %d) of partition %d, should be [%d, %d) of 0", c.From, c.To, c.Partition, from, to)
			}
		}
	}
	if lost != to-from {
		t.Errorf("%d offsets are told as lost, should be %d", lost, to-from)
	}
	s.tiles(predictions, to-from)
	s.tiles(outcomes, 0)
	told := s.coverageFindings(window.Lost)
	if len(told) != 1 || told[0].Subject != predictions+"/0" || float64(told[0].Value) != float64(to-from) || told[0].Offsets[predictions]["0"] != [2]int64{from, to - 1} {
		t.Errorf("findings on lost offsets are %+v, want one on %s/0 with [%d, %d)", told, predictions, from, to)
	}
}

// What a detector that is away for too long doesn't get to read is missing from its counts, and it says so.
func TestRetentionAteUnreadFragments(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	in.slice(3)
	s.settle()
	s.runs[detector].stop(t)
	delete(s.runs, detector)
	in.slice(3)
	s.reached(in.sent.Load())
	p := bus.PartitionOf(model, bus.DefaultLayout().Fragments)
	s.deleteBefore(bus.TopicFragments, p, s.ends(bus.TopicFragments)[p])
	s.start(detector)
	in.rest()
	s.settle()
	missing := float64(0)
	for _, f := range s.coverageFindings(window.Gap) {
		missing += float64(f.Value)
	}
	if want := float64(share(3)); missing != want {
		t.Errorf("%v events are told as missing, should be %v", missing, want)
	}
}

// New partitions are read from their beginning, while the services run.
func TestMorePartitions(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	in.slice(3)
	s.settle()
	if _, err := s.adm.UpdatePartitions(t.Context(), sourcePartitions+2, predictions, outcomes); err != nil {
		t.Fatal(err)
	}
	in.count = sourcePartitions + 2
	until(t, "the brokers show the new partitions", func(ctx context.Context) error {
		topics, err := s.adm.ListTopics(ctx, predictions, outcomes)
		if err != nil {
			return err
		}
		for _, d := range topics {
			if len(d.Partitions) != sourcePartitions+2 {
				return fmt.Errorf("%s has %d", d.Topic, len(d.Partitions))
			}
		}
		return nil
	})
	s.cl.ForceMetadataRefresh()
	in.slice(3) // before the ingestor knows of them
	s.settle()
	in.rest()
	s.settle()
	s.tiles(predictions, 0)
	s.tiles(outcomes, 0)
	for _, topic := range []string{predictions, outcomes} {
		first := map[int32]int64{}
		for _, c := range s.coverage(topic) {
			if _, known := first[c.Partition]; !known {
				first[c.Partition] = c.From
			}
		}
		if len(first) != sourcePartitions+2 {
			t.Errorf("%s: %d partitions were read, there are %d", topic, len(first), sourcePartitions+2)
		}
		for p, from := range first {
			if from != 0 {
				t.Errorf("%s/%d was read from %d, should be from 0", topic, p, from)
			}
		}
	}
}

// A topic that was deleted and created again starts over at offset 0. Counts before and after don't belong together: that is
// a finding. The new topic is read whole, and nobody is caught in a loop of restarts.
func TestTopicCreatedAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		down   bool
		offset int64 // committed for the new topic by somebody who meant the old one; 0: none
	}{
		{"while the ingestor is down", true, 0},
		{"while everything runs", false, 0},
		{"and the old offsets are still there", true, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fresh(t)
			in := newStream(t, s)
			s.apply(contractFile())
			s.startAll()
			in.slice(3)
			s.settle()
			before := s.covered(predictions)
			if c.down {
				s.runs[ingestor].stop(t)
				delete(s.runs, ingestor)
			}
			s.again(predictions)
			if c.offset > 0 {
				in.ahead(predictions, 10_000)
				s.commit(s.prefix+"-ingest", predictions, c.offset)
			}
			if c.down {
				s.start(ingestor)
			}
			in.ahead(predictions, 1000) // no other topic has news that would wake anybody
			s.settle()
			in.slice(3)
			s.settle()
			in.rest()
			s.settle()

			told := map[string]int{}
			for _, f := range s.coverageFindings(window.Recreated) {
				told[f.Subject]++
				if f.Verdict != finding.Fault || float64(f.Value) != float64(c.offset) {
					t.Errorf("finding %+v, should be a fault of %d offsets", f, c.offset)
				}
			}
			if want := map[string]int{predictions + "/0": 1, predictions + "/1": 1, predictions + "/2": 1}; !maps.Equal(told, want) {
				t.Errorf("findings say that these were created again: %v, should be %v", told, want)
			}
			total := int64(0)
			for _, end := range s.ends(predictions) {
				total += end
			}
			total -= sourcePartitions * c.offset // told to be missing
			if got := s.covered(predictions) - before; got != total {
				t.Errorf("%d events of the new topic are counted, should be %d", got, total)
			}
			s.tiles(outcomes, 0)
			n := len(s.said("stopped, starting again"))
			t.Logf("services started over %d times", n)
			if n > 10 {
				t.Errorf("services started over %d times:\n%s", n, s.said("stopped, starting again")[n-1])
			}
		})
	}
}

// again deletes a topic and creates it anew.
func (s *system) again(topic string) {
	s.t.Helper()
	if _, err := s.adm.DeleteTopics(s.t.Context(), topic); err != nil {
		s.t.Fatal(err)
	}
	until(s.t, topic+" is gone", func(ctx context.Context) error {
		topics, err := s.adm.ListTopics(ctx, topic)
		if err == nil && topics.Has(topic) {
			err = errors.New("it is there")
		}
		return err
	})
	s.createTopic(topic, sourcePartitions)
	s.cl.PurgeTopicsFromClient(topic) // or the producer would go on for the old one
}

// commit sets a group's offsets on every partition of a topic.
func (s *system) commit(group, topic string, offset int64) {
	s.t.Helper()
	offsets := kadm.Offsets{}
	for p := range s.ends(topic) {
		offsets.AddOffset(topic, p, offset, -1)
	}
	// A static member that left counts as a member until its session times out.
	until(s.t, "the group is empty", func(ctx context.Context) error { return s.adm.CommitAllOffsets(ctx, group, offsets) })
}

func (s *system) ends(topic string) map[int32]int64 {
	s.t.Helper()
	listed, err := s.adm.ListEndOffsets(s.t.Context(), topic)
	if err = errors.Join(err, listed.Error()); err != nil {
		s.t.Fatal(err)
	}
	out := map[int32]int64{}
	listed.Each(func(l kadm.ListedOffset) { out[l.Partition] = l.Offset })
	return out
}

func (s *system) deleteBefore(topic string, partition int32, offset int64) {
	s.t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, offset, -1)
	deleted, err := s.adm.DeleteRecords(s.t.Context(), offsets)
	if err = errors.Join(err, deleted.Error()); err != nil {
		s.t.Fatal(err)
	}
}

// covered is how many events of a topic fragments account for.
func (s *system) covered(topic string) (records int64) {
	s.t.Helper()
	for _, c := range s.coverage(topic) {
		records += c.Records
	}
	return records
}

// tiles checks that the coverage of a topic, which was created once, accounts for every offset from 0 to its end exactly
// once, and for as many events as there are offsets less the lost ones.
func (s *system) tiles(topic string, lost int64) {
	s.t.Helper()
	next, records, total := map[int32]int64{}, int64(0), int64(0)
	var last record.Coverage
	for _, c := range s.coverage(topic) {
		if c.From != next[c.Partition] {
			s.t.Errorf("%s/%d: coverage goes on at %d after %d (%+v)", topic, c.Partition, c.From, next[c.Partition], c)
		}
		next[c.Partition] = c.To
		records += c.Records
		last = c
	}
	for p, end := range s.ends(topic) {
		total += end
		if next[p] != end {
			s.t.Errorf("%s/%d: offsets up to %d are accounted for, there are %d; last %+v", topic, p, next[p], end, last)
		}
	}
	if records != total-lost {
		s.t.Errorf("%s: %d events are counted, should be %d less %d lost", topic, records, total, lost)
	}
}

// coverageFindings are the findings on offsets that are not accounted for once, of one kind.
func (s *system) coverageFindings(kind window.ProblemKind) (out []finding.Finding) {
	s.t.Helper()
	for _, body := range s.read(bus.TopicFindings) {
		var f finding.Finding
		if err := json.Unmarshal(data(s.t, body), &f); err != nil {
			s.t.Fatal(err)
		}
		if f.Channel != "coverage" {
			continue
		}
		if f.Metric == "offsets_"+string(kind) {
			out = append(out, f)
		} else {
			s.t.Errorf("a finding that nobody expects: %s %s %v", f.Metric, f.Subject, f.Offsets)
		}
	}
	return out
}
