package corruption

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Options say what is run.
type Options struct {
	Seeds   []uint64
	PerDay  int    // 0: the stream's own
	Stream  string // "": all of them
	Kind    string // all whose names contain it
	HeldOut bool   // streams and kinds that were never looked at while rules were made, too
	Workers int
	Explain func(string) // is told every miss; may be nil
}

// Run breaks every stream in every way and scores what is said of it.
func Run(ctx context.Context, o Options, progress func(done, all int)) ([]Score, error) {
	type job struct {
		base *base
		seed uint64
	}
	var jobs []job
	for i := range bases {
		b := &bases[i]
		if o.Stream != "" && o.Stream != b.name || b.heldOut && !o.HeldOut {
			continue
		}
		for _, seed := range o.Seeds {
			jobs = append(jobs, job{b, seed})
		}
	}
	var wait sync.WaitGroup
	var mu sync.Mutex
	var out []Score
	var failed error
	next := make(chan job)
	done := 0
	for range max(1, o.Workers) {
		wait.Go(func() {
			for j := range next {
				scores, err := one(j.base, j.seed, &o)
				mu.Lock()
				out, failed = append(out, scores...), errors.Join(failed, err)
				done++
				progress(done, len(jobs))
				mu.Unlock()
			}
		})
	}
	for _, j := range jobs {
		if ctx.Err() != nil {
			break
		}
		next <- j
	}
	close(next)
	wait.Wait()
	slices.SortStableFunc(out, compare)
	return out, errors.Join(failed, ctx.Err())
}

// one runs a stream of one seed in all ways.
func one(b *base, seed uint64, o *Options) ([]Score, error) {
	t, err := b.make()
	if err != nil {
		return nil, err
	}
	s := b.draw(t, seed, o.PerDay)
	before, err := start(s)
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", b.name, seed, err)
	}
	var out []Score
	for i, k := range kinds() {
		if !strings.Contains(k.name, o.Kind) || k.heldOut && !o.HeldOut {
			continue
		}
		w := &world{stream: s, r: rand.New(rand.NewPCG(seed, uint64(i)+1000)), rows: (&table{rows: before.after}).clone().rows, table: s.rows}
		rows, wanted := k.broken(w)
		if !k.drift && slices.EqualFunc(rows, before.after, slices.Equal) {
			continue // it changes nothing of this stream
		}
		said, err := before.goOn(rows)
		if err != nil {
			return nil, fmt.Errorf("%s, seed %d, %s: %w", b.name, seed, k.name, err)
		}
		out = append(out, score(&k, &wanted, s, before.plan, said, o))
		out[len(out)-1].Seed, out[len(out)-1].HeldOut = seed, k.heldOut || b.heldOut
		if o.Explain != nil {
			explain(&out[len(out)-1], &wanted, said, o.Explain)
		}
	}
	return out, nil
}

// state is a stream at its onset: what every way goes on from.
type state struct {
	stream    *stream
	plan      *plan.Plan
	engine    []byte
	drift     []byte
	clock     []byte
	watermark window.Watermark
	offset    int64
	after     [][]string // rows from the onset on
	incidents []incident.Incident
}

// start learns the stream's reference and lets what comes before the onset pass.
func start(s *stream) (*state, error) {
	c, err := contract.Parse(s.name+".yaml", []byte(s.contract))
	if err != nil {
		return nil, err
	}
	ts, at := s.rows.at("ts"), s.onset.Format(stamp)
	first := slices.IndexFunc(s.rows.rows, func(row []string) bool { return row[ts] >= at })
	if first < 0 {
		return nil, errors.New("no row after the onset")
	}
	lines := s.csv(s.rows.rows[:first])
	p, err := check.Plan(c, check.Files{Predictions: s.name, Open: func(name string) (file.Reader, error) { return file.New(bytes.NewReader(lines), file.CSV, name) }})
	if err != nil {
		return nil, err
	}
	st := &state{stream: s, plan: p, watermark: window.NewWatermark(), after: s.rows.rows[first:]}
	e, clock := engine.New(p), window.NewClock()
	said, err := st.feed(e, clock, lines)
	if err != nil {
		return nil, err
	}
	st.incidents = said.incidents
	if st.engine, err = e.AppendBinary(nil); err != nil {
		return nil, err
	}
	if st.drift, err = e.AppendDrift(nil); err != nil {
		return nil, err
	}
	st.clock = clock.AppendBinary(nil)
	return st, nil
}

// said is what came of a stretch.
type said struct {
	findings  []finding.Finding
	incidents []incident.Incident
}

// goOn feeds rows to the engine as it was at the onset.
func (st *state) goOn(rows [][]string) (*said, error) {
	r := wire.NewReader(st.engine)
	e, err := engine.ReadEngine(st.plan, r)
	if err == nil {
		err = errors.Join(r.Close(), e.ReadDrift(wire.NewReader(st.drift)))
	}
	if err != nil {
		return nil, err
	}
	clock, err := window.ReadClock(wire.NewReader(st.clock))
	if err != nil {
		return nil, err
	}
	branch := *st
	return branch.feed(e, clock, st.stream.csv(rows))
}

func (s *stream) csv(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(s.rows.columns) // a buffer takes all
	_ = w.WriteAll(rows)
	return b.Bytes()
}

func (st *state) feed(e *engine.Engine, clock *window.Clock, lines []byte) (*said, error) {
	p := st.plan
	r, err := file.New(bytes.NewReader(lines), file.CSV, st.stream.name)
	if err != nil {
		return nil, err
	}
	proj, err := file.NewProjector(r, &p.Prediction)
	if err != nil {
		return nil, err
	}
	deriver, err := plan.NewDeriver(&p.Prediction, nil)
	if err != nil {
		return nil, err
	}
	joiner := collect.NewJoiner(func(string) *plan.Plan { return p })
	collector, err := collect.New(p, joiner)
	if err != nil {
		return nil, err
	}
	out, book := &said{}, incident.NewBook()
	book.SetPolicy(p.Model, &p.Policy)
	for {
		b := plan.NewBatch(&p.Prediction, 1000)
		n, err := proj.Fill(b, 1000)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		deriver.Derive(b)
		for _, t := range b.Cols[p.Prediction.Roles.Time].Int[:b.N] {
			st.watermark.See(t, p.Ahead().Microseconds())
		}
		collector.Predictions(collect.Source{Topic: p.Prediction.Topic}, b)
		cells := collector.Take()
		for i := range cells {
			if err := e.Add(&cells[i]); err != nil {
				return nil, err
			}
		}
		clock.Cover(&record.Coverage{
			Source: record.Source{Topic: p.Prediction.Topic, Partitions: 1}, From: st.offset, To: st.offset + int64(n), Watermark: st.watermark.At(), Records: int64(n),
		})
		st.offset += int64(n)
		if err := e.Advance(clock, func(f finding.Finding) error {
			out.findings = append(out.findings, f)
			book.Fold(f)
			return nil
		}); err != nil {
			return nil, err
		}
		e.TakeEnded()
	}
	out.incidents = book.Incidents()
	return out, nil
}
