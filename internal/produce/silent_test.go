//go:build synctests

package produce

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

// Brokers that stop to acknowledge end the run with an error that says so, and what was sent is told as unsure.
func TestSilentBrokers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := bus.StartEmbedded(bus.EmbeddedOptions{Network: new(kfake.VirtualNetwork)})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = e.Close() }()
		reg, err := bus.NewRegistry(e.RegistrySettings())
		if err != nil {
			t.Fatal(err)
		}
		cl, err := NewClient(e.Settings(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		e.Cluster().ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
			e.Cluster().KeepControl()
			return nil, errors.New("no"), true // the connection breaks
		})
		o := options(t, head+"a,2026-01-02T00:00:00Z,0.5,v1,10,pro,true,2020-01-01,1,x\n")
		r, err := Open(t.Context(), o, reg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Close() }()
		began := time.Now()
		sum, err := r.Run(t.Context(), cl)
		if !errors.Is(err, ErrSilent) || sum.Events != 0 || sum.Unsure != 2 || sum.Interrupted {
			t.Errorf("%v: %+v", err, sum)
		}
		if took := time.Since(began); took < silence || took > silence+2*silenceCheck {
			t.Errorf("it gave up after %s of virtual time", took)
		}
	})
}
