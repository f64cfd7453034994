//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// The three services.
const (
	ingestor = "ingestor"
	detector = "detector"
	alerter  = "alerter"
)

var serial atomic.Int64

// system is one installation: an empty cluster, an empty Redis, and the services as processes.
type system struct {
	t      *testing.T
	cl     *kgo.Client
	adm    *kadm.Client
	redis  *redis.Client
	kafka  bus.Settings
	prefix string // of groups and transactional ids
	ledger string // its URL
	env    []string
	runs   map[string]*process // the latest by name
	logs   []*journal          // of all that ever ran
}

// fresh makes an installation with nothing in it.
func fresh(t *testing.T) *system {
	t.Helper()
	s := &system{
		t: t, prefix: fmt.Sprintf("it%d", serial.Add(1)), kafka: bus.Settings{Brokers: []string{here.kafka}},
		ledger: "sqlite://" + filepath.Join(t.TempDir(), "ledger.db"), runs: map[string]*process{},
	}
	cl, err := s.kafka.NewClient(nil, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	s.cl, s.adm = cl, kadm.NewClient(cl)
	s.clear()
	s.redis = redis.NewClient(&redis.Options{Addr: address(here.redisPort)})
	t.Cleanup(func() { _ = s.redis.Close() })
	if err := s.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	s.env = []string{
		"PLUMBLINE_KAFKA_BROKERS=" + here.kafka, "PLUMBLINE_REGISTRY_URL=" + here.registry,
		"PLUMBLINE_REDIS_ADDRESS=" + address(here.redisPort), "PLUMBLINE_LEDGER_URL=" + s.ledger,
		"PLUMBLINE_HTTP_LISTEN=127.0.0.1:0", "PLUMBLINE_GROUP_PREFIX=" + s.prefix,
		"PLUMBLINE_GROUP_INSTANCE=0", // a restart takes its partitions up at once
		"PLUMBLINE_INGEST_EPOCH=200ms", "PLUMBLINE_INGEST_EPOCH_BYTES=256KiB",
		"PLUMBLINE_INGEST_IDLE_AFTER=1h", // the files have no idle partitions, so the streams have none either
	}
	return s
}

// clear removes all topics, and waits until they are gone.
func (s *system) clear() {
	s.t.Helper()
	until(s.t, "the cluster is empty", func(ctx context.Context) error {
		topics, err := s.adm.ListTopics(ctx)
		if err != nil {
			return err
		}
		if len(topics) == 0 {
			return nil
		}
		_, err = s.adm.DeleteTopics(ctx, topics.Names()...)
		return errors.Join(err, errors.New("there are topics"))
	})
}

func (s *system) createTopic(name string, partitions int32) {
	s.t.Helper()
	forever := "-1" // the events are of 1996
	if _, err := s.adm.CreateTopic(s.t.Context(), partitions, 1, map[string]*string{"retention.ms": &forever}, name); err != nil {
		s.t.Fatal(err)
	}
}

// set changes the environment of what is started from now on.
func (s *system) set(variables ...string) { s.env = append(s.env, variables...) }

// start starts services and waits until they answer.
func (s *system) start(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.runs[name] = launch(s.t, name, s.env)
		s.logs = append(s.logs, s.runs[name].log)
	}
	for _, name := range names {
		until(s.t, name+" answers", func(ctx context.Context) error {
			_, _, err := s.runs[name].get(ctx, "/livez")
			return err
		})
	}
}

func (s *system) startAll() { s.start(ingestor, detector, alerter) }

// restart kills a service without warning and starts it again.
func (s *system) restart(name string) {
	s.t.Helper()
	s.runs[name].kill()
	s.start(name)
}

// run runs plumbline to its end and returns its exit code and output.
func (s *system) run(args ...string) (int, string) {
	s.t.Helper()
	p := launch(s.t, "plumbline", s.env, args...)
	code := p.wait(s.t)
	return code, p.log.String()
}

// apply puts the electricity contract in force, learnt from the file.
func (s *system) apply(contract string) {
	s.t.Helper()
	code, out := s.run("apply", contract, "--data", dataFile(), "--outcome-delay", "30m")
	if code != 0 {
		s.t.Fatalf("apply ends with %d:\n%s", code, out)
	}
}

func contractFile() string {
	return filepath.Join(here.root, "examples", "electricity", "contract.yaml")
}

func dataFile() string {
	return filepath.Join(here.root, "examples", "electricity", "electricity.csv.gz")
}

// alive says which service that should run has ended.
func (s *system) alive() error {
	for name, p := range s.runs {
		if !p.running() {
			return fmt.Errorf("%w: %s has ended with %d", errHopeless, name, p.cmd.ProcessState.ExitCode())
		}
	}
	return nil
}

var errBehind = errors.New("behind")

// caughtUp reports whether everything on the source topics has come out at the other end, in the order of the flow: a stage
// that has caught up gets nothing more from those before it.
func (s *system) caughtUp(ctx context.Context) error {
	if err := s.alive(); err != nil {
		return err
	}
	for _, stage := range []struct {
		role   string
		topics []string
	}{
		{"ingest", []string{predictions, outcomes}},
		{"join", []string{bus.TopicJoins}},
		{"detect", []string{bus.TopicFragments}},
	} {
		// The high watermark and not the stable offset: the answer to a commit comes before its markers are written, and a
		// stage must not seem to have caught up because its input is not visible yet. Our positions pass the markers.
		ends, err := s.adm.ListEndOffsets(ctx, stage.topics...)
		if err = errors.Join(err, ends.Error()); err != nil {
			return err
		}
		committed, err := s.adm.FetchOffsetsForTopics(ctx, s.prefix+"-"+stage.role, stage.topics...)
		if err = errors.Join(err, committed.Error()); err != nil {
			return err
		}
		missing := int64(0)
		ends.Each(func(e kadm.ListedOffset) {
			at, _ := committed.Lookup(e.Topic, e.Partition)
			missing += e.Offset - max(0, at.At)
		})
		if missing > 0 {
			return fmt.Errorf("%s is %w by %d offsets", stage.role, errBehind, missing)
		}
	}
	return s.alerted(ctx)
}

// alerted reports whether the ledger has every finding and nothing is left to send.
func (s *system) alerted(ctx context.Context) error {
	ends, err := s.adm.ListEndOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, s.ledger)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }() // only read
	known, err := l.Offsets(ctx)
	if err != nil {
		return err
	}
	at := map[int32]int64{}
	for _, o := range known {
		if o.Topic == bus.TopicFindings {
			at[o.Partition] = o.Next
		}
	}
	behind := false
	ends.Each(func(e kadm.ListedOffset) { behind = behind || at[e.Partition] < e.Offset })
	if behind {
		return fmt.Errorf("alerter is %w", errBehind)
	}
	queues, err := l.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		if q.Pending > 0 {
			return fmt.Errorf("alerter is %w: there are messages to send to %s", errBehind, q.Sink)
		}
	}
	return nil
}

func (s *system) settle() {
	s.t.Helper()
	until(s.t, "everything is judged and told", s.caughtUp)
}

// reached waits until the ingestor has committed n offsets of the source topics, or more.
func (s *system) reached(n int64) {
	s.t.Helper()
	until(s.t, fmt.Sprintf("%d events are committed", n), func(ctx context.Context) error {
		got, err := consumed(ctx, s.adm, s.prefix+"-ingest", predictions, outcomes)
		if err == nil && got < n {
			err = fmt.Errorf("%d are", got)
		}
		return err
	})
}

// said returns all log lines of all processes that contain the text.
func (s *system) said(text string) []string {
	var out []string
	for _, j := range s.logs {
		out = slices.AppendSeq(out, func(yield func(string) bool) {
			for line := range strings.Lines(j.String()) {
				if strings.Contains(line, text) && !yield(line) {
					return
				}
			}
		})
	}
	return out
}
