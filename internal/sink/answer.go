package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// RefusedError says that a sink will never take the message: trying again is no use.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// LaterError says that the sink asks to be left alone for a while, by everything that goes to it.
type LaterError struct {
	After time.Duration // 0: it didn't say how long
	Err   error
}

func (e *LaterError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("%v; it asks for %s", e.Err, e.After)
	}
	return e.Err.Error()
}

// Unwrap gives the cause.
func (e *LaterError) Unwrap() error { return e.Err }

// most bounds what is read of an answer, and of a request from outside.
const most = 1 << 20

// longestPause bounds what a sink may ask for: a clock that is wrong over there must not silence it here.
const longestPause = time.Hour

// NewClient is the HTTP client of all sinks. It follows no redirect: a body that names an incident, with its signature, goes
// where the settings say and nowhere else.
func NewClient() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// post sends body and says what the answer means. 2xx is fine; 408, 425, 429 and 5xx are to be tried again, as is a network that
// fails; all else is a refusal. name stands for the address in errors, which may hold a token.
func post(ctx context.Context, client *http.Client, name, address string, header http.Header, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return &RefusedError{fmt.Errorf("%s: its address can't be used", name)}
	}
	maps.Copy(req.Header, header)
	req.Header.Set("User-Agent", "plumbline")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post to %s: %w", name, unaddressed(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil && resp.StatusCode/100 != 2 { // what was taken is taken, whatever of the answer is lost
		return fmt.Errorf("read the answer of %s: %w", name, unaddressed(err))
	}
	return judge(name, resp, answer)
}

// judge is what an HTTP answer means.
func judge(name string, resp *http.Response, answer []byte) error {
	code := resp.StatusCode
	if code/100 == 2 {
		return nil
	}
	err := fmt.Errorf("%s answers %s%s", name, resp.Status, quoted(answer))
	switch {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		return &LaterError{retryAfter(resp), err}
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code >= 500:
		return err
	default:
		return &RefusedError{err}
	}
}

// retryAfter reads the header, in seconds or as a date against the answer's own (RFC 9110, 10.2.3); 0 where it says nothing.
func retryAfter(resp *http.Response) time.Duration {
	text := resp.Header.Get("Retry-After")
	if s, err := strconv.ParseInt(text, 10, 32); err == nil {
		return clamp(time.Duration(s) * time.Second)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0
	}
	return clamp(at.Sub(now))
}

func clamp(d time.Duration) time.Duration { return min(max(d, 0), longestPause) }

// unaddressed is an error of net/http without the address.
func unaddressed(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// quoted is the start of an answer, for a person to read.
func quoted(answer []byte) string {
	if len(bytes.TrimSpace(answer)) == 0 {
		return ""
	}
	return ": " + strconv.Quote(cut(string(answer), 300))
}
