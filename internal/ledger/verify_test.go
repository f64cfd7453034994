package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tamper runs SQL behind the ledger's back.
func tamper(t tb, l *Ledger, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := l.db.ExecContext(context.Background(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// reseal gives the entries from one on hashes that fit again, as a careful forger would; the head too, if asked.
func reseal(t tb, l *Ledger, from, to int64, andHead bool) {
	t.Helper()
	ctx := context.Background()
	prev := Genesis
	if from > 1 {
		if err := l.db.QueryRowContext(ctx, "SELECT hash FROM ledger_entries WHERE seq = $1", from-1).Scan(&prev); err != nil {
			t.Fatal(err)
		}
	}
	var rows []row
	if err := l.eachRow(ctx, func(r *row) { rows = append(rows, *r) }); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.seq < from || r.seq > to {
			continue
		}
		r.prev = prev
		prev = r.seal(r.seq)
		tamper(t, l, fmt.Sprintf("UPDATE ledger_entries SET prev = '%s', hash = '%s' WHERE seq = %d", r.prev, prev, r.seq))
	}
	if andHead {
		tamper(t, l, "UPDATE ledger_head SET seq = (SELECT MAX(seq) FROM ledger_entries), hash = '"+prev+"'")
	}
}

// expect runs Verify and wants the fault how at seq.
func expect(t tb, l *Ledger, seq int64, how Fault, known ...Anchor) {
	t.Helper()
	n, err := l.Verify(context.Background(), known...)
	var got *TamperError
	if !errors.As(err, &got) || got.Seq != seq || got.How != how {
		t.Fatalf("Verify = %v; want entry %d %s", err, seq, how)
	}
	if n != max(seq-1, 0) {
		t.Fatalf("Verify counts %d sound entries before entry %d", n, seq)
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	const n = 11
	cells := map[string]string{
		"happened": "1996-11-04T00:00:00Z", "kind": "x", "subject": "x", "actor": "x", "body": `{"number": 0}`, "prev": Genesis[:63] + "1", "hash": Genesis,
	}
	type test struct {
		name  string
		do    func(t *testing.T, l *Ledger)
		seq   int64
		how   Fault
		known bool // the true head is given as an anchor
	}
	sql := func(s ...string) func(*testing.T, *Ledger) {
		return func(t *testing.T, l *Ledger) { tamper(t, l, s...) }
	}
	var tests []test
	for column, value := range cells {
		tests = append(tests, test{name: "edit " + column, seq: 8, how: Edited, do: sql(
			fmt.Sprintf("UPDATE ledger_entries SET %s = '%s' WHERE seq = 8", column, value))})
	}
	tests = append(
		tests,
		test{name: "edit a time into the same instant", seq: 7, how: Edited, do: sql(
			"UPDATE ledger_entries SET happened = REPLACE(happened, 'Z', '+00:00') WHERE seq = 7")},
		test{name: "exchange two bodies", seq: 3, how: Edited, do: sql(
			`UPDATE ledger_entries SET body = '{"number": 5}' WHERE seq = 3`, `UPDATE ledger_entries SET body = '{"number": 3}' WHERE seq = 5`)},
		test{name: "edit and reseal one", seq: 5, how: Edited, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, "UPDATE ledger_entries SET actor = 'eve' WHERE seq = 5")
			reseal(t, l, 5, 5, false)
		}},
		test{name: "edit and reseal the first", seq: 1, how: Edited, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, "UPDATE ledger_entries SET actor = 'eve' WHERE seq = 1")
			reseal(t, l, 1, 1, false)
		}},
		test{name: "edit and reseal the last", seq: n, how: Edited, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, fmt.Sprintf("UPDATE ledger_entries SET actor = 'eve' WHERE seq = %d", n))
			reseal(t, l, n, n, false)
		}},
		test{name: "edit and reseal to the end", seq: n, how: Edited, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, "UPDATE ledger_entries SET actor = 'eve' WHERE seq = 6")
			reseal(t, l, 6, n, false)
		}},
		test{name: "edit and reseal everything", seq: n, how: Edited, known: true, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, "UPDATE ledger_entries SET actor = 'eve' WHERE seq = 6")
			reseal(t, l, 6, n, true)
		}},
		test{name: "delete the first", seq: 1, how: Missing, do: sql("DELETE FROM ledger_entries WHERE seq = 1")},
		test{name: "delete one", seq: 4, how: Missing, do: sql("DELETE FROM ledger_entries WHERE seq = 4")},
		test{name: "delete one and renumber", seq: 5, how: Missing, do: sql(
			"DELETE FROM ledger_entries WHERE seq = 5", "UPDATE ledger_entries SET seq = -seq WHERE seq > 5",
			"UPDATE ledger_entries SET seq = -seq - 1 WHERE seq < 0")},
		test{name: "delete, renumber, reseal", seq: n, how: Missing, known: true, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, "DELETE FROM ledger_entries WHERE seq = 5", "UPDATE ledger_entries SET seq = -seq WHERE seq > 5",
				"UPDATE ledger_entries SET seq = -seq - 1 WHERE seq < 0")
			reseal(t, l, 5, n, true)
		}},
		test{name: "cut the last", seq: n, how: Missing, do: sql(fmt.Sprintf("DELETE FROM ledger_entries WHERE seq = %d", n))},
		test{name: "cut most, and the head", seq: 3, how: Missing, known: true, do: sql(
			"DELETE FROM ledger_entries WHERE seq > 2",
			"UPDATE ledger_head SET seq = 2, hash = (SELECT hash FROM ledger_entries WHERE seq = 2)")},
		test{name: "cut all, and the head", seq: 1, how: Missing, known: true, do: sql(
			"DELETE FROM ledger_entries", "UPDATE ledger_head SET seq = 0, hash = '"+Genesis+"'")},
		test{name: "cut all", seq: 1, how: Missing, do: sql("DELETE FROM ledger_entries")},
		test{name: "drop the head", seq: 1, how: Missing, do: sql("DELETE FROM ledger_head")},
		test{name: "exchange two neighbours", seq: 4, how: Reordered, do: sql(swap(4, 5)...)},
		test{name: "exchange two far apart", seq: 3, how: Reordered, do: sql(swap(3, n)...)},
		test{name: "move the first to the end", seq: 1, how: Missing, do: sql(
			fmt.Sprintf("UPDATE ledger_entries SET seq = %d WHERE seq = 1", n+1))},
		test{name: "copy one to the end", seq: n + 1, how: Added, do: sql(fmt.Sprintf(
			"INSERT INTO ledger_entries SELECT %d, happened, kind, subject, actor, body, prev, hash FROM ledger_entries WHERE seq = 4", n+1))},
		test{name: "copy one to the front", seq: 0, how: Added, do: sql(
			"INSERT INTO ledger_entries SELECT 0, happened, kind, subject, actor, body, prev, hash FROM ledger_entries WHERE seq = 4")},
		test{name: "add one with a fitting hash", seq: n + 1, how: Added, do: func(t *testing.T, l *Ledger) {
			tamper(t, l, fmt.Sprintf(
				"INSERT INTO ledger_entries SELECT %d, happened, kind, subject, actor, body, prev, hash FROM ledger_entries WHERE seq = 4", n+1))
			reseal(t, l, n+1, n+1, false)
		}},
		test{name: "edit the head", seq: n, how: Edited, do: sql("UPDATE ledger_head SET hash = '" + Genesis + "'")},
		test{name: "raise the head", seq: n + 1, how: Missing, do: sql("UPDATE ledger_head SET seq = seq + 1")},
	)

	// Writing the entries anew for every test is slow: each test runs on a copy inside one database.
	l := inMemory(t)
	l.page = 4 // so that the faults lie on different pages
	write(t, l, numbered(n))
	seq, hash, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head := Anchor{seq, hash}
	tamper(t, l, "CREATE TABLE good_entries AS SELECT * FROM ledger_entries", "CREATE TABLE good_head AS SELECT * FROM ledger_head")
	restore := func(t *testing.T) {
		tamper(t, l, "DELETE FROM ledger_entries", "DELETE FROM ledger_head",
			"INSERT INTO ledger_entries SELECT * FROM good_entries", "INSERT INTO ledger_head SELECT * FROM good_head")
		if got, err := l.Verify(t.Context(), head, Anchor{0, Genesis}); got != n || err != nil {
			t.Fatalf("Verify of the untouched ledger = %d, %v", got, err)
		}
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			restore(t)
			test.do(t, l)
			if test.known {
				if _, err := l.Verify(t.Context()); err != nil {
					t.Errorf("without an anchor: %v; the test is not about anchors", err)
				}
				expect(t, l, test.seq, test.how, Anchor{0, Genesis}, head)
				return
			}
			expect(t, l, test.seq, test.how)
		})
	}
}

func swap(a, b int) []string {
	return []string{
		fmt.Sprintf("UPDATE ledger_entries SET seq = -1 WHERE seq = %d", a),
		fmt.Sprintf("UPDATE ledger_entries SET seq = %d WHERE seq = %d", a, b),
		fmt.Sprintf("UPDATE ledger_entries SET seq = %d WHERE seq = -1", b),
	}
}

// Append must not build on a chain whose end is wrong: the new entries would hide it.
func TestAppendRefusesABrokenEnd(t *testing.T) {
	for _, damage := range []string{
		"DELETE FROM ledger_entries WHERE seq = 4", "DELETE FROM ledger_entries", "DELETE FROM ledger_head",
		"UPDATE ledger_head SET seq = 3", "UPDATE ledger_entries SET hash = '" + Genesis + "' WHERE seq = 4",
	} {
		l := inMemory(t)
		write(t, l, numbered(4))
		tamper(t, l, damage)
		before := dump(t, l)
		var tampered *TamperError
		if err := l.Append(t.Context(), numbered(1), []Offset{{"t", 0, 1}}, nil); !errors.As(err, &tampered) {
			t.Errorf("Append after %q: %v", damage, err)
		}
		if dump(t, l) != before {
			t.Errorf("Append after %q wrote something", damage)
		}
	}
}

// Whatever one cell is changed to, whatever order the rows are put in and whichever are deleted, the first wrong one is named.
func TestVerifyNamesTheFirstFault(t *testing.T) {
	const n = 8
	l := inMemory(t)
	l.page = 3
	write(t, l, numbered(n))
	tamper(t, l, "CREATE TABLE good_entries AS SELECT * FROM ledger_entries")
	rapid.Check(t, func(t *rapid.T) {
		tamper(t, l, "DELETE FROM ledger_entries", "INSERT INTO ledger_entries SELECT * FROM good_entries")
		switch rapid.SampledFrom([]string{"edit", "permute", "delete"}).Draw(t, "tampering") {
		case "edit":
			seq := rapid.Int64Range(1, n).Draw(t, "seq")
			column := rapid.SampledFrom([]string{"happened", "kind", "subject", "actor", "body", "prev", "hash"}).Draw(t, "column")
			cut := rapid.IntRange(0, 1).Draw(t, "cut")
			done, err := l.db.ExecContext(t.Context(), "UPDATE ledger_entries SET "+column+" = SUBSTR("+column+", 1, LENGTH("+column+") - $1) || $2 WHERE seq = $3",
				cut, rapid.StringMatching(`[a-z0-9}]{1,3}`).Draw(t, "text"), seq)
			if err != nil {
				t.Fatal(err)
			}
			if rows, err := done.RowsAffected(); rows != 1 || err != nil {
				t.Fatal(rows, err)
			}
			var same int
			if err := l.db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM (SELECT * FROM ledger_entries INTERSECT SELECT * FROM good_entries) AS same").Scan(&same); err != nil {
				t.Fatal(err)
			}
			if same == n {
				t.Skip("the edit changed nothing")
			}
			expect(t, l, seq, Edited)
		case "permute":
			order := rapid.Permutation([]int64{1, 2, 3, 4, 5, 6, 7, 8}).Draw(t, "order")
			for i, from := range order {
				tamper(t, l, fmt.Sprintf("UPDATE ledger_entries SET seq = %d WHERE seq = %d", -i-1, from))
			}
			tamper(t, l, "UPDATE ledger_entries SET seq = -seq")
			first := 0
			for first < n && order[first] == int64(first+1) {
				first++
			}
			if first == n {
				t.Skip("the identity")
			}
			expect(t, l, int64(first+1), Reordered)
		case "delete":
			gone := rapid.SliceOfNDistinct(rapid.Int64Range(1, n), 1, n, rapid.ID[int64]).Draw(t, "gone")
			for _, seq := range gone {
				tamper(t, l, fmt.Sprintf("DELETE FROM ledger_entries WHERE seq = %d", seq))
			}
			if rapid.Bool().Draw(t, "renumber") {
				next := 1
				for seq := range n {
					if !slices.Contains(gone, int64(seq+1)) {
						tamper(t, l, fmt.Sprintf("UPDATE ledger_entries SET seq = %d WHERE seq = %d", next, seq+1))
						next++
					}
				}
			}
			expect(t, l, slices.Min(gone), Missing)
		}
	})
}

// The hash covers each field at its place: moving bytes from one field to the next changes it.
func TestSealIsOneToOne(t *testing.T) {
	text := rapid.StringMatching(`[ab]{0,3}`)
	anyRow := rapid.Custom(func(t *rapid.T) row {
		return row{
			seq: rapid.Int64Range(1, 3).Draw(t, "seq"), at: text.Draw(t, "at"), kind: text.Draw(t, "kind"), subject: text.Draw(t, "subject"),
			actor: text.Draw(t, "actor"), body: text.Draw(t, "body"), prev: text.Draw(t, "prev"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyRow.Draw(t, "a"), anyRow.Draw(t, "b")
		if rapid.Bool().Draw(t, "shift") { // the same bytes, cut elsewhere
			b = a
			b.kind, b.subject = a.kind+a.subject, ""
		}
		if (a.seal(a.seq) == b.seal(b.seq)) != (a == b) {
			t.Fatal(a, b)
		}
	})
}

func TestVerifyWhileAppending(t *testing.T) {
	l := inMemory(t)
	l.page = 10
	write(t, l, numbered(31))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 20 {
			if err := l.Append(context.Background(), numbered(3), nil, nil); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 3 {
		if _, err := l.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	}
	<-done
	if n, err := l.Verify(t.Context()); n != 91 || err != nil {
		t.Errorf("Verify = %d, %v", n, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
	defer cancel()
	if _, err := l.Verify(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Verify after the deadline: %v", err)
	}
}
