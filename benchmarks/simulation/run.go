package simulation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Run does jobs on so many workers and calls done after each, one at a time. Results that a log of an earlier run holds are taken from
// it, and new ones are added to it; log may be "". The results are in the order of the jobs, whatever the workers did.
func Run(ctx context.Context, jobs []Job, workers int, log string, done func(finished, all int)) (out []*Result, err error) {
	known, err := readLog(log)
	if err != nil {
		return nil, err
	}
	out = make([]*Result, len(jobs))
	sink := io.Discard
	if log != "" {
		f, openErr := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if openErr != nil {
			return nil, fmt.Errorf("open log of simulation: %w", openErr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		sink = f
	}
	queue := make(chan int)
	var mu sync.Mutex
	var failed error
	finished := 0
	finish := func(i int, r *Result, fresh bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil && fresh {
			var line []byte
			if line, err = json.Marshal(r); err == nil {
				_, err = sink.Write(append(line, '\n'))
			}
		}
		failed = errors.Join(failed, err)
		out[i] = r
		finished++
		done(finished, len(jobs))
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for i := range queue {
				r, err := jobs[i].Run()
				finish(i, r, true, err)
			}
		})
	}
	for i := range jobs {
		if r := known[jobs[i]]; r != nil {
			finish(i, r, false, nil)
			continue
		}
		select {
		case <-ctx.Done(): // what the log knows is still taken
		default:
			select {
			case queue <- i:
			case <-ctx.Done():
			}
		}
	}
	close(queue)
	group.Wait()
	return out, errors.Join(failed, ctx.Err())
}

// readLog reads the results of earlier runs. A line cut short by a kill is passed over.
func readLog(log string) (map[Job]*Result, error) {
	known := map[Job]*Result{}
	if log == "" {
		return known, nil
	}
	b, err := os.ReadFile(log)
	if errors.Is(err, os.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read log of simulation: %w", err)
	}
	s := bufio.NewScanner(bytes.NewReader(b))
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var r Result
		if json.Unmarshal(s.Bytes(), &r) == nil { // jobs of other versions are none of ours
			known[r.Job] = &r
		}
	}
	return known, s.Err()
}
