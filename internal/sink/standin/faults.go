package standin

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Rates are how often requests fail, as shares of them.
type Rates struct {
	Errors   float64 // 5xx, half of them after the request was taken
	Timeouts float64 // no answer, half of them after the request was taken
	Limits   float64 // 429 with Retry-After

	Pause time.Duration // the longest that a 429 asks for, in whole seconds; 30 s if it is less than one
}

// Faults let requests fail, and count what that makes uncertain.
type Faults struct {
	Rates Rates

	mu        sync.Mutex
	rng       *rand.Rand
	until     time.Time // nothing may come before, as a 429 said
	Early     int       // requests that came all the same
	Ambiguous int       // requests that were taken, and whose sender can't know
	Failed    int
}

// NewFaults draws by a seed.
func NewFaults(r Rates, seed uint64) *Faults {
	return &Faults{Rates: r, rng: rand.New(rand.NewPCG(seed, seed^0x5851f42d4c957f2d))}
}

// SetRates changes them.
func (f *Faults) SetRates(r Rates) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Rates = r
}

func (r Rates) longest() int {
	if r.Pause < time.Second {
		return 30
	}
	return int(r.Pause / time.Second)
}

type fate int

const (
	fine fate = iota
	errorBefore
	errorAfter
	silentBefore
	silentAfter
	limited
)

// pick decides what becomes of a request, and how long a 429 asks for.
func (f *Faults) pick() (fate, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Before(f.until) {
		f.Early++
		f.Failed++
		return limited, f.until.Sub(now)
	}
	x := f.rng.Float64()
	kinds := []struct {
		share float64
		fate  fate
	}{
		{f.Rates.Errors / 2, errorBefore},
		{f.Rates.Errors / 2, errorAfter},
		{f.Rates.Timeouts / 2, silentBefore},
		{f.Rates.Timeouts / 2, silentAfter},
		{f.Rates.Limits, limited},
	}
	for _, k := range kinds {
		if x < k.share {
			f.Failed++
			if k.fate == errorAfter || k.fate == silentAfter {
				f.Ambiguous++
			}
			pause := time.Duration(1+f.rng.IntN(f.Rates.longest())) * time.Second
			if k.fate == limited {
				f.until = now.Add(pause)
			}
			return k.fate, pause
		}
		x -= k.share
	}
	return fine, 0
}

// serve lets take handle the request, unless it fails before, and answers with what take says, unless it fails after.
func (f *Faults) serve(req *http.Request, take func(body []byte) (int, string)) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	fate, pause := f.pick()
	switch fate {
	case errorBefore:
		return answer(req, http.StatusBadGateway, "<html>bad gateway</html>", 0), nil
	case limited:
		return answer(req, http.StatusTooManyRequests, "slow down", pause), nil
	case silentBefore:
		<-req.Context().Done()
		return nil, req.Context().Err()
	default:
	}
	code, text := take(body)
	switch fate {
	case errorAfter:
		return answer(req, http.StatusInternalServerError, "oops", 0), nil
	case silentAfter:
		<-req.Context().Done()
		return nil, req.Context().Err()
	default:
	}
	return answer(req, code, text, 0), nil
}

func answer(req *http.Request, code int, text string, after time.Duration) *http.Response {
	resp := &http.Response{
		StatusCode: code, Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:   io.NopCloser(bytes.NewReader([]byte(text))), Request: req,
	}
	if after > 0 {
		resp.Header.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
	}
	return resp
}
