package settings

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is the place of one key in a Settings: it reads text into it and prints it.
type value interface {
	set(text string) error // leaves the field alone on error
	check() error          // what set would say of the value that stands there
	show() string          // as it would be written, secrets hidden
	plain() any            // for JSON, secrets hidden
	kind() string          // for people: "duration, 100ms to 30s"
}

// scalar is a value that is one piece of text.
type scalar[T any] struct {
	to     *T
	parse  func(string) (T, error)
	format func(T) string
	valid  func(T) error // may be nil
	native bool          // a JSON bool or number, not text
	word   string
}

func (v scalar[T]) set(text string) error {
	parsed, err := v.parse(text)
	if err != nil {
		return err
	}
	if v.valid != nil {
		if err := v.valid(parsed); err != nil {
			return err
		}
	}
	*v.to = parsed
	return nil
}

func (v scalar[T]) check() error {
	if v.valid == nil {
		return nil
	}
	return v.valid(*v.to)
}

func (v scalar[T]) show() string { return v.format(*v.to) }

func (v scalar[T]) plain() any {
	if v.native {
		return *v.to
	}
	return v.show()
}

func (v scalar[T]) kind() string { return v.word }

func same(s string) string                    { return s }
func accept(s string) (string, error)         { return s, nil }
func bad(read any, want string) error         { return fmt.Errorf("read %q, want %s", fmt.Sprint(read), want) }
func badf(read any, f string, a ...any) error { return bad(read, fmt.Sprintf(f, a...)) }

// text is a string; valid may be nil.
func text(to *string, valid func(string) error) value {
	return scalar[string]{to: to, parse: accept, format: same, valid: valid, word: "text"}
}

// pathValue is a file or folder; load.go resolves it against the folder of the settings file that names it.
type pathValue struct{ scalar[string] }

func path(to *string) value {
	return pathValue{scalar[string]{to: to, parse: accept, format: same, word: "path"}}
}

func secret(to *Secret) value {
	parse := func(s string) (Secret, error) { return NewSecret(s), nil }
	return scalar[Secret]{to: to, parse: parse, format: Secret.String, word: "secret"}
}

func choice(to *string, options ...string) value {
	var words []string
	for _, o := range options {
		if o != "" {
			words = append(words, o)
		}
	}
	word := strings.Join(words, ", ")
	valid := func(s string) error {
		if slices.Contains(options, s) {
			return nil
		}
		return badf(s, "one of %s%s", word, suggestion(s, words))
	}
	return scalar[string]{to: to, parse: accept, format: same, valid: valid, word: "one of " + word}
}

// boolean takes true and false only: "yes", "1" and "on" mean different things to different readers of YAML.
func boolean(to *bool) value {
	parse := func(s string) (bool, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, bad(s, "true or false")
	}
	return scalar[bool]{to: to, parse: parse, format: strconv.FormatBool, native: true, word: "true or false"}
}

func number(to *int, low, high int) value {
	word := fmt.Sprintf("number, %d to %d", low, high)
	return integer(to, word, fmt.Sprintf("a whole number from %d to %d", low, high), func(n int) bool { return n >= low && n <= high })
}

// replicas is a replication factor; -1 leaves it to the broker.
func replicas(to *int) value {
	valid := func(n int) bool { return n == -1 || n >= 1 && n <= math.MaxInt16 }
	return integer(to, "number, 1 to 32767, or -1", "a whole number from 1 to 32767, or -1", valid)
}

func integer(to *int, word, want string, valid func(int) bool) value {
	parse := func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, bad(s, want)
		}
		return n, nil
	}
	check := func(n int) error {
		if !valid(n) {
			return bad(n, want)
		}
		return nil
	}
	return scalar[int]{to: to, parse: parse, format: strconv.Itoa, valid: check, native: true, word: word}
}

func duration(to *time.Duration, low, high time.Duration) value {
	valid := func(d time.Duration) error {
		if d < low || d > high {
			return badf(formatDuration(d), "a duration from %s to %s", formatDuration(low), formatDuration(high))
		}
		return nil
	}
	word := fmt.Sprintf("duration, %s to %s", formatDuration(low), formatDuration(high))
	return scalar[time.Duration]{to: to, parse: parseDuration, format: formatDuration, valid: valid, word: word}
}

// parseDuration reads Go's durations, with weeks and days before them: "1w2d", "1d12h", "90s".
func parseDuration(s string) (time.Duration, error) {
	wrong := bad(s, "a duration such as 500ms, 30s, 1h30m, 2d or 1w")
	var sum time.Duration
	rest := s
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		digits, after, found := strings.Cut(rest, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil || time.Duration(n) > (math.MaxInt64-sum)/unit.long {
			return 0, wrong
		}
		sum, rest = sum+time.Duration(n)*unit.long, after
		if rest == "" {
			return sum, nil
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-sum {
		return 0, wrong
	}
	return sum + d, nil
}

// formatDuration writes d as parseDuration reads it, without the zero minutes and seconds that Go adds.
func formatDuration(d time.Duration) string {
	if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
		if days%7 == 0 {
			return strconv.FormatInt(int64(days/7), 10) + "w"
		}
		return strconv.FormatInt(int64(days), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeUnits are the units of sizes, largest first; the one without a name is a byte.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}

func size(to *int64, low, high int64) value {
	valid := func(n int64) error {
		if n < low || n > high {
			return badf(formatSize(n), "a size from %s to %s", formatSize(low), formatSize(high))
		}
		return nil
	}
	word := fmt.Sprintf("size, %s to %s", formatSize(low), formatSize(high))
	return scalar[int64]{to: to, parse: parseSize, format: formatSize, valid: valid, word: word}
}

// parseSize reads whole bytes with a unit: "32MiB", "1 GB", "65536".
func parseSize(s string) (int64, error) {
	for _, unit := range sizeUnits {
		digits, found := strings.CutSuffix(s, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimRight(digits, " "), 10, 63)
		if err != nil || int64(n) > math.MaxInt64/unit.bytes {
			break
		}
		return int64(n) * unit.bytes, nil
	}
	return 0, bad(s, "a size such as 32MiB, 500kB or 65536")
}

// formatSize writes n in the largest binary unit that divides it.
func formatSize(n int64) string {
	for _, unit := range sizeUnits[:3] {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}

// listValue is several pieces of text; in one string they are parted by commas.
type listValue struct {
	to    *[]string
	valid func(string) error
	path  bool
}

func list(to *[]string, valid func(string) error) value { return listValue{to: to, valid: valid} }

func paths(to *[]string) value { return listValue{to: to, valid: notEmpty, path: true} }

func (v listValue) set(text string) error {
	if strings.TrimSpace(text) == "" {
		return v.setItems(nil)
	}
	items := strings.Split(text, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return v.setItems(items)
}

func (v listValue) setItems(items []string) error {
	var errs []error
	for i, item := range items {
		if err := v.valid(item); err != nil {
			errs = append(errs, fmt.Errorf("item %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	*v.to = slices.Clone(items)
	return nil
}

func (v listValue) check() error { return v.setItems(*v.to) }
func (v listValue) show() string { return strings.Join(*v.to, ",") }
func (v listValue) kind() string { return "list" }

func (v listValue) plain() any {
	if len(*v.to) == 0 {
		return []string{}
	}
	return *v.to
}

func notEmpty(s string) error {
	if s == "" {
		return bad(s, "text")
	}
	return nil
}

// isAddress wants a host and a port to connect to.
func isAddress(s string) error { return checkAddress(s, true) }

// isListen wants a port to listen on; the host may be left out.
func isListen(s string) error { return checkAddress(s, false) }

func checkAddress(s string, dial bool) error {
	want := "host:port, such as localhost:9092"
	if !dial {
		want = "host:port, such as 127.0.0.1:8090 or :8090"
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil || strings.ContainsAny(host, " /@") {
		return bad(s, want)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || dial && (n == 0 || host == "") {
		return bad(s, want)
	}
	return nil
}

// isName wants what Kafka takes as part of a group or topic name.
func isName(s string) error {
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
	}
	if s == "" || len(s) > 100 || strings.ContainsFunc(s, func(r rune) bool { return !legal(r) }) {
		return bad(s, "1 to 100 letters, digits, dots, dashes and underscores")
	}
	return nil
}

func isNameOrEmpty(s string) error {
	if s == "" {
		return nil
	}
	return isName(s)
}

// registryURL is shown as it is, so it must not carry a password.
func isRegistryURL(s string) error {
	parsed, err := url.Parse(s)
	switch {
	case err != nil, parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Host == "":
		return bad(NewURL(s), "http://HOST:PORT or https://HOST:PORT")
	case parsed.User != nil:
		return errors.New("the address carries a user; put it into registry.username and registry.password_file")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return errors.New("the address carries a query; want http://HOST:PORT or https://HOST:PORT")
	}
	return nil
}

// isAPIURL accepts the address of an API, or none.
func isAPIURL(s string) error {
	parsed, err := url.Parse(s)
	switch {
	case s == "":
		return nil
	case err != nil, parsed.Scheme != "http" && parsed.Scheme != "https", parsed.Host == "", parsed.RawQuery != "", parsed.Fragment != "":
		return bad(NewURL(s), "http://HOST:PORT or https://HOST:PORT")
	case parsed.User != nil:
		return errors.New("the address carries a user; who writes has a token: api.token_file")
	default:
		return nil
	}
}

func urlValue(to *URL, valid func(URL) error) value {
	parse := func(s string) (URL, error) { return NewURL(s), nil }
	return scalar[URL]{to: to, parse: parse, format: URL.String, valid: valid, word: "URL"}
}

func ledgerURL(to *URL) value {
	return urlValue(to, func(u URL) error {
		_, rest, _ := strings.Cut(u.Reveal(), "://")
		switch u.Scheme() {
		case "sqlite":
			if rest != "" {
				return nil
			}
		case "postgres", "postgresql":
			if parsed, err := url.Parse(u.Reveal()); err == nil && parsed.Host != "" {
				return nil
			}
		}
		return bad(u, "sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE")
	})
}

func webhookURL(to *URL) value {
	return urlValue(to, func(u URL) error {
		if u.Empty() {
			return nil
		}
		parsed, err := url.Parse(u.Reveal())
		if err != nil || u.Scheme() != "http" && u.Scheme() != "https" || parsed.Host == "" {
			return bad(u, "https://HOST/PATH")
		}
		return nil
	})
}
