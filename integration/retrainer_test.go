//go:build integration

package integration

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/examples/retrainer"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

const loanContract = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: loan}
owners: {data: data-team, model: model-team}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: loan.predictions, fields: {id: id, time: ts, score: score}}
  outcome: {topic: loan.outcomes, fields: {id: id, time: ts, label: label}, keep: 2d, mature_after: 1h}
inputs:
  x: {type: numeric}
  income: {type: numeric}
costs: {currency: EUR, false_positive: 10, false_negative: 20}
decision: {threshold: 0.5}
watch: {reference: {from: 1999-10-25, to: 2000-01-03}}
retrain: {topic: retrain.triggers, on: [calibration, performance], cooldown: 7d, window: 3d}
`

const loanPrediction = `{"type":"record","name":"Prediction","fields":[
	{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"x","type":"double"},{"name":"income","type":"double"},{"name":"score","type":"double"}]}`

const loanOutcome = `{"type":"record","name":"Outcome","fields":[
	{"name":"id","type":"string"},{"name":"ts","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"label","type":"int"}]}`

// loans are a model and its surroundings: 48 decisions a day of event time from the start on.
type loans struct {
	t        *testing.T
	cl       *kgo.Client
	rng      *rand.Rand
	codecs   [2]*goavro.Codec
	headers  [2][]byte
	made     int
	inverted func(at time.Time) bool    // outcomes are the opposite of what scores say
	income   func(at time.Time) float64 // constant, or not
	serve    *retrainer.Model           // nil: the first version
}

var loansStart = time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC)

const loansPerDay = 48

func (l *loans) decision(at time.Time) (x, income, score float64, label int) {
	x, income, score = l.rng.NormFloat64(), l.income(at), 0.05+0.9*l.rng.Float64()
	p := score
	if l.inverted(at) {
		p = 1 - score
	}
	if l.rng.Float64() < p {
		label = 1
	}
	if l.serve != nil {
		score = l.serve.Score(score, []float64{x, income})
	}
	return x, income, score, label
}

// history writes the reference as a file.
func (l *loans) history() string {
	l.t.Helper()
	file := filepath.Join(l.t.TempDir(), "history.csv")
	f, err := os.Create(file)
	if err != nil {
		l.t.Fatal(err)
	}
	w := csv.NewWriter(f)
	rows := [][]string{{"id", "ts", "x", "income", "score", "label"}}
	for at := loansStart.AddDate(0, 0, -70); at.Before(loansStart); at = at.Add(24 * time.Hour / loansPerDay) {
		x, income, score, label := l.decision(at)
		number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		rows = append(rows, []string{fmt.Sprintf("h%d", len(rows)), at.Format(time.RFC3339), number(x), number(income), number(score), strconv.Itoa(label)})
	}
	if err := errors.Join(w.WriteAll(rows), f.Close()); err != nil {
		l.t.Fatal(err)
	}
	return file
}

// until publishes the events before a day.
func (l *loans) until(day int) {
	l.t.Helper()
	var recs []*kgo.Record
	for ; l.made < day*loansPerDay; l.made++ {
		at := loansStart.Add(time.Duration(l.made) * 24 * time.Hour / loansPerDay)
		x, income, score, label := l.decision(at)
		id := fmt.Sprintf("live-%d", l.made)
		for i, e := range []struct {
			topic  string
			native map[string]any
		}{
			{"loan.predictions", map[string]any{"id": id, "ts": at, "x": x, "income": income, "score": score}},
			{"loan.outcomes", map[string]any{"id": id, "ts": at.Add(30 * time.Minute), "label": label}},
		} {
			b, err := l.codecs[i].BinaryFromNative(append([]byte{}, l.headers[i]...), e.native)
			if err != nil {
				l.t.Fatal(err)
			}
			recs = append(recs, &kgo.Record{Topic: e.topic, Partition: 0, Key: []byte(id), Value: b})
		}
	}
	if err := l.cl.ProduceSync(l.t.Context(), recs...).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
}

// entered are the bodies of a kind of ledger entry.
func (s *system) entered(ctx context.Context, kind string) (out []string, err error) {
	l, err := ledger.Open(ctx, s.ledger)
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }() // only read
	err = l.Each(ctx, kind, 0, func(e ledger.Entry) error { out = append(out, string(e.Body)); return nil })
	return out, err
}

// states are where the incidents of each cause stand.
func (s *system) states() map[string]incident.Status {
	out := map[string]incident.Status{}
	for _, b := range s.read(bus.TopicIncidents) {
		var e finding.Envelope[incident.Incident]
		if err := json.Unmarshal(b, &e); err != nil {
			s.t.Fatal(err)
		}
		if e.Data.Severity == finding.Page {
			out[e.Data.Cause.Kind] = e.Data.Status
		}
	}
	return out
}

// A retraining pipeline on a real cluster: a model breaks while one of its inputs is broken upstream: the trigger is held, and says why. When that is
// mended and enough good data lie behind it, one trigger comes; the pipeline retrains, publishes a version and reports; once that is in service
// the incident closes by itself.
func TestRetrainerClosesTheLoop(t *testing.T) {
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(here.binaries, "retrainer"), "./examples/retrainer/run")
	build.Dir = here.root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the retrainer: %v\n%s", err, out)
	}
	s := fresh(t)
	day := func(d int) time.Time { return loansStart.AddDate(0, 0, d) }
	l := &loans{
		t: t, cl: s.cl, rng: rand.New(rand.NewPCG(7, 1)), inverted: func(at time.Time) bool { return !at.Before(day(14)) },
		income: func(at time.Time) float64 {
			if !at.Before(day(13)) && at.Before(day(22)) {
				return 400
			}
			return 4
		},
	}
	registry, err := bus.NewRegistry(bus.RegistrySettings{URLs: []string{here.registry}})
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range [][2]string{{"loan.predictions", loanPrediction}, {"loan.outcomes", loanOutcome}} {
		s.createTopic(one[0], 1)
		id, err := registry.Register(t.Context(), one[0]+"-value", one[1])
		if err != nil {
			t.Fatal(err)
		}
		l.headers[i] = binary.BigEndian.AppendUint32([]byte{0}, uint32(id))
		if l.codecs[i], err = goavro.NewCodec(one[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range []string{"loan.models", "retrain.triggers", "retrain.results"} {
		s.createTopic(topic, 1)
	}
	file := filepath.Join(t.TempDir(), "loan.yaml")
	if err := os.WriteFile(file, []byte(loanContract), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := s.run("apply", file, "--data", l.history(), "--outcome-delay", "30m"); code != 0 {
		t.Fatalf("apply ends with %d:\n%s", code, out)
	}
	s.startAll()
	launch(t, "retrainer", nil, "--contract", file, "--brokers", here.kafka, "--registry", here.registry)

	l.until(20)
	until(t, "the trigger is held, because income is broken", func(ctx context.Context) error {
		held, err := s.entered(ctx, "retrain_held")
		if err != nil {
			return err
		}
		if text := strings.Join(held, "\n"); strings.Count(text, "held back because income was constant, now varies: broken data (released)") < 1 || !s.has("concept_drift") {
			return fmt.Errorf("held: %s", text)
		}
		return nil
	})
	if asked, err := s.entered(t.Context(), "retrain_trigger"); err != nil || len(asked) > 0 {
		t.Fatalf("asked while income was broken: %q, %v", asked, err)
	}
	l.until(34)
	until(t, "a version is published", func(context.Context) error {
		for _, b := range s.read("loan.models") {
			l.serve = new(retrainer.Model)
			return json.Unmarshal(b, l.serve)
		}
		return errors.New("none is")
	})
	l.until(60)
	until(t, "the incident is over", func(context.Context) error {
		if at := s.states()["concept_drift"]; at != incident.Resolved {
			return fmt.Errorf("it is %s", at)
		}
		return nil
	})
	asked, err := s.entered(t.Context(), "retrain_trigger")
	if err != nil || len(asked) != 1 {
		t.Fatalf("asked %d times, want once: %q, %v", len(asked), asked, err)
	}
	until(t, "the result is entered", func(ctx context.Context) error {
		results, err := s.entered(ctx, "retrain_result")
		if err != nil {
			return err
		}
		if text := strings.Join(results, "\n"); !strings.Contains(text, `"status":"succeeded","version":"`+l.serve.Version+`"`) || !strings.Contains(asked[0], `"id":"`+l.serve.Trigger+`"`) {
			return fmt.Errorf("results: %s; asked: %s", text, asked[0])
		}
		return nil
	})
}

// has reports whether there is a page of that cause.
func (s *system) has(cause string) bool {
	_, ok := s.states()[cause]
	return ok
}
