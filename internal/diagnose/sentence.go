package diagnose

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// Sentence says what happened in a few words, without since when: "income is 100 times larger". It is all a person needs to know what to look at.
func (c *Cause) Sentence() string {
	what := c.what()
	if len(c.Slice) > 0 && c.Kind != MixShift {
		what += " in " + finding.SliceKey(c.Slice)
	}
	return what
}

func (c *Cause) what() string {
	p := c.Parameters
	name := strings.Join(c.Columns, " and ")
	of := name
	if s, ok := p["share"]; ok && c.Kind != Sentinel && c.Kind != Fallback && c.Kind != ClockShift {
		if v, err := strconv.ParseFloat(s, 64); err == nil {
			of = percent(v) + " of " + name
		}
	}
	switch c.Kind {
	case UnitChange:
		return of + " is " + c.words
	case SignFlip:
		return of + " has the opposite sign"
	case Swapped:
		return name + " hold each other's values"
	case Stuck:
		return of + " is stuck at " + p["value"]
	case Released:
		return name + " was constant and now varies"
	case Sentinel:
		return fmt.Sprintf("%s has %s for missing values", name, quoted(p["value"]))
	case Fallback:
		return fmt.Sprintf("missing values of %s are filled in with %s", name, quoted(p["value"]))
	case Clipped:
		return fmt.Sprintf("%s is clipped at %s", name, p["value"])
	case PrecisionLoss:
		if s, ok := p["step"]; ok {
			return fmt.Sprintf("%s is rounded to multiples of %s", name, s)
		}
		return name + " has lost digits"
	case Recoded:
		if to, ok := p["from"]; ok {
			return fmt.Sprintf("%s has %q for %q", name, p["to"], to)
		}
		return of + " is written " + p["to"]
	case NewCategory:
		return of + " is a category never seen"
	case Missing:
		return of + " went missing"
	case SchemaChange:
		return of + " can't be read"
	case Duplicates:
		return "events come more than once"
	case ClockShift:
		switch p["dated"] {
		case "back":
			return fmt.Sprintf("%s is too far back for %s of the events", c.Columns[0], percentOf(p["share"]))
		case "ahead":
			return fmt.Sprintf("%s is too far ahead for %s of the events", c.Columns[0], percentOf(p["share"]))
		}
		return fmt.Sprintf("%s is %s hours off", c.Columns[0], p["hours"])
	case Volume:
		return c.traffic()
	case MixShift:
		if _, ok := p["factor"]; ok {
			return "there is more of " + finding.SliceKey(c.Slice)
		}
		return fmt.Sprintf("%s moved because there is more of %s", name, finding.SliceKey(c.Slice))
	case VersionChange:
		return fmt.Sprintf("%s is another in version %s", name, p["version"])
	case CovariateShift:
		return fmt.Sprintf("%s lies elsewhere, and is shaped as before", name)
	default:
		return name + " moved"
	}
}

func (c *Cause) traffic() string {
	if len(c.Slice) > 0 {
		return "hardly any events come"
	}
	v, err := strconv.ParseFloat(c.Parameters["factor"], 64)
	if err != nil {
		return "another number of events comes"
	}
	return fmt.Sprintf("%s times as many events come", number(v))
}

func percentOf(share string) string {
	v, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return "some"
	}
	return percent(v)
}

func quoted(v string) string {
	if v == "" {
		return "another value"
	}
	if _, err := strconv.ParseFloat(v, 64); err == nil {
		return v
	}
	return strconv.Quote(v)
}
