package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
)

// steadyLimit is how much more memory the last three minutes of ten may take than the third to the fifth.
const steadyLimit = 1.10

const steadySlots = 10 // lines of the table, whatever the time

// sizes of one moment, MiB, by process.
type moment struct {
	after          time.Duration
	resident, live map[string]float64
	redis          float64
}

// steady runs all services under a steady rate and watches what memory they take.
func steady(ctx context.Context, args []string) (err error) {
	g, flags := groundFlags("steady")
	rate := flags.Float64("rate", 5000, "predictions per second; three in ten get an outcome")
	lasts := flags.Duration("for", 10*time.Minute, "how long")
	every := flags.Duration("every", 10*time.Second, "between two looks at memory")
	paneEvery := flags.Duration("pane-every", 3*time.Second, "wall time of one pane (of a minute)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *every <= 0 || *lasts < steadySlots**every {
		return fmt.Errorf("--for %s, --every %s: want ten looks at least", *lasts, *every)
	}
	f := &flow{
		pane: time.Minute, lateness: 5 * time.Second, reference: 40 * time.Minute, joined: 0.3, delay: 20 * time.Second, keep: 10 * time.Minute,
		mature: time.Minute, schemas: map[string]int{},
	}
	f.step = time.Duration(float64(f.pane) / (*rate * paneEvery.Seconds()))
	first := f.upTo(f.reference)
	f.ail = func(n int64, e *row) { // now and then there is something to tell
		if pane := int64(f.at(n).Sub(flowStart) / f.pane); n >= first && pane%7 == 0 && n%10 == 0 {
			e.k[pane%flowConstants] = 2
		}
	}
	if err := g.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.sources(ctx, f); err != nil {
		return err
	}
	say("publishing the reference, %d events", first)
	if err := f.send(ctx, g.cl, 0, first, 0, nil); err != nil {
		return err
	}
	i, err := g.install(ctx, "steady", f.contract())
	if err != nil {
		return err
	}
	if err := i.start(); err != nil {
		return errors.Join(err, i.stop())
	}
	defer func() { err = errors.Join(err, i.stop()) }()
	if _, err := i.drained(ctx, 5*time.Minute); err != nil {
		return err
	}
	sent := make(chan error, 1)
	sending, stop := context.WithCancel(ctx)
	defer stop()
	count := int64(*rate * lasts.Seconds())
	go func() { sent <- f.send(sending, g.cl, first, first+count, *rate, nil) }()
	moments, err := i.observe(ctx, *lasts, *every)
	if err != nil {
		stop()
		return errors.Join(err, <-sent)
	}
	if err := <-sent; err != nil {
		return err
	}
	published := time.Now()
	at, err := i.drained(ctx, time.Minute)
	if err != nil {
		return fmt.Errorf("the services did not keep up with the rate: %w", err)
	}
	fmt.Fprintf(os.Stdout, "steady: %.0f predictions and %.0f outcomes per second for %s, a pane every %s; at its end the detector was %.1f s behind\n",
		*rate, 0.3**rate, *lasts, *paneEvery, at["detector"].Sub(published).Seconds())
	return judge(os.Stdout, moments, *lasts)
}

// observe looks at the memory of every service until the time is over.
func (i *installation) observe(ctx context.Context, lasts, every time.Duration) ([]moment, error) {
	var out []moment
	began := time.Now()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for time.Since(began) < lasts-every/2 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err := i.alive(); err != nil {
			return nil, err
		}
		m := moment{after: time.Since(began), resident: map[string]float64{}, live: map[string]float64{}}
		for _, s := range i.services {
			now, _, err := s.resident()
			if err != nil {
				return nil, err
			}
			live, err := s.live(ctx)
			if err != nil {
				return nil, err
			}
			m.resident[s.name], m.live[s.name] = float64(now)/(1<<20), float64(live)/(1<<20)
		}
		held, err := i.held(ctx)
		if err != nil {
			return nil, err
		}
		m.redis = float64(held) / (1 << 20)
		out = append(out, m)
	}
	return out, nil
}

// judge prints the memory of every tenth of the time and compares its last three with its third to fifth.
func judge(w io.Writer, moments []moment, lasts time.Duration) error {
	slot := lasts / steadySlots
	mean := func(from, to int, of func(moment) float64) float64 {
		sum, n := 0.0, 0
		for _, m := range moments {
			if at := (m.after - time.Millisecond) / slot; at >= time.Duration(from) && (at < time.Duration(to) || to == steadySlots) {
				sum += of(m)
				n++
			}
		}
		return sum / float64(max(n, 1))
	}
	fmt.Fprintf(w, "%-8s", "MiB")
	for _, name := range serviceNames {
		fmt.Fprintf(w, " %18s", name)
	}
	fmt.Fprintf(w, " %10s\n%-8s%s\n", "redis", "after", strings.Repeat("   resident   live", len(serviceNames)))
	for n := range steadySlots {
		fmt.Fprintf(w, "%-8s", time.Duration(n+1)*slot)
		for _, name := range serviceNames {
			fmt.Fprintf(w, " %11.1f %6.1f", mean(n, n+1, func(m moment) float64 { return m.resident[name] }), mean(n, n+1, func(m moment) float64 { return m.live[name] }))
		}
		fmt.Fprintf(w, " %10.1f\n", mean(n, n+1, func(m moment) float64 { return m.redis }))
	}
	flat := true
	for _, name := range serviceNames {
		of := func(m moment) float64 { return m.resident[name] }
		ratio := mean(7, 10, of) / mean(2, 5, of)
		said := "ok"
		if ratio > steadyLimit || math.IsNaN(ratio) {
			said, flat = "MISSED", false
		}
		fmt.Fprintf(w, "%s: resident in the last three tenths against the third to the fifth: %.3f, at most %.2f: %s\n", name, ratio, steadyLimit, said)
	}
	if !flat {
		return errMissed
	}
	return nil
}
