//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Several people put contracts of one model in force at the same moment: first the first ones, then others that follow. Whoever is not
// told that somebody else was first is in force, and nobody else is. What keeps them apart is the broker.
func TestContractsAtTheSameMoment(t *testing.T) {
	s := fresh(t)
	newStream(t, s)
	text, err := os.ReadFile(contractFile())
	if err != nil {
		t.Fatal(err)
	}
	const people = 4
	folder := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(folder, name+".yaml")
		other := strings.Replace(string(text), "business: trading", "business: "+name, 1)
		if other == string(text) {
			t.Fatal("the contract's owners are not where they were")
		}
		if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inForce := 0
	for round := range 3 {
		var all []*process
		for i := range people {
			all = append(all, launch(t, "plumbline", s.env, "apply", file(fmt.Sprintf("team-%d-%d", round, i)), "--data", dataFile(), "--outcome-delay", "30m"))
		}
		done := 0
		for i, p := range all {
			switch code, said := p.wait(t), p.log.String(); {
			case code == 0:
				done++
			case code != 1 || !strings.Contains(said, "overtaken: somebody else") || !strings.Contains(said, "this one changed nothing"):
				t.Errorf("round %d, the %d. ends with %d:\n%s", round, i+1, code, said)
			}
		}
		inForce += done
		if done == 0 {
			t.Errorf("round %d: nobody was first", round)
		}
		code, out := s.run("contract", "list", model, "--json")
		if listed := strings.Count(out, `"kind":"contract"`); code != 0 || listed != inForce {
			t.Errorf("round %d: %d were told that they are in force, all in all, and there are %d:\n%s", round, inForce, listed, out)
		}
		t.Logf("round %d: %d of %d came to be in force", round, done, people)
	}
}
