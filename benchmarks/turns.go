package main

import (
	"context"
	"errors"
	"syscall"
	"time"
)

// turn is how long one of two processes runs while the other one stands still.
const turn = 40 * time.Millisecond

// turns runs an ingestor and what it is held against side by side, each standing still while the other one runs: a machine that is
// slower for a while is so for both of them. The other one begins when the ingestor has joined its group.
func (m *bench) turns(ctx context.Context, other, whole job) (u, w used, err error) {
	other.Held = true
	o, err := start(ctx, other)
	if err != nil {
		return u, w, err
	}
	p, err := start(ctx, whole)
	if err != nil {
		return u, w, errors.Join(err, o.cmd.Process.Kill(), o.cmd.Wait())
	}
	if err = m.members(ctx, whole.Group, 1); err == nil {
		err = o.measure()
	}
	if err != nil { // it would wait for its start for ever
		err = errors.Join(err, o.cmd.Process.Kill())
	}
	stop := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		alternate(stop, o, p)
	}()
	u, failed := o.wait()
	close(stop)
	<-ended
	err = errors.Join(err, failed)
	if err == nil {
		err = m.until(ctx, func() (bool, error) {
			left, err := m.left(ctx, whole.Group)
			return left == 0, err
		})
	}
	err = errors.Join(err, p.stop())
	w, failed = p.wait()
	return u, w, errors.Join(err, failed)
}

// alternate lets two processes run in turns until it is told to stop; then both go on. Signals to one that has ended say so, which is
// no matter here.
func alternate(stop <-chan struct{}, a, b *process) {
	tick := time.NewTicker(turn)
	defer tick.Stop()
	for {
		_ = b.cmd.Process.Signal(syscall.SIGSTOP)
		_ = a.cmd.Process.Signal(syscall.SIGCONT)
		a, b = b, a
		select {
		case <-tick.C:
		case <-stop:
			_ = a.cmd.Process.Signal(syscall.SIGCONT)
			_ = b.cmd.Process.Signal(syscall.SIGCONT)
			return
		}
	}
}
