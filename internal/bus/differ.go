package bus

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the services write in one request at most: states are cut at 512 KiB, and a batch has a head.
const largestBatch = 1 << 20

// compare fills Config and Differs of a topic that exists. What the broker doesn't say is not compared.
func (t *TopicState) compare(s topicSpec, o TopicOptions, has map[string]string) {
	t.Config = map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(has)) {
		if _, set := s.configs[key]; set || key == "min.insync.replicas" || key == "max.message.bytes" || key == "retention.bytes" {
			t.Config[key] = has[key]
		}
	}
	if t.Partitions != s.partitions {
		t.differs("partitions", strconv.Itoa(t.Partitions), strconv.Itoa(s.partitions), true,
			"the services refuse to start on another layout: set kafka.fragments_partitions and kafka.joins_partitions to what the topics have, or move to new topics")
	}
	if o.Replication > 0 && t.Replication != int(o.Replication) {
		t.differs("replication", strconv.Itoa(t.Replication), strconv.Itoa(int(o.Replication)), t.Replication < int(o.Replication),
			"fewer replicas than kafka.replication_factor asks for survive fewer brokers")
	}
	t.comparePolicy(s, o, has)
	t.compareWrites(has)
	for _, c := range []struct{ key, why string }{
		{"max.compaction.lag.ms", "a restart reads what is not compacted yet"},
		{"segment.ms", "the active segment is never compacted, so segments must roll as often as compaction should run"},
	} {
		if s.configs[c.key] != "" && has[c.key] != "" && number(has[c.key]) > number(s.configs[c.key]) {
			t.differs(c.key, has[c.key], s.configs[c.key], false, c.why)
		}
	}
	const ratio = "min.cleanable.dirty.ratio"
	if wanted, err := strconv.ParseFloat(s.configs[ratio], 64); err == nil {
		if v, err := strconv.ParseFloat(has[ratio], 64); err == nil && v > wanted {
			t.differs(ratio, has[ratio], s.configs[ratio], false, "compaction waits until that share of the log is old")
		}
	}
}

// comparePolicy compares what the brokers throw away.
func (t *TopicState) comparePolicy(s topicSpec, o TopicOptions, has map[string]string) {
	const policy, retention, size = "cleanup.policy", "retention.ms", "retention.bytes"
	if v := has[policy]; v != "" && v != s.configs[policy] {
		why := "compaction keeps the last record of each key, and every record of this topic counts"
		if s.configs[policy] == "compact" {
			why = "the state that services restart from would be deleted by age"
		}
		t.differs(policy, v, s.configs[policy], true, why)
	}
	if v := has["message.timestamp.type"]; s.name == TopicJoins && v != "" && v != "LogAppendTime" {
		t.differs("message.timestamp.type", v, "LogAppendTime", true, "rows carry event times: the retention must count from their arrival, or a replay of old events is deleted at once")
	}
	if s.configs[policy] == "compact" {
		return
	}
	for _, key := range []string{retention, size} {
		if v := has[key]; s.configs[key] == "-1" && v != "" && number(v) >= 0 {
			t.differs(key, v, "-1", true, "what is in force must not expire")
		}
	}
	feeds := s.name == TopicFragments || s.name == TopicJoins // other services read them; findings and quarantine are for people
	if wanted, v := number(s.configs[retention]), has[retention]; v != "" && number(v) >= 0 && number(v) < wanted {
		wrong, why := false, "it was made to be kept longer"
		switch s.name {
		case TopicFragments:
			wrong, why = number(v) < day.Milliseconds(), "a detector that is away for longer than that loses counts"
		case TopicJoins:
			wrong = number(v) < (o.Keep + ArrivalSlack).Milliseconds()
			why = fmt.Sprintf("after a loss of Redis the join is rebuilt from it: it must hold the longest keep of the contracts (%s) and %s for late arrival", days(o.Keep), days(ArrivalSlack))
		}
		t.differs(retention, v, s.configs[retention], wrong, why)
	}
	if v := has[size]; feeds && v != "" && number(v) >= 0 {
		t.differs(size, v, "-1", true, "a limit by size deletes what has not been read, or is still needed, when traffic grows")
	}
}

// compareWrites compares what the brokers accept, and what they keep of it when one of them dies.
func (t *TopicState) compareWrites(has map[string]string) {
	const insync, largest = "min.insync.replicas", "max.message.bytes"
	if v := has[largest]; v != "" && number(v) < largestBatch {
		t.differs(largest, v, strconv.Itoa(largestBatch), true, "the services write up to that much at once, and would be refused")
	}
	n, known := number(has[insync]), has[insync] != ""
	switch {
	case !known:
	case n > int64(t.Replication):
		t.differs(insync, has[insync], strconv.Itoa(max(1, t.Replication-1)), true, "more than there are replicas: every write is refused")
	case n < 2 && t.Replication >= 3:
		t.differs(insync, has[insync], "2", true, "what only one broker has written counts as committed, and is lost with it")
	}
}

func (t *TopicState) differs(setting, has, right string, wrong bool, why string) {
	t.Differs = append(t.Differs, TopicDifference{Setting: setting, Has: has, Right: right, Why: why, Wrong: wrong})
}

// Wrong reports whether the services would refuse the topic, or it loses data.
func (t *TopicState) Wrong() bool {
	return slices.ContainsFunc(t.Differs, func(d TopicDifference) bool { return d.Wrong })
}

// number reads a setting that the brokers have checked; -1 where it is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func days(d time.Duration) string {
	if d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}
