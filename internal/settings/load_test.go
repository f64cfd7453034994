package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/budget"
)

// write puts content into a file of its own folder and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environ is an environment of its own.
func environ(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, given := vars[name]
		return text, given
	}
}

func TestDefaultsAreThePromisedOnes(t *testing.T) {
	// Written out by hand, so that a slip in the table's text or binding shows.
	want := &Settings{
		Kafka:    Kafka{Brokers: []string{"localhost:9092"}, ClientID: "plumbline", ReplicationFactor: -1, FragmentsPartitions: 20, JoinsPartitions: 8},
		Registry: Registry{URLs: []string{"http://localhost:8081"}},
		Redis:    Redis{Address: "localhost:6379"},
		Ledger:   Ledger{URL: NewURL("sqlite://plumbline.db")},
		HTTP:     HTTP{Listen: "127.0.0.1:8090"},
		Log:      Log{Level: "info", Format: "json"},
		Ingest:   Ingest{Epoch: 2 * time.Second, EpochBytes: 32 << 20, IdleAfter: 30 * time.Second},
		Group:    Group{Prefix: "plumbline"},
		Alert: Alert{
			PagerDuty: PagerDuty{URL: "https://events.pagerduty.com"}, Slack: Slack{URL: "https://slack.com/api"}, SMTP: SMTP{Encryption: "starttls"},
		},
	}
	got, sources, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); a != b {
		t.Errorf("defaults:\n got %s\nwant %s", a, b)
	}
	for _, k := range table(got) {
		if source := sources.Of(k.path); source.String() != "default" {
			t.Errorf("%s: source %s, want default", k.path, source)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// samples are two valid values for every key that differ from the default and from each other.
func samples(k key) (string, string) {
	switch v := k.value.(type) {
	case scalar[bool]:
		return "true", "true"
	case scalar[int]:
		return "3", "4"
	case scalar[int64]:
		return "1MiB", "2MiB"
	case scalar[time.Duration]:
		return "3s", "4s"
	case scalar[float64]:
		return "1/30d", "2/1d"
	case entriesValue:
		if v.parts == nil {
			return "credit=4,fraud.v2=0.5", "credit=3"
		}
		return "a.pages=1/30d,b.c.tickets=2/1d", "b.c.pages=2/1d"
	case pathValue:
		return "/a", "/b"
	case scalar[URL]:
		if k.path == "ledger.url" {
			return "sqlite:///a", "sqlite:///b"
		}
		return "https://a.example/x", "https://b.example/x"
	case scalar[string]:
		switch {
		case strings.HasPrefix(v.word, "one of "):
			options := strings.Split(strings.TrimPrefix(v.word, "one of "), ", ")
			options = slices.DeleteFunc(options, func(o string) bool { return o == k.fallback })
			if len(options) == 1 {
				return options[0], options[0]
			}
			return options[0], options[1]
		case k.path == "redis.address" || k.path == "alert.smtp.address" || k.path == "http.listen":
			return "a:1", "b:2"
		case k.path == "api.url" || k.path == "alert.link" || k.path == "alert.pagerduty.url" || k.path == "alert.slack.url":
			return "http://a:1", "https://b"
		}
	case listValue:
		switch k.path {
		case "kafka.brokers":
			return "a:1,b:2", "c:3"
		case "registry.url", "alert.alertmanager.url":
			return "http://a:1,https://b:2/api", "http://c:3"
		}
		return "/a.yaml,/b", "/c"
	}
	return "one", "two"
}

// TestEveryKeyInEveryLayer sets each key alone in each layer, and in pairs of layers, and looks for it at its field, at
// its name and in its source. Rules between keys are left out: they are not about layers.
func TestEveryKeyInEveryLayer(t *testing.T) {
	for _, k := range table(new(Settings)) {
		t.Run(k.path, func(t *testing.T) {
			low, high := samples(k)
			content := "x"
			for _, part := range slices.Backward(strings.Split(k.path, ".")) {
				if content == "x" {
					content = fmt.Sprintf("{%s: %q}", part, low)
				} else {
					content = fmt.Sprintf("{%s: %s}", part, content)
				}
			}
			for _, c := range []struct {
				file, env, flag bool
				want            string
				layer           Layer
			}{
				{file: true, want: low, layer: File},
				{env: true, want: low, layer: Environment},
				{flag: true, want: low, layer: Flag},
				{file: true, env: true, want: high, layer: Environment},
				{file: true, flag: true, want: high, layer: Flag},
			} {
				l := newLoader()
				first := low
				if c.file {
					if err := l.readFile("/etc/plumbline.yaml", []byte(content)); err != nil {
						t.Fatal(err)
					}
					first = high
				}
				if c.env {
					if err := l.readEnv(environ(map[string]string{k.env(): first})); err != nil {
						t.Fatal(err)
					}
				}
				if c.flag {
					if err := l.readFlags(map[string]string{k.path: first}); err != nil {
						t.Fatal(err)
					}
				}
				reference := Default()
				for _, other := range table(reference) {
					if other.path == k.path {
						if err := other.value.set(c.want); err != nil {
							t.Fatal(err)
						}
					}
				}
				if got, want := reveal(l.settings), reveal(reference); got != want {
					t.Errorf("%+v:\n got %s\nwant %s", c, got, want)
				}
				if got := l.sources[k.path].Layer; got != c.layer {
					t.Errorf("%+v: layer %d, want %d", c, got, c.layer)
				}
				if len(l.sources) != 1 {
					t.Errorf("%+v: sources %v, want one", c, l.sources)
				}
			}
		})
	}
}

// reveal prints s with its secrets, for comparison.
func reveal(s *Settings) string {
	return fmt.Sprintf("%+v %q %q %q %q %q %q", s, s.Kafka.SASL.Password.Reveal(), s.Registry.Password.Reveal(), s.Redis.Password.Reveal(),
		s.Alert.Webhook.Secret.Reveal(), s.Alert.Webhook.URL.Reveal(), s.Ledger.URL.Reveal())
}

func TestFileErrors(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"near sibling", "kafka:\n  broker: [a:1]\n", `F:2:3: unknown key kafka.broker; did you mean "brokers"?`},
		{"near section", "kafak: {}\n", `F:1:1: unknown key kafak; did you mean "kafka"?`},
		{"key of another section", "password_file: x\n", `F:1:1: unknown key password_file; did you mean "kafka.sasl.password_file"?`},
		{"nothing near", "log:\n  xyzzy: 1\n", `F:2:3: unknown key log.xyzzy; known here: level, format`},
		{"twice", "log:\n  level: info\n  level: warn\n", `F:3:3: log.level: given twice, first in line 2`},
		{"number", "kafka:\n  joins_partitions: many\n", `F:2:21: kafka.joins_partitions: read "many", want a whole number from 1 to 10000`},
		{"range", "kafka: {joins_partitions: 0}\n", `F:1:27: kafka.joins_partitions: read "0", want a whole number from 1 to 10000`},
		{"boolean", "http: {pprof: yes}\n", `F:1:15: http.pprof: read "yes", want true or false`},
		{"choice", "log: {level: wran}\n", `F:1:14: log.level: read "wran", want one of debug, info, warn, error; did you mean "warn"?`},
		{"duration", "ingest: {epoch: 2}\n", `F:1:17: ingest.epoch: read "2", want a duration such as 500ms, 30s, 1h30m, 2d or 1w`},
		{"duration range", "ingest: {epoch: 1m}\n", `F:1:17: ingest.epoch: read "1m", want a duration from 100ms to 30s`},
		{"size", "ingest: {epoch_bytes: 32 mb}\n", `F:1:23: ingest.epoch_bytes: read "32 mb", want a size such as 32MiB, 500kB or 65536`},
		{"address", "kafka: {brokers: [kafka]}\n", `F:1:18: kafka.brokers: item 1: read "kafka", want host:port, such as localhost:9092`},
		{"list for text", "log: {level: [info]}\n", `F:1:14: log.level: read a list, want one of debug, info, warn, error`},
		{"keys for text", "log: {level: {a: b}}\n", `F:1:14: log.level: read keys, want one of debug, info, warn, error`},
		{"keys for list", "contracts: {a: b}\n", `F:1:12: contracts: read keys, want a list`},
		{"list of lists", "contracts: [[a]]\n", `F:1:13: contracts: read a list in a list, want text`},
		{"text for section", "kafka: localhost:9092\n", `F:1:8: kafka: read a single value, want keys: brokers, client_id, replication_factor, fragments_partitions, joins_partitions, tls, sasl`},
		{"null", "log: {level: }\n", `F:1:14: log.level: no value; write "" if it shall be empty`},
		{"alias", "log: {level: &a info, format: *a}\n", `F:1:31: log.format: read an alias, want one of json, console`},
		{"merge", "log: &l {level: info}\nhttp: {<<: *l}\n", `F:2:8: unknown key http.<<; known here: listen, pprof`},
		{"two documents", "log: {}\n---\nlog: {}\n", `F:2: a second document; want one`},
		{"rate", "budget: {fleet: {pages: 33}}\n", `F:1:25: budget.fleet.pages: read "33", want a rate such as 2/1d (twice a day) or 1/30d`},
		{"rate of nothing", "budget: {fleet: {pages: 0/1d}}\n", `F:1:25: budget.fleet.pages: read "0/1d", want a rate such as 2/1d (twice a day) or 1/30d`},
		{"kind of alarm", "budget:\n  teams:\n    a: {pagse: 1/30d}\n", `F:3:9: unknown key budget.teams.a.pagse; did you mean "pages"?`},
		{"no kind of alarm", "budget:\n  teams:\n    a: {xyzzy: 1/30d}\n", `F:3:9: unknown key budget.teams.a.xyzzy; known here: pages, tickets`},
		{"a team's rate", "budget:\n  teams:\n    a: {pages: often}\n", `F:3:16: budget.teams.a.pages: read "often", want a rate such as 2/1d (twice a day) or 1/30d`},
		{"a team's one rate", "budget:\n  teams: {a: 1/30d}\n", `F:2:14: budget.teams.a: read a single value, want keys: pages, tickets`},
		{"a team twice", "budget:\n  teams:\n    a: {pages: 1/1d}\n    a: {pages: 2/1d}\n", `F:4:5: budget.teams.a: given twice, first in line 3`},
		{"a team without a name", "budget: {teams: {'': {pages: 1/1d}}}\n", `F:1:30: budget.teams..pages: read "", want a name of at most 800 bytes, without blanks around it`},
		{"teams in a list", "budget: {teams: [a]}\n", `F:1:17: budget.teams: read a list, want TEAM.pages=RATE or TEAM.tickets=RATE, parted by commas`},
		{"teams in one text", "budget: {teams: a=1/1d}\n", `F:1:17: budget.teams: read "a", want TEAM.pages=RATE or TEAM.tickets=RATE, parted by commas`},
		{"weight", "budget: {weights: {credit: heavy}}\n", `F:1:28: budget.weights.credit: read "heavy", want a number from 0.001 to 1000`},
		{"no weight", "budget: {weights: {credit: 0}}\n", `F:1:28: budget.weights.credit: read "0", want a number from 0.001 to 1000`},
		{"weight of keys", "budget: {weights: {credit: {a: 1}}}\n", `F:1:28: budget.weights.credit: read keys, want one value`},
		{"weight of null", "budget: {weights: {credit: }}\n", `F:1:28: budget.weights.credit: no value`},
		{"weights in one text", "budget: {weights: 'a=1, b'}\n", `F:1:19: budget.weights: read "b", want MODEL=NUMBER, 0.001 to 1000, parted by commas`},
		{"a weight twice in one text", "budget: {weights: 'a=1,a=2'}\n", `F:1:19: budget.weights: a is given twice`},
		{"list as file", "- a\n", `F:1:1: the file: read a list, want keys: kafka, registry, redis, ledger, http, api, log, ingest, memory, group, alert, budget, contracts`},
		{"syntax", "log:\n\tlevel: info\n", `F:2: found character that cannot start any token`},
		{"rule between keys", "kafka:\n  tls:\n    ca_file: /ca.pem\n", `F:3: kafka.tls.ca_file: has no effect while kafka.tls.enabled is false`},
		{"registry user", "registry: {url: 'http://u:hunter2@r:1'}\n", `F:1:17: registry.url: item 1: the address carries a user; put it into registry.username and registry.password_file`},
		{"ledger", "ledger: {url: 'mysql://u:hunter2@h/db'}\n", `F:1:15: ledger.url: read "mysql://u:<redacted>@h/db", want sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE`},
		{"secret in the wrong place", "kafka: {sasl: hunter2}\n", `F:1:15: kafka.sasl: read a single value, want keys: mechanism, username, password, password_file`},
		{"secret and file", "redis:\n  password: hunter2\n  password_file: /p\n", `F:3: redis.password and redis.password_file are both given; want one of them`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "plumbline.yaml", c.content)
			s, sources, err := Load(path, nil, nil)
			if err == nil || s != nil || sources != nil {
				t.Fatalf("got %v, %v, %v, want nothing but an error", s, sources, err)
			}
			got := strings.ReplaceAll(err.Error(), path, "F")
			if got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			if strings.Contains(got, "hunter2") {
				t.Error("the error tells the secret")
			}
		})
	}
}

func TestEmptyFiles(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "kafka:\n  # brokers: [a:1]\n", "{}\n", "~\n"} {
		if _, _, err := Load(write(t, "p.yaml", content), nil, nil); err != nil {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	path := write(t, "p.yaml", "log: {level: loud}\nhttp: {listen: nowhere}\n")
	_, _, err := Load(path, environ(map[string]string{"PLUMBLINE_REDIS_DB": "x", "PLUMBLINE_KAFKA_SASL_MECHANISM": "plain"}), map[string]string{"ingest.epoc": "1s"})
	want := []string{
		path + `:1:14: log.level: read "loud", want one of debug, info, warn, error`,
		path + `:2:16: http.listen: read "nowhere", want host:port, such as 127.0.0.1:8090 or :8090`,
		`environment: PLUMBLINE_REDIS_DB: read "x", want a whole number from 0 to 1048576`,
		`flag: unknown key ingest.epoc; did you mean "ingest.epoch"?`,
		`env PLUMBLINE_KAFKA_SASL_MECHANISM: kafka.sasl.mechanism: needs kafka.sasl.username`,
		`env PLUMBLINE_KAFKA_SASL_MECHANISM: kafka.sasl.mechanism: needs kafka.sasl.password_file or kafka.sasl.password`,
	}
	if err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("\n got %v\nwant %s", err, strings.Join(want, "\n"))
	}
}

func TestAKeyThatFailedIsNotBlamedTwice(t *testing.T) {
	path := write(t, "p.yaml", "kafka: {sasl: {mechanism: scrm, username: u, password: p}}\n")
	_, _, err := Load(path, nil, nil)
	if err == nil || strings.Contains(err.Error(), "has no effect") {
		t.Errorf("got %v, want the mechanism's error alone", err)
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.yaml")
	if _, _, err := Load(path, nil, nil); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error with %s", err, path)
	}
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	path := write(t, "p.yaml", "contracts: [c.yaml, /abs]\nredis: {password_file: pass}\n")
	folder := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(folder, "pass"), []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := Load(path, environ(map[string]string{"PLUMBLINE_REGISTRY_CA_FILE": "ca.pem", "PLUMBLINE_REGISTRY_URL": "https://r:1"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(folder, "c.yaml"), "/abs"}; !slices.Equal(s.Contracts, want) {
		t.Errorf("contracts %q, want %q", s.Contracts, want)
	}
	if s.Redis.Password.Reveal() != "hunter2" {
		t.Error("the secret beside the file was not read")
	}
	if s.Registry.CAFile != "ca.pem" {
		t.Errorf("from the environment: %q, want ca.pem as it was given", s.Registry.CAFile)
	}
}

func TestSecretFiles(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"hunter2", "hunter2"},
		{"hunter2\n", "hunter2"},
		{"hunter2\r\n", "hunter2"},
		{"hunter2\n\n", "hunter2\n"},
		{" hunter2 ", " hunter2 "},
		{"hunter2\r", "hunter2\r"},
	} {
		file := write(t, "secret", c.content)
		s, sources, err := Load("", environ(map[string]string{"PLUMBLINE_REDIS_PASSWORD_FILE": file}), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Redis.Password.Reveal(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.content, got, c.want)
		}
		want := "env PLUMBLINE_REDIS_PASSWORD_FILE (secret in " + file + ")"
		if got := sources.Of("redis.password").String(); got != want {
			t.Errorf("source %q, want %q", got, want)
		}
	}
	for content, want := range map[string]string{"": "is empty", "\n": "is empty", strings.Repeat("x", secretLimit+1): "has more than 64KiB"} {
		file := write(t, "secret", content)
		_, _, err := Load("", nil, map[string]string{"redis.password_file": file})
		if err == nil || !strings.Contains(err.Error(), file+" "+want) || !strings.Contains(err.Error(), "flag: redis.password_file") {
			t.Errorf("%d bytes: got %v, want %q", len(content), err, want)
		}
	}
}

func TestAHigherSecretWins(t *testing.T) {
	file := write(t, "secret", "from-file")
	path := write(t, "p.yaml", "redis: {password_file: "+file+"}\n")
	s, _, err := Load(path, environ(map[string]string{"PLUMBLINE_REDIS_PASSWORD": "from-env"}), nil)
	if err != nil || s.Redis.Password.Reveal() != "from-env" {
		t.Errorf("got %v, %v, want the environment's secret", s, err)
	}
	path = write(t, "p.yaml", "redis: {password: from-yaml}\n")
	s, _, err = Load(path, environ(map[string]string{"PLUMBLINE_REDIS_PASSWORD_FILE": file}), nil)
	if err != nil || s.Redis.Password.Reveal() != "from-file" {
		t.Errorf("got %v, %v, want the secret of the environment's file", s, err)
	}
}

func TestAnEmptyVariableIsNotSet(t *testing.T) {
	s, sources, err := Load("", environ(map[string]string{"PLUMBLINE_LOG_LEVEL": ""}), nil)
	if err != nil || s.Log.Level != "info" || sources.Of("log.level").Layer != Fallback {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestBudget(t *testing.T) {
	const file = "budget:\n  fleet: {pages: 2/1d, tickets: 20/1d}\n  teams:\n    forecasting: {pages: 1/30d}\n    Price, risk = all: {tickets: 4/30d}\n  weights: {credit: 4, fraud.v2: 0.5}\n"
	want := budget.Caps{
		Fleet:   budget.Rates{Pages: 2, Tickets: 20},
		Teams:   map[string]budget.Rates{"forecasting": {Pages: 1. / 30}, "Price, risk = all": {Tickets: 4. / 30}},
		Weights: map[string]float64{"credit": 4, "fraud.v2": 0.5},
	}
	s, sources, err := Load(write(t, "p.yaml", file), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, s.Budget); d != "" {
		t.Error(d)
	}
	if got := sources.Of("budget.teams").String(); !strings.HasSuffix(got, "p.yaml:4") {
		t.Errorf("teams from %s", got)
	}
	s, _, err = Load(write(t, "p.yaml", file), environ(map[string]string{
		"PLUMBLINE_BUDGET_TEAMS": "a.b.pages=1/1w, a.b.tickets=1/1d", "PLUMBLINE_BUDGET_WEIGHTS": "credit = 2", "PLUMBLINE_BUDGET_FLEET_TICKETS": "3/1d",
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	want = budget.Caps{
		Fleet: budget.Rates{Pages: 2, Tickets: 3}, Teams: map[string]budget.Rates{"a.b": {Pages: 1. / 7, Tickets: 1}}, Weights: map[string]float64{"credit": 2},
	}
	if d := cmp.Diff(want, s.Budget); d != "" {
		t.Error(d)
	}
	_, _, err = Load("", environ(map[string]string{"PLUMBLINE_BUDGET_TEAMS": "a.pages=1/1w,a.page=1/1d", "PLUMBLINE_BUDGET_WEIGHTS": "=1"}), nil)
	if err == nil || !strings.Contains(err.Error(), `environment: PLUMBLINE_BUDGET_TEAMS: read "a.page", want TEAM.pages=RATE`) ||
		!strings.Contains(err.Error(), `environment: PLUMBLINE_BUDGET_WEIGHTS: : read "", want a name`) {
		t.Errorf("got %v", err)
	}
}

// FuzzFile holds that no file makes Load panic, and that what is read without an error is valid, prints, and keeps secrets.
func FuzzFile(f *testing.F) {
	f.Add([]byte("kafka: {brokers: [a:1, b:2], tls: {enabled: true}, sasl: {mechanism: plain, username: u, password: hunter2}}\n"))
	f.Add([]byte("log: &a {level: info}\nhttp: *a\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("--- !!binary x\n...\n"))
	f.Add([]byte("budget: {fleet: {pages: 1/7d}, teams: {a: {tickets: 1/30d}}, weights: {a: 2, b.c: 0.5}}\n"))
	f.Add([]byte("ledger: {url: 'postgres://u:hunter2@h/db?sslmode=off'}\ningest: {epoch: 1d}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader()
		if l.readFile("f.yaml", data) != nil || l.judge() != nil {
			return
		}
		if err := l.settings.Validate(); err != nil {
			t.Errorf("read, but not valid: %v", err)
		}
		var b strings.Builder
		if err := l.settings.Show(&b, &Sources{l.sources}, "text"); err != nil {
			t.Error(err)
		}
		if lines := strings.Count(b.String(), "\n"); lines != len(l.table)+1 {
			t.Errorf("%d lines, want %d:\n%s", lines, len(l.table)+1, b.String())
		}
		if pass := l.settings.Kafka.SASL.Password.Reveal(); len(pass) > 12 && strings.Contains(b.String(), pass) {
			t.Errorf("shows the password %q", pass)
		}
	})
}
