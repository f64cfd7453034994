package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// TopicOptions say how the internal topics should be.
type TopicOptions struct {
	Layout      Layout
	Replication int16         // -1: the broker's default
	Keep        time.Duration // the longest that any contract lets a prediction wait for its outcome; 0: none is known
}

// ArrivalSlack is how much later than by its event time an outcome may arrive and still find its prediction after the join
// index was lost: joins are kept that much longer than the longest keep.
const ArrivalSlack = 30 * day

// TopicState is how one internal topic stands.
type TopicState struct {
	Name        string            `json:"topic"`
	Exists      bool              `json:"exists"`
	Made        bool              `json:"made"` // by this call
	Partitions  int               `json:"partitions"`
	Replication int               `json:"replication"` // replicas of the partition that has fewest; -1: the broker's default
	Config      map[string]string `json:"config"`      // of the settings that matter to the topic
	Differs     []TopicDifference `json:"differs,omitempty"`
}

// TopicDifference is one thing about a topic that is not as it should be.
type TopicDifference struct {
	Setting string `json:"setting"` // partitions, replication, or a topic's configuration key
	Has     string `json:"has"`
	Right   string `json:"right"` // what would be right
	Why     string `json:"why"`
	Wrong   bool   `json:"wrong"` // the services refuse it, or it loses data
}

// InspectTopics compares the internal topics with what they should be, and changes nothing. A topic that doesn't exist is
// shown as it would be made.
func InspectTopics(ctx context.Context, adm *kadm.Client, o TopicOptions) ([]TopicState, error) {
	if err := o.Layout.validate(); err != nil {
		return nil, err
	}
	return inspect(ctx, adm, o, o.specs(ctx, adm))
}

// CreateTopics makes the internal topics that are missing and then compares all of them with what they should be. What exists
// is left as it is.
func CreateTopics(ctx context.Context, adm *kadm.Client, o TopicOptions) ([]TopicState, error) {
	if err := o.Layout.validate(); err != nil {
		return nil, err
	}
	specs := o.specs(ctx, adm)
	before, err := inspect(ctx, adm, o, specs)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i, t := range before {
		if !t.Exists {
			errs = append(errs, createTopic(ctx, adm, specs[i], o.Replication))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	for {
		after, err := inspect(ctx, adm, o, specs)
		if err != nil {
			return nil, err
		}
		missing := ""
		for i := range after {
			if after[i].Made = !before[i].Exists; !after[i].Exists {
				missing = after[i].Name
			}
		}
		if missing == "" {
			return after, nil
		}
		sleep(ctx, visibleCheck)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("create topic %s: it does not show up: %w", missing, ctx.Err())
		}
	}
}

// specs are those of EnsureTopics, with joins kept as long as the contracts need them, and with the brokers' own default where
// the replication is left to them: three replicas want two in sync.
func (o TopicOptions) specs(ctx context.Context, adm *kadm.Client) []topicSpec {
	replication := o.Replication
	if replication < 0 {
		replication = defaultReplication(ctx, adm)
	}
	specs := o.Layout.specs(replication)
	for _, s := range specs {
		if s.name == TopicJoins {
			s.configs["retention.ms"] = millis(max(joinsRetention, o.Keep+ArrivalSlack))
		}
	}
	return specs
}

// defaultReplication is what the brokers make of -1; -1 where they don't say.
func defaultReplication(ctx context.Context, adm *kadm.Client) int16 {
	brokers, err := adm.ListBrokers(ctx)
	if err != nil || len(brokers) == 0 {
		return -1
	}
	configs, err := adm.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err != nil || len(configs) == 0 {
		return -1
	}
	has := settingsOf(configs[0])
	n, err := strconv.ParseInt(has["default.replication.factor"], 10, 16)
	if err != nil {
		return -1
	}
	return int16(min(n, int64(len(brokers))))
}

func settingsOf(r kadm.ResourceConfig) map[string]string {
	out := map[string]string{}
	for _, c := range r.Configs {
		if c.Value != nil {
			out[c.Key] = *c.Value
		}
	}
	return out
}

func inspect(ctx context.Context, adm *kadm.Client, o TopicOptions, specs []topicSpec) ([]TopicState, error) {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	have, err := adm.ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("list internal topics: %w", err)
	}
	out := make([]TopicState, len(specs))
	var there []string
	for i, s := range specs {
		detail, ok := have[s.name]
		out[i] = TopicState{Name: s.name, Partitions: s.partitions, Replication: int(o.Replication), Config: s.configs}
		switch {
		case !ok || errors.Is(detail.Err, kerr.UnknownTopicOrPartition):
			continue
		case detail.Err != nil:
			return nil, fmt.Errorf("describe topic %s: %w", s.name, detail.Err)
		}
		out[i].Exists, out[i].Partitions, out[i].Replication = true, len(detail.Partitions), detail.Partitions.NumReplicas()
		there = append(there, s.name)
	}
	if len(there) == 0 {
		return out, nil
	}
	has, err := configurations(ctx, adm, there)
	if err != nil {
		return nil, err
	}
	for i, s := range specs {
		if out[i].Exists {
			out[i].compare(s, o, has[s.name])
		}
	}
	return out, nil
}

// configurations are the settings of topics that exist. A topic that was made a moment ago is not known to every broker yet, and any
// of them may be the one that is asked.
func configurations(ctx context.Context, adm *kadm.Client, names []string) (map[string]map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, visibleWithin)
	defer cancel()
	for {
		described, err := adm.DescribeTopicConfigs(ctx, names...)
		if err != nil {
			return nil, fmt.Errorf("describe the configuration of internal topics: %w", err)
		}
		out := make(map[string]map[string]string, len(names))
		for _, name := range names {
			r, failed := described.On(name, nil)
			if failed == nil {
				failed = r.Err
			}
			if failed != nil {
				err = errors.Join(err, fmt.Errorf("describe the configuration of topic %s: %w", name, failed))
				continue
			}
			out[name] = settingsOf(r)
		}
		if !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return out, err
		}
		sleep(ctx, visibleCheck)
		if ctx.Err() != nil {
			return nil, err
		}
	}
}
