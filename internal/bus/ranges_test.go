package bus

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhole(t *testing.T) {
	got := Whole([]Range{
		{Topic: "a", Partition: 0, From: 0, To: 5, Lost: true},
		{Topic: "a", Partition: 0, From: 5, To: 9, Records: 4},
		{Topic: "a", Partition: 1, From: 2, To: 3, Records: 1},
		{Topic: "b", Partition: 1, From: 7, To: 8, Lost: true},
	})
	want := []Range{
		{Topic: "a", Partition: 0, From: 0, To: 9, Records: 4},
		{Topic: "a", Partition: 1, From: 2, To: 3, Records: 1},
		{Topic: "b", Partition: 1, From: 7, To: 8, Lost: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
