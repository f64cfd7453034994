package schema

import (
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Every time that time.Parse and RFC 3339 agree on is read alike.
func TestParseTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(minMicros, maxMicros).Draw(t, "us")
		zone := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "zone")
		layout := rapid.SampledFrom([]string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000Z07:00", "2006-01-02 15:04:05.000000000Z07:00", "2006-01-02t15:04:05.000000-07:00"}).Draw(t, "layout")
		text := time.UnixMicro(us).In(time.FixedZone("", zone*60)).Format(layout)
		want, err := time.Parse(layout, text)
		if err != nil || want.UTC().Year() < 1 || len(text) > 4 && text[4] != '-' {
			t.Skip("a year that RFC 3339 can't write")
		}
		if got, ok := parseTime([]byte(text)); !ok || got != want.UnixMicro() {
			t.Fatalf("%s: got %d, %v, want %d", text, got, ok, want.UnixMicro())
		}
	})
}

func TestParseTimeRefuses(t *testing.T) {
	for _, text := range []string{
		"", "2026-03-25", "2026-03-25T01:02:03", "2026-13-25T01:02:03Z", "2026-00-25T01:02:03Z", "2026-02-29T01:02:03Z", "2026-03-00T01:02:03Z",
		"2026-04-31T01:02:03Z", "2026-03-25T24:02:03Z", "2026-03-25T01:60:03Z", "2026-03-25T01:02:60Z", "2026-03-25T01:02:03.Z", "2026-03-25T01:02:03,5Z",
		"2026-03-25T01:02:03ZZ", "2026-03-25T01:02:03+0200", "2026-03-25T01:02:03+24:00", "2026-03-25T01:02:03+02:60", "2026-03-25T01:02:03*02:00",
		"2026_03-25T01:02:03Z", "2026-03_25T01:02:03Z", "2026-03-25x01:02:03Z", "2026-03-25T01.02:03Z", "2026-03-25T01:02.03Z", "20a6-03-25T01:02:03Z",
		"0000-06-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-03-25T01:02:03+0a:00", "1900-02-29T01:02:03Z",
	} {
		if us, ok := parseTime([]byte(text)); ok {
			t.Errorf("%q gave %d", text, us)
		}
	}
	for _, text := range []string{"2024-02-29T00:00:00Z", "2000-02-29T00:00:00z", "0000-12-31T23:30:00-01:00", "9999-12-31T23:59:59.999999999Z"} {
		if _, ok := parseTime([]byte(text)); !ok {
			t.Errorf("%q was refused", text)
		}
	}
}

func TestDecimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "b")
		scale := rapid.IntRange(0, 60).Draw(t, "scale")
		v := new(big.Int).SetBytes(b)
		if len(b) > 0 && b[0] >= 0x80 {
			v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		want, _ := new(big.Rat).SetFrac(v, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).Float64()
		if got := decimal(b, scale); got != want {
			t.Fatalf("%x / 10^%d: got %v, want %v", b, scale, got, want)
		}
	})
	if got := decimal(nil, 23); got != 0 {
		t.Errorf("no bytes are %v", got)
	}
	long := make([]byte, 1<<20)
	long[len(long)-1] = 5
	if got := decimal(long, 0); got != 5 {
		t.Errorf("5 after a million zeros is %v", got)
	}
	long[0] = 1
	if got := decimal(long, 0); !math.IsNaN(got) {
		t.Errorf("2^8388600 is %v", got)
	}
}

func TestIntText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		if got := intText(v); got != strconv.FormatInt(v, 10) {
			t.Fatalf("%d is %q", v, got)
		}
		if got := floatText(float64(v), 64); got != strconv.FormatFloat(float64(v), 'g', -1, 64) {
			t.Fatalf("%d. is %q", v, got)
		}
	})
}

func TestLongTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		scale := rapid.SampledFrom([][2]int64{{1, 1}, {1000, 1}, {1, 1000}, {secondsPerDay * 1_000_000, 1}}).Draw(t, "scale")
		mul, div := scale[0], scale[1]
		want := new(big.Int).Div(new(big.Int).Mul(big.NewInt(v), big.NewInt(mul)), big.NewInt(div)) // Euclidean: down, for div > 0
		in := want.Cmp(big.NewInt(minMicros)) >= 0 && want.Cmp(big.NewInt(maxMicros)) <= 0
		if got, ok := longTime(v, mul, div); ok != in || ok && got != want.Int64() {
			t.Fatalf("%d * %d / %d: got %d, %v, want %s, %v", v, mul, div, got, ok, want, in)
		}
	})
}

func TestBadText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 40),
			rapid.Map(rapid.StringN(0, 40, -1), func(s string) []byte { return []byte(s) }),
			rapid.Map(rapid.StringOfN(rapid.RuneFrom([]rune("ab\u00e9")), 0, 40, -1), func(s string) []byte { return append([]byte(s), 0xC3) }),
		).Draw(t, "b")
		want := -1
		for i := 0; i < len(b); {
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				want = i
				break
			}
			i += n
		}
		if got := badText(b); got != want {
			t.Fatalf("%x: got %d, want %d", b, got, want)
		}
	})
}

func TestKeyTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringN(0, 5, -1), 0, 40, rapid.ID).Draw(t, "keys")
		table := newKeyTable(len(keys))
		for i, k := range keys {
			table.put(k, int32(i+1))
		}
		for i, k := range keys {
			if got := table.get(k); got != int32(i+1) {
				t.Fatalf("%q: got %d, want %d", k, got, i+1)
			}
		}
		if got := table.get("longer than any"); got != 0 {
			t.Fatalf("found %d", got)
		}
	})
}
