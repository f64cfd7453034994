package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Names of the internal topics.
const (
	TopicPlans      = "plumbline.plans"
	TopicFragments  = "plumbline.fragments"
	TopicJoins      = "plumbline.joins"
	TopicPanes      = "plumbline.panes"
	TopicFindings   = "plumbline.findings"
	TopicIncidents  = "plumbline.incidents"
	TopicQuarantine = "plumbline.quarantine"
	TopicChanges    = "plumbline.changes"
)

const (
	day = 24 * time.Hour

	// Fragments are needed until every detector folded them, which takes seconds; a week survives a long outage.
	fragmentsRetention = 7 * day
	// Joins must outlive the longest time a prediction waits for its outcome, plus the delay of arrival (ArrivalSlack): this
	// is enough for contracts that wait up to 30 days. One that waits longer needs a longer retention.ms on the topic, which
	// CreateTopics gives it.
	joinsRetention = 60 * day
	// Findings and quarantined events are read by people and pipelines, who may be away for a month.
	findingsRetention   = 90 * day
	quarantineRetention = 30 * day

	// compactionLag bounds what a restore has to read beyond the live keys. The active segment is never compacted, so
	// segments must roll as often.
	compactionLag = time.Hour

	// How long a created topic may take to show up, and how often to look.
	visibleWithin = 30 * time.Second
	visibleCheck  = 100 * time.Millisecond
)

// Layout is the number of partitions of the internal topics that have more than one. It is fixed for the life of an
// installation: outputs are partitioned by hand, and panes and findings have the partitions of their fragments.
type Layout struct {
	Fragments int // partitions of fragments, panes and findings; at least 1
	Joins     int // partitions of joins; at least 1
}

// DefaultLayout is the layout of a real installation. Twenty partitions go evenly to 2, 4, 5 and 10 detectors, and nearly to others:
// 1,000 models over ten leave the busiest with less than 1.3 times the mean (docs/benchmarks.md).
func DefaultLayout() Layout { return Layout{Fragments: 20, Joins: 8} }

func (l Layout) validate() error {
	var errs []error
	if l.Fragments < 1 {
		errs = append(errs, fmt.Errorf("layout: fragments: %d partitions, must be at least 1", l.Fragments))
	}
	if l.Joins < 1 {
		errs = append(errs, fmt.Errorf("layout: joins: %d partitions, must be at least 1", l.Joins))
	}
	return errors.Join(errs...)
}

// A topicSpec is what EnsureTopics creates.
type topicSpec struct {
	name       string
	partitions int
	configs    map[string]string
}

func (l Layout) specs(replication int16) []topicSpec {
	specs := []topicSpec{
		{TopicPlans, 1, kept()},
		{TopicFragments, l.Fragments, deleted(fragmentsRetention)},
		{TopicJoins, l.Joins, deleted(joinsRetention)},
		{TopicPanes, l.Fragments, compacted()},
		{TopicFindings, l.Fragments, deleted(findingsRetention)},
		{TopicIncidents, 1, compacted()},
		{TopicQuarantine, 1, deleted(quarantineRetention)},
		{TopicChanges, 1, deleted(findingsRetention)},
	}
	for _, s := range specs {
		if s.name == TopicJoins {
			// Rows carry event times, which may lie years back; retention has to count from the time of arrival.
			s.configs["message.timestamp.type"] = "LogAppendTime"
		}
		if replication >= 3 {
			s.configs["min.insync.replicas"] = "2"
		}
	}
	return specs
}

func deleted(retention time.Duration) map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": millis(retention)}
}

// kept is for what is only added to. Compaction would let the last plan with a key win, and the first one counts.
func kept() map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
}

func compacted() map[string]string {
	return map[string]string{
		"cleanup.policy":            "compact",
		"max.compaction.lag.ms":     millis(compactionLag),
		"segment.ms":                millis(compactionLag),
		"min.cleanable.dirty.ratio": "0.1",
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// EnsureTopics creates the internal topics that are missing, waits until the cluster shows all of them, and verifies their
// partition counts; the error names each wrong topic, the count it has and the count it should have. Retention and
// compaction of existing topics are left as they are: they may have been changed on purpose. A replication of -1 means the
// broker's default.
func EnsureTopics(ctx context.Context, adm *kadm.Client, l Layout, replication int16) error {
	if err := l.validate(); err != nil {
		return err
	}
	specs := l.specs(replication)
	missing, err := verify(ctx, adm, specs)
	if err != nil || len(missing) == 0 {
		return err
	}
	var errs []error
	for _, s := range missing {
		errs = append(errs, createTopic(ctx, adm, s, replication))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// Metadata lags behind the creation, also behind another process's, whose layout may differ.
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	for {
		missing, err = verify(ctx, adm, specs)
		if err != nil || len(missing) == 0 {
			return err
		}
		sleep(ctx, visibleCheck)
		if ctx.Err() != nil {
			return fmt.Errorf("create topic %s: it does not show up: %w", missing[0].name, ctx.Err())
		}
	}
}

// verify returns the topics that don't exist, or what is wrong with those that do.
func verify(ctx context.Context, adm *kadm.Client, specs []topicSpec) (missing []topicSpec, err error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	have, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list internal topics: %w", err)
	}
	var errs []error
	for _, s := range specs {
		detail, ok := have[s.name]
		switch {
		case !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
			missing = append(missing, s)
		case detail.Err != nil:
			errs = append(errs, fmt.Errorf("describe topic %s: %w", s.name, detail.Err))
		default:
			errs = append(errs, verifyCount(s, len(detail.Partitions)))
		}
	}
	return missing, errors.Join(errs...)
}

func createTopic(ctx context.Context, adm *kadm.Client, s topicSpec, replication int16) error {
	configs := make(map[string]*string, len(s.configs))
	for k, v := range s.configs {
		configs[k] = &v
	}
	_, err := adm.CreateTopic(ctx, int32(s.partitions), replication, configs, s.name)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", s.name, err)
	}
	return nil
}

func verifyCount(s topicSpec, has int) error {
	if has == s.partitions {
		return nil
	}
	return fmt.Errorf("verify topic %s: it has %d partitions and should have %d; the layout of an installation is fixed, "+
		"so either set the layout to what the topics have or migrate to new topics", s.name, has, s.partitions)
}

// InternalTopics returns the names of all internal topics, sorted.
func InternalTopics() []string {
	var names []string
	for _, s := range DefaultLayout().specs(1) {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// PartitionOf returns the partition of key among n: FNV-1a (64 bit, offset basis 14695981039346656037, prime
// 1099511628211) over the bytes of key, then the 64-bit finaliser of MurmurHash3 (Appleby 2011), modulo n. The finaliser
// is there because the low bits of FNV-1a depend on the low bits of the input only. The function is part of the stored
// format: it must never change. It returns 0 when n < 2.
func PartitionOf(key string, n int) int32 {
	if n < 2 {
		return 0
	}
	h := uint64(14695981039346656037)
	for i := range len(key) {
		h ^= uint64(key[i])
		h *= 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return int32(h % uint64(n))
}
