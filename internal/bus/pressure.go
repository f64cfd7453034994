package bus

import (
	"runtime"
	runtimemetrics "runtime/metrics"
)

// Pressure says that a service holds more memory than it should.
type Pressure func() bool

// HeapAbove is true while the live heap, as of the last garbage collection, takes more than limit bytes; never if limit is 0.
func HeapAbove(limit uint64) Pressure {
	if limit == 0 {
		return nil
	}
	const live = "/gc/heap/live:bytes"
	return func() bool {
		sample := []runtimemetrics.Sample{{Name: live}}
		runtimemetrics.Read(sample)
		return sample[0].Value.Kind() == runtimemetrics.KindUint64 && sample[0].Value.Uint64() > limit
	}
}

// relieve stops fetching while memory is short, and ends the open epoch: what was counted leaves memory with it. Fetching goes
// on once there is room again; what the client had fetched meanwhile is fetched again. A paused service isn't ready: somebody
// has to give it more memory, or less to do, if it stays so. The gate is held.
func (r *runner) relieve() {
	if r.o.Pressure == nil {
		return
	}
	if r.paused {
		runtime.GC() // what is live is known only after a collection, and a service that pauses gives no cause for one
	}
	tight := r.o.Pressure()
	if tight {
		r.epoch.urgent = true
	}
	if tight == r.paused {
		return
	}
	r.paused = tight
	if tight {
		r.session.Client().PauseFetchTopics(r.o.Topics...)
		r.m.paused.Set(1)
		r.log.Warn("memory is short: fetching pauses until there is room")
		r.tell()
		return
	}
	r.session.Client().ResumeFetchTopics(r.o.Topics...)
	r.m.paused.Set(0)
	r.log.Info("there is room again: fetching goes on")
	r.tell()
}
