package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(1996, 11, 3, 0, 0, 0, 10, time.UTC)

// tb is what helpers need of *testing.T and *rapid.T.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// postgresHere is where the tests of this package run instead, if it is set: the URL of a PostgreSQL database. Each test makes a schema of its own there.
const postgresHere = "PLUMBLINE_TEST_POSTGRES"

// inMemory is an empty ledger.
func inMemory(t *testing.T) *Ledger {
	t.Helper()
	return open(t, emptyURL(t))
}

// emptyURL is the URL of an empty ledger that can be opened several times, unless it is in memory.
func emptyURL(t *testing.T) string {
	t.Helper()
	base := os.Getenv(postgresHere)
	if base == "" {
		return "sqlite::memory:"
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // what it did is checked
	name := fmt.Sprintf("plumbline_%d_%d", os.Getpid(), schemas.Add(1))
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db, err := sql.Open("pgx", base)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }() // what it did is checked
		if _, err := db.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

var schemas atomic.Int64

func open(t *testing.T, url string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func numbered(n int) []Entry {
	all := make([]Entry, n)
	for i := range all {
		all[i] = Entry{
			At: day.Add(time.Duration(i) * time.Minute), Kind: []string{"opened", "closed"}[i%2], Subject: fmt.Sprintf("incident-%d", i%3),
			Actor: "alerter", Body: fmt.Appendf(nil, `{"number": %d}`, i+1),
		}
	}
	return all
}

func write(t tb, l *Ledger, entries []Entry) {
	t.Helper()
	if err := l.Append(context.Background(), entries, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// dump is everything the ledger stores, as text.
func dump(t tb, l *Ledger) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []string{
		"ledger_entries ORDER BY seq", "ledger_head", "ledger_offsets ORDER BY topic, part", "ledger_outbox ORDER BY position",
	} {
		rows, err := l.db.QueryContext(context.Background(), "SELECT * FROM "+table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(sql.NullString)
			}
			if err := rows.Scan(cells...); err != nil {
				t.Fatal(err)
			}
			for _, c := range cells {
				fmt.Fprintf(&b, "%q ", c.(*sql.NullString).String)
			}
			b.WriteByte('\n')
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func collect(t tb, l *Ledger, kind string, from int64) []Entry {
	t.Helper()
	var all []Entry
	if err := l.Each(context.Background(), kind, from, func(e Entry) error {
		all = append(all, e)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// The hashes were computed by a separate program from the documented encoding: they pin the format.
func TestHashesOfKnownEntries(t *testing.T) {
	l := inMemory(t)
	entries := []Entry{
		{At: day, Kind: "incident.opened", Subject: "9f2c", Actor: "alerter", Body: []byte(`{"title": "caf` + "\u00e9" + `"}`)},
		{
			At:   time.Date(2026, 3, 25, 2, 0, 0, 0, time.FixedZone("CET", 3600)),
			Kind: "incident.acknowledged", Subject: "9f2c", Actor: "ana", Body: []byte("null"),
		},
	}
	write(t, l, entries)
	const first = "fc95f4dfc5c572b943974ae67dec3e701cd376440b8dcf5ccbe04e6c5e518af1"
	const second = "ece274b32d6a5654eba8a4554d749319d53b6691f6fcf1891d66a5dd85f7099b"
	want := []Entry{entries[0], entries[1]}
	want[0].Seq, want[0].Prev, want[0].Hash = 1, Genesis, first
	want[1].Seq, want[1].Prev, want[1].Hash = 2, first, second
	if d := cmp.Diff(want, entries); d != "" {
		t.Errorf("Append filled in (-want +got):\n%s", d)
	}
	want[1].At = want[1].At.UTC()
	if d := cmp.Diff(want, collect(t, l, "", 0)); d != "" {
		t.Errorf("Each gives (-want +got):\n%s", d)
	}
	if seq, hash, err := l.Head(t.Context()); seq != 2 || hash != second || err != nil {
		t.Errorf("Head = %d, %s, %v", seq, hash, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for url, want := range map[string]string{
		"":                                  "no scheme",
		"ledger.db":                         "no scheme",
		"mysql://u:secret@host/ledger":      `scheme is "mysql"; supported are sqlite://PATH, sqlite::memory: and postgres://`,
		"postgres://u:secret@host:no/l":     "invalid port",
		"sqlite:ledger.db":                  "supported are",
		"sqlite://":                         "names no file",
		"sqlite:///no/such/folder/ledger":   "no folder /no/such/folder",
		"sqlite://" + os.Args[0] + "/under": "no folder",
	} {
		l, err := Open(t.Context(), url)
		if err == nil {
			t.Errorf("Open(%q) succeeded", url)
			_ = l.Close()
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "open ledger: ") || strings.Contains(err.Error(), "secret") {
			t.Errorf("Open(%q): %v; want it to say %q", url, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, "sqlite::memory:"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context: %v", err)
	}
}

func TestOpenAgainFindsEverything(t *testing.T) {
	// Characters that mean something in a URL must not end the file's name.
	path := filepath.Join(t.TempDir(), "my ledger?mode=memory#1 %20.db")
	l, err := Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	err = l.Append(t.Context(), numbered(3), []Offset{{"findings", 1, 7}}, []Outgoing{{"a", "slack", []byte("{}"), day}})
	if err != nil {
		t.Fatal(err)
	}
	before := dump(t, l)
	var mode, sync string
	for pragma, to := range map[string]*string{"journal_mode": &mode, "synchronous": &sync} {
		if err := l.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(to); err != nil {
			t.Fatal(err)
		}
	}
	if mode != "wal" || sync != "2" {
		t.Errorf("journal_mode %s, synchronous %s; want wal and 2 (full)", mode, sync)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	l = open(t, "sqlite://"+path)
	if d := cmp.Diff(before, dump(t, l)); d != "" {
		t.Error(d)
	}
	write(t, l, numbered(2))
	if n, err := l.Verify(t.Context()); n != 5 || err != nil {
		t.Errorf("Verify = %d, %v", n, err)
	}
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	url := "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	l := open(t, url)
	if _, err := l.db.ExecContext(t.Context(), "UPDATE ledger_schema SET version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), url); err == nil || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("Open = %v", err)
	}
}

func TestAppendIsAllOrNothing(t *testing.T) {
	good := func() ([]Entry, []Offset, []Outgoing) {
		return numbered(2), []Offset{{"findings", 0, 12}, {"findings", 1, 5}},
			[]Outgoing{{"a", "slack", []byte("{}"), day}, {"b", "slack", []byte("{}"), day}}
	}
	for name, spoil := range map[string]func(*[]Entry, *[]Offset, *[]Outgoing) (want string){
		"no kind":       func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Kind = ""; return "has no kind" },
		"no JSON":       func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Body = []byte("{"); return "not JSON" },
		"no body":       func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Body = nil; return "not JSON" },
		"invalid UTF-8": func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Actor = "\xff"; return "UTF-8" },
		"UTF-8 in body": func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Body = []byte("\"\xff\""); return "UTF-8" },
		"NUL":           func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string { (*e)[1].Subject = "a\x00b"; return "NUL" },
		"year 10000": func(e *[]Entry, _ *[]Offset, _ *[]Outgoing) string {
			(*e)[1].At = day.AddDate(9000, 0, 0)
			return "year 10996"
		},
		"stale offset": func(_ *[]Entry, o *[]Offset, _ *[]Outgoing) string {
			(*o)[1].Next = 3
			return "findings/1: 3 would follow 4"
		},
		"negative offset": func(_ *[]Entry, o *[]Offset, _ *[]Outgoing) string { (*o)[1].Next = -1; return "start at 0" },
		"no topic":        func(_ *[]Entry, o *[]Offset, _ *[]Outgoing) string { (*o)[1].Topic = ""; return "topic" },
		"no sink": func(_ *[]Entry, _ *[]Offset, m *[]Outgoing) string {
			(*m)[1].Sink = ""
			return "needs an id and a sink"
		},
		"binary message":   func(_ *[]Entry, _ *[]Offset, m *[]Outgoing) string { (*m)[1].Body = []byte{0}; return "NUL" },
		"context is over":  func(*[]Entry, *[]Offset, *[]Outgoing) string { return "context canceled" },
		"outbox is broken": func(*[]Entry, *[]Offset, *[]Outgoing) string { return "ledger_outbox" },
	} {
		t.Run(name, func(t *testing.T) {
			l := inMemory(t)
			if err := l.Append(t.Context(), numbered(3), []Offset{{"findings", 1, 4}}, nil); err != nil {
				t.Fatal(err)
			}
			before := dump(t, l)
			e, o, m := good()
			want := spoil(&e, &o, &m)
			given := numbered(2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if name == "context is over" {
				cancel()
			}
			if name == "outbox is broken" { // the last thing written: everything before it must be undone
				rename(t, l, "ledger_outbox", "elsewhere")
			}
			err := l.Append(ctx, e, o, m)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Append = %v; want it to say %q", err, want)
			}
			if errors.Is(err, ErrStaleOffset) != (name == "stale offset") {
				t.Errorf("errors.Is(%v, ErrStaleOffset) is wrong", err)
			}
			for i := range e {
				if e[i].Seq != given[i].Seq || e[i].Hash != "" {
					t.Errorf("entry %d was filled in: %+v", i, e[i])
				}
			}
			if name == "outbox is broken" {
				rename(t, l, "elsewhere", "ledger_outbox")
			}
			if d := cmp.Diff(before, dump(t, l)); d != "" {
				t.Errorf("the failed Append left something:\n%s", d)
			}
			e, o, m = good()
			if err := l.Append(t.Context(), e, o, m); err != nil {
				t.Errorf("Append afterwards: %v", err)
			}
			if n, err := l.Verify(t.Context()); n != 5 || err != nil {
				t.Errorf("Verify afterwards = %d, %v", n, err)
			}
		})
	}
}

func rename(t *testing.T, l *Ledger, from, to string) {
	t.Helper()
	if _, err := l.db.ExecContext(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
		t.Fatal(err)
	}
}

func TestOffsets(t *testing.T) {
	l := inMemory(t)
	ctx := t.Context()
	for _, step := range [][]Offset{{{"b", 2, 5}, {"b", 10, 1}, {"a", 0, 0}}, {{"b", 2, 5}}, {{"b", 2, 9}}} {
		if err := l.Append(ctx, nil, step, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := l.Offsets(ctx)
	if d := cmp.Diff([]Offset{{"a", 0, 0}, {"b", 2, 9}, {"b", 10, 1}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if err := l.ForgetOffsets(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, nil, []Offset{{"b", 2, 1}}, nil); err != nil {
		t.Error(err)
	}
	got, err = l.Offsets(ctx)
	if d := cmp.Diff([]Offset{{"a", 0, 0}, {"b", 2, 1}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestEach(t *testing.T) {
	const page = 8
	l := inMemory(t)
	l.page = page
	want := numbered(2*page + 3)
	write(t, l, want)
	if d := cmp.Diff(want, collect(t, l, "", -5)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want[page:], collect(t, l, "", page+1)); d != "" {
		t.Error(d)
	}
	var closed []Entry
	for _, e := range want[9:] {
		if e.Kind == "closed" {
			closed = append(closed, e)
		}
	}
	if d := cmp.Diff(closed, collect(t, l, "closed", 10)); d != "" {
		t.Error(d)
	}
	if got := collect(t, l, "none", 0); got != nil {
		t.Errorf("entries of a kind that isn't there: %v", got)
	}

	// A visitor may write; what it appends is visited too.
	l = inMemory(t)
	l.page = page
	write(t, l, numbered(page))
	seen := 0
	err := l.Each(t.Context(), "", 0, func(e Entry) error {
		seen++
		if seen <= 5 {
			return l.Append(t.Context(), []Entry{{At: e.At, Kind: "echo", Body: []byte("0")}}, nil, nil)
		}
		return nil
	})
	if err != nil || seen != page+5 {
		t.Errorf("visited %d entries, %v; want %d", seen, err, page+5)
	}

	stop := errors.New("enough")
	if err := l.Each(t.Context(), "", 0, func(Entry) error { return stop }); err != stop { //nolint:errorlint // it must come back as it is
		t.Errorf("Each = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = l.Each(ctx, "", 0, func(Entry) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Each after cancel = %v", err)
	}
}

// Several processes on one database: each entry lands once and the chain holds.
func TestWritersInTurn(t *testing.T) {
	url := emptyURL(t)
	if os.Getenv(postgresHere) == "" {
		url = "sqlite://" + filepath.Join(t.TempDir(), "ledger.db")
	}
	const writers, rounds = 4, 10
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			l, err := Open(t.Context(), url)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range rounds {
				e := []Entry{{At: day, Kind: "k", Actor: fmt.Sprint(w), Body: fmt.Append(nil, i)}, {At: day, Kind: "k", Body: []byte("0")}}
				if err := l.Append(t.Context(), e, nil, nil); err != nil {
					t.Error(err)
				}
				if e[1].Prev != e[0].Hash {
					t.Errorf("writer %d: another entry came between two of one Append", w)
				}
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	l := open(t, url)
	if n, err := l.Verify(t.Context()); n != 2*writers*rounds || err != nil {
		t.Errorf("Verify = %d, %v", n, err)
	}
}

// SQLite runs in process, so a ledger works in a bubble, where only virtual time passes.
func TestInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t, "sqlite::memory:")
		start := time.Now()
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					write(t, l, numbered(1))
				}
			})
		}
		wg.Wait()
		if n, err := l.Verify(t.Context()); n != 20 || err != nil {
			t.Errorf("Verify = %d, %v", n, err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("%v of virtual time passed", d)
		}
	})
}

func TestNothingIsAliased(t *testing.T) {
	l := inMemory(t)
	entries := numbered(1)
	write(t, l, entries)
	got := collect(t, l, "", 0)
	got[0].Body[0] = 'X'
	entries[0].Body[0] = 'Y'
	if again := collect(t, l, "", 0); !bytes.HasPrefix(again[0].Body, []byte("{")) {
		t.Errorf("body is now %s", again[0].Body)
	}
}

// A context that ends anywhere within Append leaves all of it or nothing, and a ledger in memory survives it.
func TestCancelledAppends(t *testing.T) {
	l := inMemory(t)
	const batch = 20
	want := int64(0)
	for i := range 40 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range i * 50 { // a different moment each time, the last ones mostly after the end
				runtime.Gosched()
			}
			cancel()
		}()
		err := l.Append(ctx, numbered(batch), nil, nil)
		if err == nil {
			want += batch
		} else if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cancel()
		if os.Getenv(postgresHere) != "" && err != nil { // a commit on its way may come through: then all of it has
			if n, _, err := l.Head(t.Context()); err == nil && n == want+batch {
				want = n
			}
		}
		if n, err := l.Verify(t.Context()); n != want || err != nil {
			t.Fatalf("round %d: Verify = %d, %v; want %d", i, n, err, want)
		}
	}
}
