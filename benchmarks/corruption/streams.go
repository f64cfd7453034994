package corruption

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// roles say which columns of a stream are broken by which kinds.
type roles struct {
	amount   string   // numeric, positive
	reading  string   // numeric, of many values
	sparse   string   // numeric, with missing values
	spread   string   // numeric, of many values, that may be clipped
	fine     string   // numeric, with more digits than step
	step     float64  // to round fine to
	text     string   // categorical, words
	note     string   // categorical, with missing values
	code     string   // categorical, digits or short codes
	pair     []string // numeric, unlike one another
	flags    []string // 0 or 1, of different small shares
	texts    []string // categorical
	slice    string   // a dimension
	value    string   // one of its values
	mixes    string   // a column that differs between the values of the dimension
	sentinel string   // written for missing values of sparse
	outer    string   // the same, far outside
}

// stream is a base stream.
type stream struct {
	name     string
	contract string
	roles    roles
	rows     *table
	from     time.Time // of the reference
	until    time.Time // of the reference
	onset    time.Time
	end      time.Time
	numeric  []string
}

const stamp = "2006-01-02T15:04:05Z"

// base makes a stream of real rows. Rows that have no time of their own are drawn at random and given times with a daily profile.
type base struct {
	name    string
	heldOut bool
	ordered bool // rows have times
	make    func() (*table, error)
	numeric []string
	texts   []string
	slices  []string
	roles   roles
	from    string
	days    [3]int // reference, clean, after the onset
	perDay  int
}

var bases = []base{
	{
		name: "census", make: census, numeric: []string{"age", "wage", "capital_gains", "dividends", "num_employers", "weeks_worked", "has_dividends", "has_losses"},
		texts:  []string{"class_of_worker", "industry_code", "occupation", "education", "marital_status", "employment_status", "tax_filer", "state_previous"},
		slices: []string{"sex"}, from: "2026-01-05", days: [3]int{28, 2, 5}, perDay: 2000,
		roles: roles{
			amount: "age", reading: "age", sparse: "weeks_worked", spread: "age", fine: "age", step: 10, text: "education", note: "occupation", code: "industry_code",
			pair: []string{"age", "weeks_worked"}, flags: []string{"has_dividends", "has_losses"}, texts: []string{"education", "marital_status"}, slice: "sex", value: "Female", mixes: "occupation",
			sentinel: "0", outer: "-999",
		},
	},
	{
		name: "covtype", make: covtype, numeric: []string{"elevation", "aspect", "slope", "water_km", "roads", "hillshade_9am", "hillshade_3pm", "fire_km", "is_w2", "is_w4"},
		texts:  []string{"wilderness", "soil"},
		slices: []string{"area"}, from: "2026-01-05", days: [3]int{28, 2, 5}, perDay: 2000,
		roles: roles{
			amount: "elevation", reading: "roads", sparse: "slope", spread: "aspect", fine: "fire_km", step: 0.5, text: "wilderness", note: "wilderness", code: "soil",
			pair: []string{"elevation", "hillshade_9am"}, flags: []string{"is_w2", "is_w4"}, texts: []string{"wilderness", "soil"}, slice: "area", value: "Comanche Peak", mixes: "elevation",
			sentinel: "-1", outer: "9999",
		},
	},
	{
		name: "flights", ordered: true, make: flights, numeric: []string{"hour", "distance", "air_time", "dep_delay", "air_hours", "is_hawaii", "is_envoy"},
		texts:  []string{"carrier", "dest", "airline", "airport"},
		slices: []string{"origin"}, from: "2013-04-15", days: [3]int{28, 7, 6},
		roles: roles{
			amount: "distance", reading: "air_time", sparse: "air_time", spread: "distance", fine: "air_hours", step: 1, text: "airline", note: "airport", code: "carrier",
			pair: []string{"distance", "air_time"}, flags: []string{"is_hawaii", "is_envoy"}, texts: []string{"carrier", "dest"}, slice: "origin", value: "JFK", mixes: "distance",
			sentinel: "0", outer: "-9999",
		},
	},
	{
		name: "electricity", heldOut: true, ordered: true, make: electricity, numeric: []string{"nswprice", "nswdemand", "vicprice", "vicdemand", "price", "is_night", "is_peak"},
		texts:  []string{"weekday", "slot", "band"},
		slices: []string{"daypart"}, from: "1997-06-02", days: [3]int{84, 7, 28},
		roles: roles{
			amount: "price", reading: "nswdemand", sparse: "vicdemand", spread: "nswdemand", fine: "price", step: 10, text: "weekday", note: "band", code: "slot",
			pair: []string{"price", "nswdemand"}, flags: []string{"is_night", "is_peak"}, texts: []string{"weekday", "band"}, slice: "daypart", value: "night", mixes: "nswdemand",
			sentinel: "0", outer: "-1",
		},
	},
	{
		name: "weather", heldOut: true, make: weather, numeric: []string{"temperature", "dew_point", "pressure", "visibility", "wind", "max_wind", "warmest", "coldest", "is_foggy", "is_storm"},
		texts:  []string{"sky", "breeze", "month"},
		slices: []string{"season"}, from: "2026-01-05", days: [3]int{28, 3, 7}, perDay: 1000,
		roles: roles{
			amount: "pressure", reading: "temperature", sparse: "dew_point", spread: "wind", fine: "visibility", step: 1, text: "breeze", note: "sky", code: "month",
			pair: []string{"wind", "temperature"}, flags: []string{"is_foggy", "is_storm"}, texts: []string{"sky", "breeze"}, slice: "season", value: "winter", mixes: "temperature",
			sentinel: "-99", outer: "9999",
		},
	},
	{
		name: "arrivals", heldOut: true, ordered: true, make: arrivals, numeric: []string{"hour", "distance", "dep_delay", "minutes", "low", "high", "chance", "is_far", "is_envoy"},
		texts:  []string{"carrier", "dest", "likely"},
		slices: []string{"part"}, from: "2013-04-01", days: [3]int{28, 7, 14},
		roles: roles{
			amount: "distance", reading: "high", sparse: "low", spread: "distance", fine: "chance", step: 0.5, text: "likely", note: "carrier", code: "dest",
			pair: []string{"hour", "chance"}, flags: []string{"is_far", "is_envoy"}, texts: []string{"carrier", "likely"}, slice: "part", value: "evening", mixes: "dep_delay",
			sentinel: "-999", outer: "9999",
		},
	},
}

// weather is days of a weather station: their readings, with words for some of them.
func weather() (*table, error) {
	t, err := read("weather")
	if err != nil {
		return nil, err
	}
	t.columns[t.at("at")] = "ts"
	t.derive("event_id", func(func(string) string) string { return "" })
	of := func(name, column string, words func(x float64) string) {
		t.derive(name, func(get func(string) string) string {
			x, err := strconv.ParseFloat(get(column), 64)
			if err != nil {
				return ""
			}
			return words(x)
		})
	}
	step := func(names []string, limits ...float64) func(float64) string {
		return func(x float64) string {
			at := 0
			for at < len(limits) && x >= limits[at] {
				at++
			}
			return names[at]
		}
	}
	of("sky", "visibility", step([]string{"fog", "Haze", "clear", "very clear"}, 4, 8, 12))
	of("breeze", "wind", step([]string{"Light Air", "Gentle Breeze", "Fresh Breeze", "Near Gale"}, 5, 10, 16))
	of("is_foggy", "visibility", step([]string{"1", "0"}, 3))
	of("is_storm", "max_wind", step([]string{"0", "1"}, 26))
	t.derive("month", func(get func(string) string) string { return strings.TrimLeft(get("ts")[5:7], "0") })
	t.derive("season", func(get func(string) string) string {
		return map[string]string{"12": "winter", "1": "winter", "2": "winter", "6": "summer", "7": "summer", "8": "summer"}[get("month")] + ""
	})
	at := t.at("season")
	for _, row := range t.rows {
		if row[at] == "" {
			row[at] = "between"
		}
	}
	return t, nil
}

// arrivals is flights from one airport, with what a model said of each.
func arrivals() (*table, error) {
	t, err := read("arrivals")
	if err != nil {
		return nil, err
	}
	t.derive("chance", func(get func(string) string) string {
		first, _, _ := strings.Cut(strings.TrimPrefix(get("chances"), "["), ",")
		return first
	})
	t.derive("score", func(get func(string) string) string { return get("chance") })
	t.flag("is_far", "dest", "DEN")
	t.flag("is_envoy", "carrier", "MQ")
	t.derive("part", func(get func(string) string) string {
		h, _ := strconv.Atoi(get("hour")) // "" is early
		switch {
		case h < 11:
			return "morning"
		case h < 17:
			return "afternoon"
		}
		return "evening"
	})
	return t, nil
}

func census() (*table, error) {
	t, err := read("census")
	if err != nil {
		return nil, err
	}
	t.scaled("wage", "wage_per_hour", 0.01, 2)
	t.derive("has_dividends", func(get func(string) string) string { return positive(get("dividends")) })
	t.derive("has_losses", func(get func(string) string) string { return positive(get("capital_losses")) })
	return t, nil
}

func positive(v string) string {
	if v == "0" || v == "" {
		return "0"
	}
	return "1"
}

func covtype() (*table, error) {
	t, err := read("covtype")
	if err != nil {
		return nil, err
	}
	t.scaled("water_km", "horizontal_distance_to_hydrology", 0.001, 3)
	t.scaled("fire_km", "horizontal_distance_to_fire_points", 0.001, 3)
	t.scaled("roads", "horizontal_distance_to_roadways", 1, 0)
	t.flag("is_w2", "wilderness_area", "W2")
	t.flag("is_w4", "soil_type", "S02")
	names := map[string]string{"W1": "Rawah", "W2": "Neota", "W3": "Comanche Peak", "W4": "Cache la Poudre"}
	t.derive("area", func(get func(string) string) string { return names[get("wilderness_area")] })
	t.derive("wilderness", func(get func(string) string) string { return names[get("wilderness_area")] })
	t.derive("soil", func(get func(string) string) string {
		return strings.TrimLeft(strings.TrimPrefix(get("soil_type"), "S"), "0")
	})
	return t, nil
}

func flights() (*table, error) {
	t, err := read("flights")
	if err != nil {
		return nil, err
	}
	t.scaled("air_hours", "air_time", 1./60, 3)
	t.flag("is_hawaii", "carrier", "VX")
	t.flag("is_envoy", "carrier", "MQ")
	airlines := map[string]string{"UA": "United Air", "B6": "JetBlue", "EV": "ExpressJet", "DL": "Delta Air", "AA": "American", "MQ": "Envoy Air", "US": "US Airways", "9E": "Endeavor", "WN": "Southwest", "VX": "Virgin"}
	t.derive("airline", func(get func(string) string) string {
		if n, ok := airlines[get("carrier")]; ok {
			return n
		}
		return "Smaller one"
	})
	airports := map[string]string{"JFK": "Kennedy", "LGA": "LaGuardia", "EWR": "Newark"}
	t.derive("airport", func(get func(string) string) string { return airports[get("origin")] })
	return t, nil
}

func electricity() (*table, error) {
	t, err := read("electricity")
	if err != nil {
		return nil, err
	}
	t.scaled("price", "nswprice", 1000, 3)
	t.derive("slot", func(get func(string) string) string {
		at, _ := time.Parse(stamp, get("ts")) // "" where it can't be
		return fmt.Sprint(at.Hour() / 3)
	})
	t.derive("weekday", func(get func(string) string) string {
		at, _ := time.Parse(stamp, get("ts"))
		return at.Weekday().String()
	})
	night := func(get func(string) string) bool { at, _ := time.Parse(stamp, get("ts")); return at.Hour() < 8 }
	t.derive("daypart", func(get func(string) string) string {
		if night(get) {
			return "night"
		}
		return "day"
	})
	t.derive("band", func(get func(string) string) string { v := get("nswdemand"); return "Band " + v[:min(3, len(v))] })
	t.derive("is_night", func(get func(string) string) string {
		at, _ := time.Parse(stamp, get("ts"))
		return map[bool]string{true: "1", false: "0"}[at.Hour() < 2]
	})
	t.derive("is_peak", func(get func(string) string) string {
		at, _ := time.Parse(stamp, get("ts"))
		return map[bool]string{true: "1", false: "0"}[at.Hour() == 18 && at.Minute() == 0]
	})
	return t, nil
}

// producers are the values of the column that every stream has beside its own.
var producers = []string{"p1", "p2", "p3", "p4", "p5"}

// draw makes the stream of a seed. perDay, if it isn't 0, is how many events a day there are.
func (b *base) draw(t *table, seed uint64, perDay int) *stream {
	r := rand.New(rand.NewPCG(seed, uint64(len(b.name))))
	from, err := time.Parse("2006-01-02", b.from)
	if err != nil {
		panic(err) // a mistake in this package
	}
	days := b.days
	s := &stream{name: b.name, roles: b.roles, from: from, until: from.AddDate(0, 0, days[0]), numeric: b.numeric}
	s.onset = s.until.AddDate(0, 0, days[1])
	s.end = s.onset.AddDate(0, 0, days[2])
	s.contract = b.yaml(s)
	if b.ordered {
		s.rows = b.taken(t, r, s, perDay)
	} else {
		if perDay == 0 {
			perDay = b.perDay
		}
		s.rows = b.shuffled(t, r, s, perDay)
	}
	s.rows.derive("producer", func(func(string) string) string { return producers[r.IntN(len(producers))] })
	s.rows.lose(r, b.roles.sparse, 0.08)
	s.rows.lose(r, b.roles.note, 0.08)
	return s
}

func (b *base) yaml(s *stream) string {
	var y strings.Builder
	fmt.Fprintf(&y, "apiVersion: plumbline/v1\nkind: QualityContract\nmetadata: {model: %s}\nowners: {model: bench}\ntask: {type: binary}\nstreams:\n", b.name)
	fmt.Fprintf(&y, "  prediction: {topic: p, schema: {subject: p-value}, fields: {id: event_id, time: ts, version: model_version, score: score}}\ninputs:\n")
	for _, c := range b.numeric {
		fmt.Fprintf(&y, "  %s: {type: numeric}\n", c)
	}
	for _, c := range append(slices.Concat(b.texts, b.slices), "producer") {
		fmt.Fprintf(&y, "  %s: {type: categorical}\n", c)
	}
	y.WriteString("  event: {type: identifier, path: event_id}\n")
	y.WriteString("slices: [[producer]")
	for _, c := range b.slices {
		fmt.Fprintf(&y, ", [%s]", c)
	}
	fmt.Fprintf(&y, "]\nwatch:\n  reference: {from: %s, to: %s}\n", s.from.Format("2006-01-02"), s.until.Format("2006-01-02"))
	return y.String()
}

// shuffled draws rows with replacement and gives them times: nine events at 14:00 for one at 02:00.
func (b *base) shuffled(t *table, r *rand.Rand, s *stream, perDay int) *table {
	out := &table{columns: slices.Clone(t.columns)}
	ts, id := t.at("ts"), t.at("event_id")
	out.columns = append(out.columns, "model_version")
	for day := s.from; day.Before(s.end); day = day.AddDate(0, 0, 1) {
		times := make([]float64, 0, perDay)
		for len(times) < perDay {
			h := 24 * r.Float64()
			if r.Float64() < (5+4*math.Cos(2*math.Pi*(h-14)/24))/9 {
				times = append(times, h)
			}
		}
		slices.Sort(times)
		for _, h := range times {
			row := append(slices.Clone(t.rows[r.IntN(len(t.rows))]), "v1")
			row[ts] = day.Add(time.Duration(h * float64(time.Hour))).Format(stamp)
			row[id] = fmt.Sprintf("e%d", len(out.rows))
			out.rows = append(out.rows, row)
		}
	}
	return out
}

// taken takes the rows of the stream's time in their order, four of five at random; or perDay of them a day, about.
func (b *base) taken(t *table, r *rand.Rand, s *stream, perDay int) *table {
	name := "at"
	if !slices.Contains(t.columns, name) {
		name = "ts"
	}
	at := t.at(name)
	first, last := s.from.Format(stamp), s.end.Format(stamp)
	out := &table{columns: append(slices.Clone(t.columns), "model_version", "event_id")}
	out.columns[at] = "ts"
	share := 0.8
	if perDay > 0 {
		n := 0
		for _, row := range t.rows {
			if row[at] >= first && row[at] < last {
				n++
			}
		}
		share = min(1, float64(perDay)*s.end.Sub(s.from).Hours()/24/float64(n))
	}
	if b.perDay == 0 && len(t.rows) < 50_000 {
		share = 0.98 // there are few
	}
	for _, row := range t.rows {
		if row[at] >= first && row[at] < last && r.Float64() < share {
			out.rows = append(out.rows, append(slices.Clone(row), "v1", fmt.Sprintf("e%d", len(out.rows))))
		}
	}
	return out
}
