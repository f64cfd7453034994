//go:build integration

package integration

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// The ledger's own tests, which know nothing of the database, on PostgreSQL: every way to tamper with it among them.
func TestLedgerOnPostgres(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "synctests", "-count=1", "./internal/ledger")
	cmd.Dir = here.root
	cmd.Env = append(os.Environ(), "PLUMBLINE_TEST_POSTGRES="+here.postgres)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// onPostgres gives the installation a ledger of its own on PostgreSQL.
func (s *system) onPostgres() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("pgx", here.postgres)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	name := "ledger_" + s.prefix
	for _, step := range []string{"DROP SCHEMA IF EXISTS " + name + " CASCADE", "CREATE SCHEMA " + name} {
		if _, err := db.ExecContext(s.t.Context(), step); err != nil {
			s.t.Fatal(err)
		}
	}
	u, err := url.Parse(here.postgres)
	if err != nil {
		s.t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	s.ledger = u.String()
	s.set("PLUMBLINE_LEDGER_URL=" + s.ledger)
	return db
}

// Two alerters over one ledger on PostgreSQL, of which one is killed again and again while the stream goes on: what comes out is what comes out of one
// on SQLite, and nothing was entered twice. People's acts are entries beside. Then somebody edits a row.
func TestAlertersOnPostgres(t *testing.T) {
	s := fresh(t)
	db := s.onPostgres()
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	second := func() *process {
		return launch(t, alerter, append(s.env, "PLUMBLINE_GROUP_INSTANCE=1"))
	}
	other := second()
	for i := range 4 {
		s.midway(in, 5, "kill -9 an alerter", func() {
			if i%2 == 0 {
				s.restart(alerter)
				return
			}
			other.kill()
			other = second()
		})
	}
	in.rest()
	s.settle()
	compare(t, "two alerters", s.verdicts())
	s.enteredOnce()

	// The one that works takes acts, the other says that it stands by.
	s.acted(other)
	code, out := s.run("audit", "head")
	anchor := strings.TrimSpace(out)
	if code != 0 {
		t.Fatalf("audit head ends with %d: %s", code, out)
	}
	if code, out := s.run("audit", "verify", "--anchor", anchor); code != 0 {
		t.Errorf("audit verify ends with %d: %s", code, out)
	}
	s.tampered(db, anchor)
}

// tampered changes the ledger's tables in every way, one after the other, and looks whether audit verify names each.
func (s *system) tampered(db *sql.DB, anchor string) {
	s.t.Helper()
	do := func(steps ...string) {
		s.t.Helper()
		for _, step := range steps {
			step = strings.NewReplacer("ENTRIES", "ledger_"+s.prefix+".ledger_entries", "HEAD", "ledger_"+s.prefix+".ledger_head", "GOOD", "ledger_"+s.prefix+".good").Replace(step)
			if _, err := db.ExecContext(s.t.Context(), step); err != nil {
				s.t.Fatalf("%s: %v", step, err)
			}
		}
	}
	s.runs[alerter].kill() // who works notices at its next entry and would refuse to go on
	do("CREATE TABLE GOOD_e AS SELECT * FROM ENTRIES", "CREATE TABLE GOOD_h AS SELECT * FROM HEAD")
	for _, c := range []struct {
		name, says string
		steps      []string
	}{
		{"an edit", "is edited", []string{"UPDATE ENTRIES SET actor = 'eve' WHERE kind = 'act'"}},
		{"a deletion", "ledger entry 4 is missing", []string{"DELETE FROM ENTRIES WHERE seq = 4"}},
		{"another order", "ledger entry 4 is", []string{"UPDATE ENTRIES SET seq = -1 WHERE seq = 4", "UPDATE ENTRIES SET seq = 4 WHERE seq = 6", "UPDATE ENTRIES SET seq = 6 WHERE seq = -1"}},
		{"a cut below the anchor, with its head", "ledger entry 4 is missing", []string{"DELETE FROM ENTRIES WHERE seq > 3", "UPDATE HEAD SET seq = 3, hash = (SELECT hash FROM ENTRIES WHERE seq = 3)"}},
	} {
		do("DELETE FROM ENTRIES", "DELETE FROM HEAD", "INSERT INTO ENTRIES SELECT * FROM GOOD_e", "INSERT INTO HEAD SELECT * FROM GOOD_h")
		if code, out := s.run("audit", "verify", "--anchor", anchor); code != 0 {
			s.t.Fatalf("before %s audit verify ends with %d: %s", c.name, code, out)
		}
		do(c.steps...)
		if code, out := s.run("audit", "verify", "--anchor", anchor); code != 1 || !strings.Contains(out, c.says) {
			s.t.Errorf("after %s audit verify ends with %d: %s; want %q", c.name, code, out, c.says)
		}
	}
}

// enteredOnce looks whether every finding stands in the ledger once.
func (s *system) enteredOnce() {
	s.t.Helper()
	l, err := ledger.OpenReadOnly(s.t.Context(), s.ledger)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	times := map[string]int{}
	if err := l.Each(s.t.Context(), "finding", 0, func(e ledger.Entry) error {
		var f struct{ ID string }
		if err := json.Unmarshal(e.Body, &f); err != nil {
			return err
		}
		times[f.ID]++
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
	for id, n := range times {
		if n != 1 {
			s.t.Errorf("finding %s was entered %d times", id, n)
		}
	}
	if len(times) == 0 {
		s.t.Error("no finding was entered")
	}
}

// acted acknowledges an incident by whichever alerter works.
func (s *system) acted(other *process) {
	s.t.Helper()
	var list struct{ Incidents []struct{ ID string } }
	addresses := map[string]bool{}
	for _, p := range []*process{s.runs[alerter], other} {
		until(s.t, "the API of an alerter answers", func(ctx context.Context) error {
			status, body, err := p.get(ctx, "/api/v1/incidents?status=open")
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(body), &list); err != nil {
				return fmt.Errorf("it answers %d %s: %w", status, body, err)
			}
			if status != 200 || len(list.Incidents) == 0 {
				return fmt.Errorf("it answers %d %s", status, body)
			}
			return nil
		})
		address, _ := p.logged("serving")["address"].(string)
		addresses[address] = true
	}
	id := list.Incidents[0].ID
	var done, away int
	for address := range addresses {
		s.set("PLUMBLINE_API_URL=http://" + address)
		switch code, out := s.run("incidents", "ack", id, "--as", "ada", "--id", "the-one"); {
		case code == 0:
			done++
		case code == 3 && strings.Contains(out, "stands by"):
			away++
		default:
			s.t.Errorf("ack ends with %d: %s", code, out)
		}
	}
	if done != 1 || away != 1 {
		s.t.Error(errors.New("one alerter takes an act and the other stands by"), done, away)
	}
}
