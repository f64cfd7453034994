package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"
)

// plan says how many failures of each kind a run has.
type plan struct {
	kills, freezes, brokerKills, flushes, rebalances int
}

// storm does the failures of one run at seeded moments.
type storm struct {
	plan
	r      *rand.Rand
	stack  *stack
	say    func(format string, args ...any)
	slots  []*process
	extra  func(role string, n int) (*process, error)
	mu     sync.Mutex
	done   plan
	extras []*process
	errs   []error
}

type failure int

const (
	kill failure = iota
	freeze
	flush
	rebalance
)

// run does everything planned, a failure every 0.3 to 2 s; brokers are killed beside that, never two at a time.
func (s *storm) run(ctx context.Context) error {
	var all []failure
	for f, n := range map[failure]int{kill: s.kills, freeze: s.freezes, flush: s.flushes, rebalance: s.rebalances} {
		for range n {
			all = append(all, f)
		}
	}
	sortFailures(all)
	s.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var aside sync.WaitGroup
	aside.Go(func() { s.brokers(ctx, rand.New(rand.NewPCG(s.r.Uint64(), 3))) })
	joined := 0
	for _, f := range all {
		if !pause(ctx, 300*time.Millisecond+time.Duration(s.r.Int64N(int64(1700*time.Millisecond)))) {
			break
		}
		switch f {
		case kill:
			s.kill(ctx)
		case freeze:
			if p := s.free(); p != nil {
				long := 7*time.Second + time.Duration(s.r.Int64N(int64(5*time.Second)))
				aside.Go(func() { s.freeze(ctx, p, long) })
			}
		case flush:
			if err := s.stack.cache.FlushAll(ctx).Err(); err != nil {
				s.fail(fmt.Errorf("flush redis: %w", err))
			}
			s.count(func(d *plan) { d.flushes++ })
		case rebalance:
			joined++
			role, n, stay := []string{"ingestor", "detector"}[joined%2], 2+joined, 7*time.Second+time.Duration(s.r.Int64N(int64(6*time.Second)))
			aside.Go(func() { s.visit(ctx, role, n, stay) })
		}
	}
	aside.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(s.errs...)
}

func sortFailures(all []failure) { // the map above has no order
	for i := range all {
		for j := i; j > 0 && all[j] < all[j-1]; j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
}

func (s *storm) kill(ctx context.Context) {
	p := s.free()
	for ; p == nil; p = s.free() {
		if !pause(ctx, 100*time.Millisecond) { // all of them are frozen just now
			return
		}
	}
	defer p.release()
	if err := p.signal(syscall.SIGKILL); err != nil {
		s.fail(fmt.Errorf("kill %s: %w", p.name, err))
	}
	s.count(func(d *plan) { d.kills++ })
}

// free takes a process that nothing else is done to; nil if there is none.
func (s *storm) free() *process {
	for _, i := range s.r.Perm(len(s.slots)) {
		if p := s.slots[i]; p.take() {
			return p
		}
	}
	return nil
}

// freeze stops a process for longer than its session, sometimes longer than its transaction, and thaws it.
func (s *storm) freeze(ctx context.Context, p *process, long time.Duration) {
	defer p.release()
	if err := p.signal(syscall.SIGSTOP); err != nil {
		s.fail(fmt.Errorf("freeze %s: %w", p.name, err))
		return
	}
	pause(ctx, long)
	if err := p.signal(syscall.SIGCONT); err != nil {
		s.fail(fmt.Errorf("thaw %s: %w", p.name, err))
	}
	s.count(func(d *plan) { d.freezes++ })
	pause(ctx, 2*time.Second) // long enough to find out what it missed
}

// brokers kills one broker after the other. The next one dies only when all replicas are whole again.
func (s *storm) brokers(ctx context.Context, r *rand.Rand) {
	for range s.brokerKills {
		if !pause(ctx, time.Second+time.Duration(r.Int64N(int64(5*time.Second)))) {
			return
		}
		if err := s.stack.healthy(ctx); err != nil {
			s.fail(err)
			return
		}
		n := fmt.Sprint(1 + r.IntN(nodes))
		if _, err := s.stack.parts(ctx, "kafka", "kill-node", n); err != nil {
			s.fail(err)
			return
		}
		s.count(func(d *plan) { d.brokerKills++ })
		pause(ctx, 2*time.Second+time.Duration(r.Int64N(int64(4*time.Second))))
		if _, err := s.stack.parts(context.WithoutCancel(ctx), "kafka", "start-node", n); err != nil {
			s.fail(err)
			return
		}
	}
	if err := s.stack.healthy(ctx); err != nil {
		s.fail(err)
	}
}

// visit lets one more replica join the group and leave it in order.
func (s *storm) visit(ctx context.Context, role string, n int, stay time.Duration) {
	p, err := s.extra(role, n)
	if err != nil {
		s.fail(err)
		return
	}
	s.mu.Lock()
	s.extras = append(s.extras, p)
	s.mu.Unlock()
	pause(ctx, stay)
	if err := p.leave(45 * time.Second); err != nil {
		s.fail(err)
	}
	s.count(func(d *plan) { d.rebalances++ })
}

func (s *storm) count(f func(*plan)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.done)
}

func (s *storm) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// pause waits; false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
