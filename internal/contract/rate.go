package contract

import (
	"fmt"
	"strconv"
)

// ParseRate reads how often something may be, "1/30d" (once in 30 days), as times per day. It is more than 0.
func ParseRate(s string) (float64, error) {
	perDay, ok := readRate(s)
	if !ok {
		return 0, fmt.Errorf("parse rate %q: %s", s, wantRate)
	}
	return perDay, nil
}

// FormatRate writes times per day as ParseRate reads them: with as few digits as give the very same number, or else to fifteen decimals.
func FormatRate(perDay float64) string {
	for digits := 1; digits <= 17; digits++ {
		if s, ok := exactRate(perDay, digits); ok {
			return s
		}
	}
	return strconv.FormatFloat(perDay, 'f', 15, 64) + "/1d"
}

// Rate writes times per day for people, to three digits: "1/30d", "2/1d", "0.0667/30d".
func Rate(perDay float64) string {
	const digits = 3
	if s, ok := exactRate(perDay, digits); ok {
		return s
	}
	days := spans(perDay)[0]
	return plain(perDay*days, digits) + per(days)
}

// spans are the days by which rates are counted, first what people would say.
func spans(perDay float64) []float64 {
	if perDay >= 1 {
		return []float64{1}
	}
	return []float64{30, 7, 365, 1}
}

func per(days float64) string { return fmt.Sprintf("/%gd", days) }

// exactRate writes a rate, if at most so many digits are all of it.
func exactRate(perDay float64, digits int) (string, bool) {
	for _, days := range spans(perDay) {
		s := plain(perDay*days, digits) + per(days)
		if read, ok := readRate(s); ok && read == perDay {
			return s, true
		}
	}
	return "", false
}

// plain writes a number to so many digits, without an exponent.
func plain(v float64, digits int) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
	if err != nil { // beyond what a float can be
		rounded = v
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
