package bus

import (
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"pgregory.net/rapid"
)

func newEmbedded(t *testing.T) *Embedded {
	t.Helper()
	e, err := StartEmbedded(EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func newAdmin(t *testing.T, e *Embedded) *kadm.Client {
	t.Helper()
	cl, err := e.Settings().NewClient(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

func TestEnsureTopics(t *testing.T) {
	adm := newAdmin(t, newEmbedded(t))
	small := Layout{Fragments: 2, Joins: 3}
	for range 2 { // the second time everything is there
		if err := EnsureTopics(t.Context(), adm, small, 1); err != nil {
			t.Fatal(err)
		}
	}
	have, err := adm.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"plumbline.plans": 1, "plumbline.fragments": 2, "plumbline.joins": 3, "plumbline.panes": 2,
		"plumbline.findings": 2, "plumbline.incidents": 1, "plumbline.quarantine": 1, "plumbline.changes": 1,
	}
	if len(have) != len(want) || len(InternalTopics()) != len(want) {
		t.Errorf("topics: %v, listed as internal: %v", have.Names(), InternalTopics())
	}
	for name, n := range want {
		if got := len(have[name].Partitions); got != n {
			t.Errorf("%s has %d partitions, want %d", name, got, n)
		}
		if !slices.Contains(InternalTopics(), name) {
			t.Errorf("%s is not listed as internal", name)
		}
	}
	configs, err := adm.DescribeTopicConfigs(t.Context(), "plumbline.joins", "plumbline.panes", "plumbline.plans", "plumbline.incidents", "plumbline.fragments")
	if err != nil {
		t.Fatal(err)
	}
	get := func(topic, key string) string {
		rc, err := configs.On(topic, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rc.Configs {
			if c.Key == key {
				return c.MaybeValue()
			}
		}
		return ""
	}
	if got := get("plumbline.joins", "message.timestamp.type"); got != "LogAppendTime" {
		t.Errorf("joins: message.timestamp.type=%s", got)
	}
	for _, topic := range []string{"plumbline.panes", "plumbline.incidents"} {
		if got := get(topic, "cleanup.policy"); got != "compact" {
			t.Errorf("%s: cleanup.policy=%s", topic, got)
		}
	}
	if policy, ms := get("plumbline.plans", "cleanup.policy"), get("plumbline.plans", "retention.ms"); policy != "delete" || ms != "-1" {
		t.Errorf("plans: cleanup.policy=%s, retention.ms=%s", policy, ms)
	}
	if got := get("plumbline.fragments", "retention.ms"); got != "604800000" {
		t.Errorf("fragments: retention.ms=%s, want 7 days", got)
	}
}

func TestEnsureTopicsRefusesAnotherLayout(t *testing.T) {
	adm := newAdmin(t, newEmbedded(t))
	if err := EnsureTopics(t.Context(), adm, Layout{Fragments: 2, Joins: 2}, 1); err != nil {
		t.Fatal(err)
	}
	err := EnsureTopics(t.Context(), adm, Layout{Fragments: 4, Joins: 2}, 1)
	for _, topic := range []string{"plumbline.fragments", "plumbline.panes", "plumbline.findings"} {
		if want := topic + ": it has 2 partitions and should have 4"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "joins") {
		t.Errorf("error %v names joins, which is right", err)
	}
	if err := EnsureTopics(t.Context(), adm, Layout{}, 1); err == nil {
		t.Error("an empty layout was accepted")
	}
}

var partitionGolden = map[string]int32{
	"":                  6,
	"a":                 3,
	"credit":            1,
	"electricity-price": 0,
	"fraud-v2":          0,
	"m\u00fcnchen":      3,
}

// The stored data depends on these numbers: they were computed once, with another implementation, and must stay.
func TestPartitionOfIsStable(t *testing.T) {
	for key, want := range partitionGolden {
		if got := PartitionOf(key, 8); got != want {
			t.Errorf("PartitionOf(%q, 8) = %d, want %d", key, got, want)
		}
	}
}

func TestPartitionOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, n := rapid.String().Draw(t, "key"), rapid.IntRange(-1, 100).Draw(t, "n")
		h := fnv.New64a()
		_, _ = h.Write([]byte(key))
		x := h.Sum64()
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		x *= 0xc4ceb9fe1a85ec53
		x ^= x >> 33
		want := int32(0)
		if n > 1 {
			want = int32(x % uint64(n))
		}
		if got := PartitionOf(key, n); got != want {
			t.Fatalf("PartitionOf(%q, %d) = %d, want %d", key, n, got, want)
		}
	})
	// Names as people give them must spread.
	var counts [8]int
	for i := range 8000 {
		counts[PartitionOf("model-"+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676)), 8)]++
	}
	for p, n := range counts {
		if n < 850 || n > 1150 { // 1000 expected, standard deviation 30
			t.Errorf("partition %d got %d of 8000 keys", p, n)
		}
	}
}
