package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const ttl = 10 * time.Second

func TestLease(t *testing.T) {
	l := inMemory(t)
	now := day
	must := func(held Lease, err error) Lease {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return held
	}
	a := must(l.Acquire(t.Context(), "a", now, ttl))
	var held *HeldError
	if _, err := l.Acquire(t.Context(), "b", now.Add(ttl-time.Microsecond), ttl); !errors.As(err, &held) || held.Holder != "a" || !held.Until.Equal(a.Until) {
		t.Errorf("b takes what a holds: %v", err)
	}
	a = must(l.Renew(t.Context(), a, now.Add(5*time.Second), ttl))
	if _, err := l.Acquire(t.Context(), "b", now.Add(14*time.Second), ttl); !errors.As(err, &held) {
		t.Errorf("b takes what a renewed: %v", err)
	}
	write(t, l.Under(a), numbered(1))

	b := must(l.Acquire(t.Context(), "b", now.Add(15*time.Second), ttl))
	if b.Token <= a.Token {
		t.Errorf("the token went from %d to %d", a.Token, b.Token)
	}
	before := dump(t, l)
	mine := l.Under(a)
	for name, err := range map[string]error{
		"append":  mine.Append(t.Context(), numbered(1), []Offset{{"t", 0, 1}}, []Outgoing{{ID: "1", Sink: "s"}}),
		"offsets": mine.Append(t.Context(), nil, []Offset{{"t", 0, 1}}, nil),
		"forget":  mine.ForgetOffsets(t.Context(), "t"),
		"deliver": mine.Delivered(t.Context(), "1", "s"),
		"retry":   mine.Retry(t.Context(), "1", "s", now, ""),
		"abandon": mine.Abandon(t.Context(), "1", "s", ""),
	} {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("%s under a lease that was taken over: %v", name, err)
		}
	}
	if _, err := l.Renew(t.Context(), a, now.Add(16*time.Second), ttl); !errors.Is(err, ErrFenced) {
		t.Errorf("a renews what b took: %v", err)
	}
	if err := l.Release(t.Context(), a); err != nil {
		t.Error(err)
	}
	if _, err := l.Acquire(t.Context(), "c", now.Add(16*time.Second), ttl); !errors.As(err, &held) || held.Holder != "b" {
		t.Errorf("c takes what b holds after a gave up what it hadn't: %v", err)
	}
	if dump(t, l) != before {
		t.Error("somebody wrote something")
	}
	// Who comes back under the same name needn't wait; what it left behind is fenced.
	again := must(l.Acquire(t.Context(), "b", now.Add(17*time.Second), ttl))
	if err := l.Under(b).Append(t.Context(), numbered(1), nil, nil); !errors.Is(err, ErrFenced) {
		t.Errorf("b's former self writes: %v", err)
	}
	if err := l.Release(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	must(l.Acquire(t.Context(), "c", now.Add(17*time.Second), ttl))
}

// Whatever order alerters take, renew, lose and write in, and however far their clocks are apart: only the last who took the lease writes.
func TestOnlyTheHolderWrites(t *testing.T) {
	l := inMemory(t)
	rapid.Check(t, func(t *rapid.T) {
		tamper(t, l, "UPDATE ledger_lease SET holder = '', token = 0, until = 0")
		clock := map[string]time.Duration{}
		held := map[string]Lease{}
		last := ""
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			who := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "who")
			clock[who] += time.Duration(rapid.IntRange(0, 15).Draw(t, "seconds")) * time.Second
			now := day.Add(clock[who])
			switch rapid.SampledFrom([]string{"acquire", "renew", "release", "write"}).Draw(t, "what") {
			case "acquire":
				if got, err := l.Acquire(t.Context(), who, now, ttl); err == nil {
					held[who], last = got, who
				}
			case "renew":
				if got, err := l.Renew(t.Context(), held[who], now, ttl); err == nil {
					held[who] = got
					if who != last {
						t.Fatalf("%s renewed what %s took", who, last)
					}
				}
			case "release":
				if err := l.Release(t.Context(), held[who]); err != nil {
					t.Fatal(err)
				}
			case "write":
				if held[who].Token == 0 {
					continue
				}
				err := l.Under(held[who]).Append(t.Context(), numbered(1), nil, nil)
				if (err == nil) != (who == last) || err != nil && !errors.Is(err, ErrFenced) {
					t.Fatalf("%s writes, %s took the lease last: %v", who, last, err)
				}
			}
		}
	})
}

// Of several processes that want the lease at once one gets it.
func TestLeaseRace(t *testing.T) {
	url := emptyURL(t)
	if os.Getenv(postgresHere) == "" {
		url = "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	}
	open(t, url) // the schema
	var got sync.Map
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b", "c", "d"} {
		l := open(t, url)
		wg.Go(func() {
			if held, err := l.Acquire(t.Context(), who, day, ttl); err == nil {
				got.Store(who, held)
			} else if held := (*HeldError)(nil); !errors.As(err, &held) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n := 0
	got.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d got the lease", n)
	}
}

func TestOpenReadOnly(t *testing.T) {
	url := emptyURL(t)
	if os.Getenv(postgresHere) == "" {
		url = "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	}
	if l, err := OpenReadOnly(t.Context(), url); err == nil {
		_ = l.Close()
		t.Error("a ledger was read where there is none")
	}
	write(t, open(t, url), numbered(3))
	l, err := OpenReadOnly(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if n, err := l.Verify(t.Context()); n != 3 || err != nil {
		t.Errorf("Verify = %d, %v", n, err)
	}
	if err := l.Append(t.Context(), numbered(1), nil, nil); err == nil {
		t.Error("written through what was opened to read")
	}
}
