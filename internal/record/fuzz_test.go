package record_test

import (
	"bytes"
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

// FuzzReadFragment: no panic, no more items than bytes, and what is read is written back as the same bytes.
func FuzzReadFragment(f *testing.F) {
	f.Add((&record.Fragment{}).AppendBinary(nil))
	f.Add(exampleFragment().AppendBinary(nil))
	f.Add(bigKind())
	f.Add(unknownFlags())
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := record.ReadFragment(in)
		if err != nil {
			return
		}
		listed(t, len(in), len(got.Coverage), len(got.Marks), len(got.Cells))
		if out := got.AppendBinary(nil); !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
	})
}

// FuzzReadJoins: as FuzzReadFragment.
func FuzzReadJoins(f *testing.F) {
	f.Add((&record.Joins{}).AppendBinary(nil))
	f.Add(exampleJoins().AppendBinary(nil))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := record.ReadJoins(in)
		if err != nil {
			return
		}
		listed(t, len(in), len(got.Markers), len(got.Rows))
		if out := got.AppendBinary(nil); !bytes.Equal(out, in) {
			t.Fatalf("read % x, written back % x", in, out)
		}
	})
}
