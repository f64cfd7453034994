package schema

import (
	"flag"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/avro"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema/evolution"
)

var update = flag.Bool("update", false, "write docs/schema-evolution.md anew")

// Every row of the table: our program reads what the table says, and an independent implementation of Avro's resolution reads
// what the table says that Avro does.
func TestEvolution(t *testing.T) {
	rows := evolution.Rows()
	if len(rows) < 40 {
		t.Errorf("%d rows", len(rows))
	}
	seen := map[string]bool{}
	for i := range rows {
		row := &rows[i]
		if seen[row.Name] {
			t.Errorf("there are two rows %q", row.Name)
		}
		seen[row.Name] = true
		t.Run(row.Name, func(t *testing.T) {
			writer, err := avro.Parse(row.Writer)
			if err != nil {
				t.Fatal(err)
			}
			body, err := writer.Encode(row.Value)
			if err != nil {
				t.Fatal(err)
			}
			if got := readRow(t, row, body); got != row.Want {
				t.Errorf("read %q, the table says %q", got, row.Want)
			}
			if got := oracle(t, row, writer, body); got != row.Specified() {
				t.Errorf("the oracle reads %q, the table says %q", got, row.Specified())
			}
			if (row.Avro == "") != (row.Note == "") {
				t.Error("a row that differs from the specification says why, and no other")
			}
		})
	}
}

// readRow is what our program reads of an event.
func readRow(t *testing.T, row *evolution.Row, body []byte) string {
	t.Helper()
	p := projection(t, row.Field+" "+row.Kind)
	p.Schema = row.Reader
	prog, err := Compile(row.Writer, p)
	if err != nil {
		return evolution.Refused
	}
	b := plan.NewBatch(p, 1)
	if err := prog.Decode(body, 0, b, 0); err != nil {
		t.Fatal(err)
	}
	return evolution.Shown(&b.Cols[0], 0, row.Kind)
}

// oracle is what Avro's own rules read, by an implementation that isn't ours.
func oracle(t *testing.T, row *evolution.Row, writer *avro.Schema, body []byte) string {
	t.Helper()
	reader, err := avro.Parse(row.Reader)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := avro.Resolve(writer, reader)
	if err != nil {
		if row.Registry != evolution.Refuses {
			return evolution.Refused
		}
		// A check before any event is there refuses what some events would break; which those are the rules say for each.
		resolved = writer
	}
	var v any
	if _, err := resolved.Decode(body, &v); err != nil {
		return evolution.Refused
	}
	for step := range strings.SplitSeq(row.Field, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return evolution.Missing
		}
		if v, ok = m[step]; !ok {
			return evolution.Missing
		}
	}
	return render(t, v)
}

// render writes a value of the oracle as the table does.
func render(t *testing.T, v any) string {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return evolution.Missing
	case bool:
		if v {
			return "1"
		}
		return "0"
	case int32, int64:
		return fmt.Sprint(v)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 64)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return strconv.FormatInt(v.UnixMicro(), 10)
	case *big.Rat:
		f, _ := v.Float64()
		return strconv.FormatFloat(f, 'f', -1, 64)
	default:
		t.Fatalf("the oracle gives a %T", v)
		return ""
	}
}

// docs/schema-evolution.md is written from the table.
func TestEvolutionPage(t *testing.T) {
	const path = "../../docs/schema-evolution.md"
	want := evolution.Page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s isn't what the table says; go test ./internal/schema -run EvolutionPage -update writes it", path)
	}
}
