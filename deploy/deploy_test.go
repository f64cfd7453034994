// Package deploy_test holds docker-compose.yml and the Dockerfile against the programs that they run. No engine is needed: the
// compose file is read by the specification's own loader, the programs are built as the Dockerfile says and asked what they take.
package deploy_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

const composeFile = "docker-compose.yml"

// load reads text as the compose file, strictly and without anything from this machine's environment.
func load(ctx context.Context, text string) (*types.Project, error) {
	name, err := filepath.Abs(composeFile)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(ctx, types.ConfigDetails{
		WorkingDir:  filepath.Dir(name),
		ConfigFiles: []types.ConfigFile{{Filename: name, Content: []byte(text)}},
		Environment: types.Mapping{},
	})
}

func readCompose(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheStackFits(t *testing.T) {
	p, err := load(t.Context(), readCompose(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kafka", "registry", "redis", "topics", "ingestor", "detector", "alerter"} {
		if _, ok := p.Services[want]; !ok {
			t.Errorf("no service %s", want)
		}
	}
	for _, wrong := range problems(t, p) {
		t.Error(wrong)
	}
}

// TestTheRulesBite breaks the compose file, one thing at a time.
func TestTheRulesBite(t *testing.T) {
	for _, c := range []struct{ old, to, want string }{
		// the specification's
		{"mem_limit: 1g", "memlimit: 1g", "services.kafka.memlimit"},
		{"[redis-password]", "[redis-passwort]", "undefined secret redis-passwort"},
		{`volumes: ["ledger:`, `volumes: ["books:`, "undefined volume books"},
		{"topics: {condition: service_completed_successfully}", "topic: {condition: service_completed_successfully}", `depends on undefined service "topic"`},
		// ours
		{"apache/kafka:4.3.1", "apache/kafka:latest", "kafka: image apache/kafka:latest: not one exact version"},
		{"redis:7.2.11-alpine", "redis:7.2-alpine", "redis: image redis:7.2-alpine: not one exact version"},
		{"apicurio/apicurio-registry:3.3.3", "apicurio/apicurio-registry", "registry: image apicurio/apicurio-registry: not one exact version"},
		{"context: ..", "context: .", "build: "},
		{"deploy/Dockerfile", "deploy/Dockerfail", "deploy/Dockerfail: no such file"},
		{"file: redis.conf", "file: redis.cfg", "config redis: "},
		{"file: secrets/redis-password", "file: secrets/redis", "secret redis-password: "},
		{"PLUMBLINE_LEDGER_URL", "PLUMBLINE_LEDGER_PATH", "alerter: environment: PLUMBLINE_LEDGER_PATH is no setting"},
		{"sqlite:///var", "sqlite3:///var", "PLUMBLINE_LEDGER_URL: "},
		{"sqlite:///var/lib/plumbline/", "sqlite:///var/lib/ledger/", "alerter: ledger /var/lib/ledger/ledger.db: lies on no volume"},
		{"ledger:/var/lib/plumbline", "ledger:/var/lib/ledger", "lies on no volume"},
		{"{source: plumbline, target: /etc/plumbline/plumbline.yaml}", "{source: redis, target: /etc/plumbline/plumbline.yaml}", "ingestor: settings: "},
		{"secrets: [redis-password]\n  environment", "environment", "read secret: "},
		{`{target: 8090, published: "8090", host_ip: 127.0.0.1}`, `{target: 8091, published: "8090", host_ip: 127.0.0.1}`, "alerter: port 8091: the settings listen on :8090"},
		{"{target: 8090, host_ip: 127.0.0.1}", "{target: 8090}", "ingestor: port 8090: open to the network"},
		{`{target: 9092, published: "9092"`, `{target: 9091, published: "9091"`, "kafka: port 9091: not in KAFKA_LISTENERS"},
		{"OUTSIDE://localhost:9092", "OUTSIDE://localhost:9093", "kafka: port 9092: clients on this machine are sent elsewhere"},
		{"kafka: {condition: service_healthy}\n    registry", "kafka: {condition: service_started}\n    registry", "depends on kafka: condition service_started"},
		{"{condition: service_completed_successfully}", "{condition: service_healthy}", "depends on topics: it has no healthcheck"},
		{"\n    redis: {condition: service_healthy}", "", "redis.address redis:6379: does not wait for redis"},
		{"[/usr/local/bin/ingestor]", "[/usr/local/bin/ingester]", "ingestor: /usr/local/bin/ingester is not in the image"},
		{"[/usr/local/bin/ingestor]", "[/bin/ingestor]", "ingestor: /bin/ingestor is not in the image"},
		{"command: [--config, /etc", "command: [--settings, /etc", "unknown argument"},
		{"[topics, create,", "[topic, create,", "topics: "},
		{"[topics, create,", "[topics, create, --nosuch,", "unknown flag: --nosuch"},
		{"plumbline, ready, --config", "plumbline, health, --config", "healthcheck: "},
		{"plumbline, ready, --config, /etc/plumbline/plumbline.yaml", "plumbline, ready, --config, /etc/plumbline/other.yaml", "healthcheck: reads other settings"},
		{"plumbline, ready, --config, /etc/plumbline/plumbline.yaml", "plumbline, config, show", "healthcheck: asks nobody"},
		{"test: [CMD, /usr/local/bin", "test: [CMD-SHELL, /usr/local/bin", "healthcheck: CMD-SHELL needs a shell"},
		{"stop_grace_period: 1m #", "stop_grace_period: 10s #", "ingestor: stop_grace_period 10s"},
		{"restart: unless-stopped\n  stop", "stop", "ingestor: restart"},
		{"restart: \"no\"", "restart: always", "topics: restart"},
		{"mem_limit: 768m", "", "ingestor: no mem_limit"},
		{"mem_limit: 768m", "mem_limit: 512m", "GOMEMLIMIT 640MiB leaves too little"},
		{"http://localhost:8080/apis/ccompat/v7/", "http://localhost:8080/apis/ccompat/v6/", "registry.url http://registry:8080/apis/ccompat/v7: the healthcheck of registry asks elsewhere"},
		{"INSIDE://kafka:19092,", "INSIDE://kafka:29092,", "kafka.brokers kafka:19092: kafka does not advertise it"},
		{"{source: redis, target: /etc/redis/redis.conf}", "{source: redis, target: /etc/redis.conf}", "redis: no config at /etc/redis/redis.conf"},
	} {
		t.Run(c.want, func(t *testing.T) {
			text := readCompose(t)
			broken := strings.Replace(text, c.old, c.to, 1)
			if broken == text {
				t.Fatalf("%q is not in %s: the case tests nothing", c.old, composeFile)
			}
			p, err := load(t.Context(), broken)
			var got []string
			if err != nil {
				got = []string{err.Error()}
			} else {
				got = problems(t, p)
			}
			if !strings.Contains(strings.Join(got, "\n"), c.want) {
				t.Errorf("%q for %q: got %q, want %q", c.to, c.old, got, c.want)
			}
		})
	}
}
