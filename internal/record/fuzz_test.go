package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/record"
)

// listed is how many items a record of n bytes may claim at most: each takes at least a byte.
func listed(t *testing.T, n int, counts ...int) {
	t.Helper()
	sum := 0
	for _, c := range counts {
		sum += c
	}
	if sum > n {
		t.Fatalf("%d items out of %d bytes", sum, n)
	}
}

// FuzzReadFragment: no panic, no more items than bytes, and what is read is written back as the same bytes, or, from the format
// before, as what means the same.
func FuzzReadFragment(f *testing.F) {
	f.Add((&record.Fragment{}).AppendBinary(nil))
	f.Add(described().AppendBinary(nil))
	f.Add(momentary().AppendBinary(nil))
	if b, err := os.ReadFile(filepath.Join("testdata", "v2", "fragment.bin")); err == nil {
		f.Add(b)
	}
	f.Add(bigKind())
	f.Add(unknownFlags())
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := record.ReadFragment(in)
		if err != nil {
			return
		}
		listed(t, len(in), len(got.Coverage), len(got.Marks), len(got.Cells))
		out := got.AppendBinary(nil)
		if in[0] == 4 && !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
		if again, err := record.ReadFragment(out); err != nil || !bytes.Equal(again.AppendBinary(nil), out) {
			t.Fatalf("read % x, written back % x: %v", in, out, err)
		}
	})
}

// FuzzReadJoins: as FuzzReadFragment.
func FuzzReadJoins(f *testing.F) {
	f.Add((&record.Joins{}).AppendBinary(nil))
	f.Add(manyRows().AppendBinary(nil))
	f.Add(taskRows().AppendBinary(nil))
	if b, err := os.ReadFile(filepath.Join("testdata", "v1", "joins.bin")); err == nil {
		f.Add(b)
	}
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := record.ReadJoins(in)
		if err != nil {
			return
		}
		listed(t, len(in), len(got.Markers), len(got.Rows))
		out := got.AppendBinary(nil)
		if in[0] >= 2 && !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
		if again, err := record.ReadJoins(out); err != nil || !bytes.Equal(again.AppendBinary(nil), out) {
			t.Fatalf("read % x, written back % x: %v", in, out, err)
		}
	})
}
