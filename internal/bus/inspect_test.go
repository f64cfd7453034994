package bus

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func layoutOptions() TopicOptions {
	return TopicOptions{Layout: Layout{Fragments: 2, Joins: 3}, Replication: 1, Keep: 45 * day}
}

// Topics that are missing are shown as they would be made, then made, then right; the services take them.
func TestCreateTopics(t *testing.T) {
	adm := newAdmin(t, newEmbedded(t))
	o := layoutOptions()
	shown, err := InspectTopics(t.Context(), adm, o)
	if err != nil {
		t.Fatal(err)
	}
	made, err := CreateTopics(t.Context(), adm, o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := CreateTopics(t.Context(), adm, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range made {
		if shown[i].Exists || !made[i].Exists || !made[i].Made || !again[i].Exists || again[i].Made {
			t.Errorf("%s: shown %+v, made %+v, then %+v", made[i].Name, shown[i], made[i], again[i])
		}
		if len(again[i].Differs) > 0 || shown[i].Partitions != made[i].Partitions {
			t.Errorf("%s: %+v, shown with %d partitions", made[i].Name, again[i], shown[i].Partitions)
		}
		for key, v := range shown[i].Config {
			if has, told := again[i].Config[key]; told && has != v {
				t.Errorf("%s: %s is %s, was to be %s", made[i].Name, key, has, v)
			}
		}
		if made[i].Name == TopicJoins && made[i].Config["retention.ms"] != "6480000000" { // 45 d and 30 d
			t.Errorf("joins are kept %s ms", made[i].Config["retention.ms"])
		}
	}
	if len(made) != len(InternalTopics()) {
		t.Errorf("%d topics, want %d", len(made), len(InternalTopics()))
	}
	if err := EnsureTopics(t.Context(), adm, o.Layout, 1); err != nil {
		t.Error(err)
	}
}

// A broker that hasn't heard yet of a topic made a moment ago is asked again.
func TestInspectTopicsOfABrokerThatLags(t *testing.T) {
	e := newEmbedded(t)
	adm := newAdmin(t, e)
	fault := e.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: TopicQuarantine, Err: kerr.UnknownTopicOrPartition, Count: 2})
	made, err := CreateTopics(t.Context(), adm, layoutOptions())
	if err != nil {
		t.Fatal(err)
	}
	if n := fault.Hits(); n != 2 || len(made) != len(InternalTopics()) {
		t.Errorf("%d topics, %d refusals", len(made), n)
	}
}

// What is wrong, what only differs, and what is no difference.
func TestInspectTopics(t *testing.T) {
	const hour = "3600000"
	for name, c := range map[string]struct {
		topic      string
		partitions int32
		config     map[string]string
		setting    string // that differs; "" none
		right      string
		wrong      bool
	}{
		"as made":              {TopicFragments, 2, map[string]string{"retention.ms": "604800000"}, "", "", false},
		"kept longer":          {TopicFragments, 2, map[string]string{"retention.ms": "-1"}, "", "", false},
		"partitions":           {TopicFragments, 4, nil, "partitions", "2", true},
		"one partition":        {TopicPlans, 2, map[string]string{"retention.ms": "-1"}, "partitions", "1", true},
		"plans compacted":      {TopicPlans, 1, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"}, "cleanup.policy", "delete", true},
		"plans expire":         {TopicPlans, 1, map[string]string{"retention.ms": hour}, "retention.ms", "-1", true},
		"kept an hour":         {TopicFragments, 2, map[string]string{"retention.ms": hour}, "retention.ms", "604800000", true},
		"kept two days":        {TopicFragments, 2, map[string]string{"retention.ms": "172800000"}, "retention.ms", "604800000", false},
		"findings":             {TopicFindings, 2, map[string]string{"retention.ms": hour}, "retention.ms", "7776000000", false},
		"state deleted":        {TopicPanes, 2, map[string]string{"segment.ms": hour}, "cleanup.policy", "compact", true},
		"state deleted, too":   {TopicPanes, 2, map[string]string{"cleanup.policy": "compact,delete", "segment.ms": hour}, "cleanup.policy", "compact", true},
		"fragments compacted":  {TopicFragments, 2, map[string]string{"cleanup.policy": "compact"}, "cleanup.policy", "delete", true},
		"segments never roll":  {TopicPanes, 2, map[string]string{"cleanup.policy": "compact"}, "segment.ms", hour, false},
		"by size":              {TopicFragments, 2, map[string]string{"retention.bytes": "1000000"}, "retention.bytes", "-1", true},
		"small records":        {TopicIncidents, 1, map[string]string{"cleanup.policy": "compact", "segment.ms": hour, "max.message.bytes": "1000"}, "max.message.bytes", "1048576", true},
		"joins by event time":  {TopicJoins, 3, map[string]string{"retention.ms": "6480000000"}, "message.timestamp.type", "LogAppendTime", true},
		"joins kept too short": {TopicJoins, 3, map[string]string{"retention.ms": "6479999999", "message.timestamp.type": "LogAppendTime"}, "retention.ms", "6480000000", true},
		"insync":               {TopicFindings, 2, map[string]string{"retention.ms": "-1", "min.insync.replicas": "2"}, "min.insync.replicas", "1", true},
	} {
		t.Run(name, func(t *testing.T) {
			adm := newAdmin(t, newEmbedded(t))
			configs := map[string]*string{}
			for k, v := range c.config {
				configs[k] = &v
			}
			if _, err := adm.CreateTopic(t.Context(), c.partitions, 1, configs, c.topic); err != nil {
				t.Fatal(err)
			}
			topics, err := InspectTopics(t.Context(), adm, layoutOptions())
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(topics, func(s TopicState) bool { return s.Name == c.topic })
			got := topics[at]
			if c.setting == "" {
				if len(got.Differs) > 0 {
					t.Errorf("differs: %+v", got.Differs)
				}
				return
			}
			if len(got.Differs) != 1 || got.Wrong() != c.wrong {
				t.Fatalf("wrong %v, differs %+v", got.Wrong(), got.Differs)
			}
			if d := got.Differs[0]; d.Setting != c.setting || d.Right != c.right || d.Why == "" || d.Has == d.Right {
				t.Errorf("%+v, want %s to be %s", d, c.setting, c.right)
			}
		})
	}
}

// Replicas and what must be in sync, as brokers tell it.
func TestCompareReplicas(t *testing.T) {
	spec := Layout{Fragments: 2, Joins: 2}.specs(3)[1]
	for name, c := range map[string]struct {
		replicas, wanted int
		insync           string
		setting          string
		wrong            bool
	}{
		"as it should be":   {3, 3, "2", "", false},
		"the broker's own":  {1, -1, "1", "", false},
		"fewer":             {2, 3, "2", "replication", true},
		"more":              {3, 2, "2", "replication", false},
		"one in sync":       {3, -1, "1", "min.insync.replicas", true},
		"more than are":     {3, 3, "4", "min.insync.replicas", true},
		"the broker is mum": {3, 3, "", "", false},
	} {
		s := TopicState{Name: spec.name, Partitions: 2, Replication: c.replicas}
		has := map[string]string{"cleanup.policy": "delete", "retention.ms": "604800000"}
		if c.insync != "" {
			has["min.insync.replicas"] = c.insync
		}
		s.compare(spec, TopicOptions{Replication: int16(c.wanted)}, has)
		if got := len(s.Differs) == 0; got != (c.setting == "") {
			t.Errorf("%s: %+v", name, s.Differs)
		} else if !got && (s.Differs[0].Setting != c.setting || s.Wrong() != c.wrong) {
			t.Errorf("%s: %+v", name, s.Differs)
		}
	}
}
