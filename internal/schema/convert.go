package schema

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
)

const secondsPerDay = 86400

// Times that RFC 3339 can write: years 1 to 9999, in microseconds since the Unix epoch.
const (
	minMicros = -62135596800 * 1_000_000
	maxMicros = 253402300800*1_000_000 - 1
)

// smallInts holds the text of 0 to 1023: labels and codes are small, and rendering them must not allocate.
var smallInts = func() (t [1024]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return t
}()

func intText(v int64) string {
	if uint64(v) < uint64(len(smallInts)) {
		return smallInts[v]
	}
	if v == -1 {
		return "-1"
	}
	return strconv.FormatInt(v, 10)
}

func floatText(v float64, bits int) string {
	if v >= 0 && v < float64(len(smallInts)) && v == math.Trunc(v) && !math.Signbit(v) {
		return smallInts[int(v)]
	}
	return strconv.FormatFloat(v, 'g', -1, bits)
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// uuidText renders sixteen bytes as 8-4-4-4-12 hexadecimal digits.
func uuidText(b []byte) string {
	const digits = "0123456789abcdef"
	var out [36]byte
	at := 0
	for i, c := range b[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out[at] = '-'
			at++
		}
		out[at], out[at+1] = digits[c>>4], digits[c&15]
		at += 2
	}
	return string(out[:])
}

// longestDecimal bounds a decimal's bytes (without those that only extend the sign): beyond, even the largest float64 is
// exceeded with 308 digits to spare.
const longestDecimal = 256

// exactPowers are the powers of ten that float64 holds exactly.
var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// decimal is the big-endian two's complement number b over 10^scale, correctly rounded. It is NaN where b is longer than any
// float64 needs; no bytes are 0.
func decimal(b []byte, scale int) float64 {
	for len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xFF && b[1] >= 0x80) {
		b = b[1:]
	}
	if len(b) > longestDecimal {
		return math.NaN()
	}
	if len(b) <= 8 {
		var v int64
		if len(b) > 0 && b[0] >= 0x80 {
			v = -1
		}
		for _, c := range b {
			v = v<<8 | int64(c)
		}
		// Both exact, so the quotient is rounded once.
		if v >= -1<<53 && v <= 1<<53 && scale < len(exactPowers) {
			return float64(v) / exactPowers[scale]
		}
	}
	num := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		num.Sub(num, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	den := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	f, _ := new(big.Rat).SetFrac(num, den).Float64()
	return f
}

// duration is in seconds: three little-endian numbers of months, days and milliseconds, a day of 24 hours. One with months is
// NaN, for no number of seconds is a month.
func duration(b []byte) float64 {
	months, days, millis := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if months != 0 {
		return math.NaN()
	}
	return float64(int64(days)*secondsPerDay*1000+int64(millis)) / 1000
}

// inTime reports whether RFC 3339 can write us.
func inTime(us int64) bool { return us >= minMicros && us <= maxMicros }

// longTime is v*mul/div in microseconds, rounded down; false outside the years 1 to 9999.
func longTime(v, mul, div int64) (int64, bool) {
	if v > math.MaxInt64/mul || v < math.MinInt64/mul {
		return 0, false
	}
	v *= mul
	q := v / div
	if v%div < 0 {
		q--
	}
	return q, inTime(q)
}

// dateTime is midnight UTC of a day counted from the Unix epoch.
func dateTime(day int64) (int64, bool) {
	return longTime(day, secondsPerDay*1_000_000, 1) // an int of days, so the product is checked above
}

// parseTime reads an RFC 3339 time, to microseconds (finer digits are dropped). Date and time may be parted by T, t or a
// space; the zone is required.
func parseTime(s []byte) (int64, bool) {
	if len(s) < len("2006-01-02T15:04:05Z") {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	second, ok6 := digits(s[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) ||
		s[4] != '-' || s[7] != '-' || s[10] != 'T' && s[10] != 't' && s[10] != ' ' || s[13] != ':' || s[16] != ':' ||
		month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	micros, s, ok := fraction(s[19:])
	if !ok {
		return 0, false
	}
	zone, ok := parseZone(s)
	if !ok {
		return 0, false
	}
	us := ((days(year, month, day)*24+hour)*60+minute-zone)*60 + second
	us = us*1_000_000 + micros
	return us, inTime(us)
}

// fraction reads the digits after a point, if there is one, and returns what follows.
func fraction(s []byte) (micros int64, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != '.' {
		return 0, s, true
	}
	i, scale := 1, int64(100_000)
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		micros += int64(s[i]-'0') * scale
		scale /= 10
	}
	return micros, s[i:], i > 1
}

// parseZone reads Z or an offset, in minutes.
func parseZone(s []byte) (int64, bool) {
	if len(s) == 1 {
		return 0, s[0] == 'Z' || s[0] == 'z'
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[4:6])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -(h*60 + m), true
	}
	return h*60 + m, true
}

func digits(s []byte) (v int64, ok bool) {
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// days counts from 1970-01-01 in the Gregorian calendar: years start in March, so that the leap day is their last.
func days(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	leaps := year/4 - year/100 + year/400
	if year < 0 { // January and February of the year 0
		leaps = -1
	}
	return 365*year + leaps + (153*(month-3)+2)/5 + day - 1 - 719468
}
