package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const samples = 40

// memoryLimit is how much more memory the last quarter of the time may take than the second one.
const memoryLimit = 1.10

// memory watches the ingestor's memory under a steady load. The first quarter fills buffers and is passed over.
func (m *bench) memory(ctx context.Context) (ok bool, err error) {
	if err := m.renew(ctx); err != nil {
		return false, err
	}
	j := m.job("whole", 64<<20)
	j.EpochMax = time.Second
	p, err := start(ctx, j)
	if err != nil {
		return false, err
	}
	if err := m.members(ctx, j.Group, 1); err != nil {
		return false, errors.Join(err, p.stop())
	}
	loadCtx, stop := context.WithTimeout(ctx, m.o.memory)
	defer stop()
	loaded := make(chan error, 1)
	whole := int64(m.o.rate * m.o.memory.Seconds())
	go func() {
		_, err := m.load(loadCtx, 11, 0, whole, whole, m.o.rate)
		loaded <- err
	}()
	var sizes []float64
	tick := time.NewTicker(m.o.memory / samples)
	defer tick.Stop()
	for range samples - 1 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, errors.Join(ctx.Err(), p.stop())
		}
		n, err := p.resident()
		if err != nil {
			return false, err
		}
		sizes = append(sizes, float64(n)/(1<<20))
	}
	err = <-loaded
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	err = errors.Join(err, p.stop())
	_, failed := p.wait()
	if err := errors.Join(err, failed); err != nil {
		return false, err
	}
	quarter := len(sizes) / 4
	second, _ := median(sizes[quarter : 2*quarter])
	last, _ := median(sizes[len(sizes)-quarter:])
	fmt.Printf("%-36s %.0f MiB in the second quarter, %.0f MiB in the last, of %s at %.0f predictions per second\n", "memory", second, last, m.o.memory, m.o.rate)
	return report("memory_last_vs_second_quarter", []float64{last / second}, memoryLimit), nil
}
