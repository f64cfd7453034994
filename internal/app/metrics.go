package app

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// leased registers metrics for one run of a service and takes them back at its end: a service that is started again in the
// same process registers the same ones again.
type leased struct {
	parent prometheus.Registerer

	mu   sync.Mutex
	held []prometheus.Collector
}

var _ prometheus.Registerer = (*leased)(nil)

// Register implements prometheus.Registerer.
func (l *leased) Register(c prometheus.Collector) error {
	if err := l.parent.Register(c); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, c)
	return nil
}

// MustRegister implements prometheus.Registerer.
func (l *leased) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		if err := l.Register(c); err != nil {
			panic(err) // as the interface demands: two metrics of one name are a bug
		}
	}
}

// Unregister implements prometheus.Registerer.
func (l *leased) Unregister(c prometheus.Collector) bool { return l.parent.Unregister(c) }

// release takes everything back.
func (l *leased) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.held {
		l.parent.Unregister(c)
	}
	l.held = nil
}
