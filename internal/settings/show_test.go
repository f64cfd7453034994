package settings

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares got with the file path, or writes it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test ./internal/settings -update writes it.\ngot:\n%s", path, got)
	}
}

func loaded(t *testing.T) (*Settings, *Sources) {
	t.Helper()
	t.Chdir("testdata")
	s, sources, err := Load("plumbline.yaml", environ(map[string]string{
		"PLUMBLINE_KAFKA_BROKERS":       "a:9092, b:9092",
		"PLUMBLINE_ALERT_WEBHOOK_URL":   "https://hooks.example.com/services/T0/B0/hunter2",
		"PLUMBLINE_REDIS_PASSWORD":      "hunter2",
		"PLUMBLINE_KAFKA_SASL_USERNAME": "plumbline",
	}), map[string]string{"http.listen": ":0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("..")
	return s, sources
}

func TestShow(t *testing.T) {
	s, sources := loaded(t)
	for _, format := range []string{"text", "json"} {
		var b strings.Builder
		if err := s.Show(&b, sources, format); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/show."+format, b.String())
		if strings.Contains(b.String(), hush) {
			t.Errorf("%s shows a secret", format)
		}
	}
	if err := s.Show(&strings.Builder{}, sources, "xml"); err == nil {
		t.Error("format xml is accepted")
	}
}

func TestShowListsEveryKeyWithItsType(t *testing.T) {
	var b strings.Builder
	if err := Default().Show(&b, nil, "json"); err != nil {
		t.Fatal(err)
	}
	var rows []shown
	if err := json.Unmarshal([]byte(b.String()), &rows); err != nil {
		t.Fatal(err)
	}
	types := map[string]any{}
	for _, row := range rows {
		types[row.Key] = row.Value
	}
	if len(rows) != len(table(new(Settings))) {
		t.Errorf("%d rows, want every key once", len(rows))
	}
	if types["kafka.joins_partitions"] != 8.0 || types["http.pprof"] != false || types["log.level"] != "info" {
		t.Errorf("got %v", types)
	}
	if list, ok := types["contracts"].([]any); !ok || len(list) != 0 {
		t.Errorf("contracts %v, want an empty list", types["contracts"])
	}
}

func TestReference(t *testing.T) {
	golden(t, "../../docs/config.md", Reference())
}

func TestTheExampleInTheReferenceLoads(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(Reference())
	if block == nil {
		t.Fatal("no example")
	}
	content := strings.ReplaceAll(block[1], "/run/secrets/kafka", write(t, "kafka", "hunter2\n"))
	if _, _, err := Load(write(t, "p.yaml", content), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestTheTableIsWhole(t *testing.T) {
	var seen, envs []string
	for _, k := range table(new(Settings)) {
		if slices.Contains(seen, k.path) || slices.Contains(envs, k.env()) {
			t.Errorf("%s is there twice, or shares %s", k.path, k.env())
		}
		seen, envs = append(seen, k.path), append(envs, k.env())
		if !strings.HasSuffix(k.doc, ".") {
			t.Errorf("%s: %q is no sentence", k.path, k.doc)
		}
		if _, has := purposes[section(k.path)]; !has {
			t.Errorf("section %q has no purpose", section(k.path))
		}
		if err := k.value.set(k.fallback); err != nil {
			t.Errorf("%s: its default: %v", k.path, err)
		}
		if got := k.value.show(); got != k.fallback {
			t.Errorf("%s: the default is written %q and shown %q", k.path, k.fallback, got)
		}
	}
	for _, k := range table(new(Settings)) {
		if from := fileKey(k.path); from != "" && !slices.Contains(seen, from) {
			t.Errorf("%s is not a key", from)
		}
		if _, is := k.value.(scalar[Secret]); is != (fileKey(k.path) != "") {
			t.Errorf("%s: secret %v, but its file is %q", k.path, is, fileKey(k.path))
		}
	}
}
