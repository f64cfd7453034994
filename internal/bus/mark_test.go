package bus

import "testing"

func TestMarks(t *testing.T) {
	for _, m := range []mark{{}, {topic: [16]byte{1, 255}}, {topic: [16]byte{15: 7}, note: "w1:3:4 and more"}} {
		if got := parseMark(m.String()); got != m {
			t.Errorf("%q is read as %+v", m.String(), got)
		}
	}
	for _, s := range []string{"", "member-7", "plumbline1 ", "plumbline1 00ff note", "plumbline2 " + mark{}.String()[len(markPrefix):], mark{}.String()[:30]} {
		if got := parseMark(s); got != (mark{}) {
			t.Errorf("%q is read as %+v", s, got)
		}
	}
}
