package settings

import (
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Settings)
		want   string // empty: valid
	}{
		{"cert alone", func(s *Settings) { s.Kafka.TLS = KafkaTLS{Enabled: true, CertFile: "c"} }, "kafka.tls.cert_file: needs kafka.tls.key_file"},
		{"key alone", func(s *Settings) { s.Kafka.TLS = KafkaTLS{Enabled: true, KeyFile: "k"} }, "kafka.tls.key_file: needs kafka.tls.cert_file"},
		{"pair", func(s *Settings) { s.Kafka.TLS = KafkaTLS{Enabled: true, CertFile: "c", KeyFile: "k"} }, ""},
		{"skip without TLS", func(s *Settings) { s.Kafka.TLS.InsecureSkipVerify = true }, "kafka.tls.insecure_skip_verify: has no effect while kafka.tls.enabled is false"},
		{"skip as told", func(s *Settings) { s.Kafka.TLS = KafkaTLS{Enabled: true, InsecureSkipVerify: true} }, ""},
		{"SASL without user", func(s *Settings) { s.Kafka.SASL = KafkaSASL{Mechanism: "plain", Password: NewSecret("p")} }, "kafka.sasl.mechanism: needs kafka.sasl.username"},
		{"SASL without mechanism", func(s *Settings) { s.Kafka.SASL.Password = NewSecret("p") }, "kafka.sasl.password: has no effect without kafka.sasl.mechanism"},
		{"SASL", func(s *Settings) {
			s.Kafka.SASL = KafkaSASL{Mechanism: "scram-sha-256", Username: "u", Password: NewSecret("p")}
		}, ""},
		{"registry user alone", func(s *Settings) { s.Registry.Username = "u" }, "registry.username: needs registry.password_file or registry.password"},
		{"registry password alone", func(s *Settings) { s.Registry.Password = NewSecret("p") }, "registry.password: needs registry.username"},
		{"registry authority without https", func(s *Settings) { s.Registry.CAFile = "ca" }, "registry.ca_file: has no effect unless registry.url is https"},
		{"registry token", func(s *Settings) { s.Registry.Token = NewSecret("t") }, ""},
		{"registry token and user", func(s *Settings) {
			s.Registry.Username, s.Registry.Password, s.Registry.Token = "u", NewSecret("p"), NewSecret("t")
		}, "registry.token: can't be used with registry.username"},
		{"registry certificate without key", func(s *Settings) {
			s.Registry.URLs, s.Registry.CertFile = []string{"https://r"}, "c"
		}, "registry.cert_file: needs registry.key_file"},
		{"registry certificate without https", func(s *Settings) {
			s.Registry.URLs, s.Registry.CertFile, s.Registry.KeyFile = []string{"https://r", "http://s"}, "c", "k"
		}, "registry.cert_file: has no effect unless registry.url is https"},
		{"no registry", func(s *Settings) { s.Registry.URLs = nil }, ""},
		{"Redis user alone", func(s *Settings) { s.Redis.Username = "u" }, "redis.username: needs redis.password_file or redis.password"},
		{"Redis password alone", func(s *Settings) { s.Redis.Password = NewSecret("p") }, ""},
		{"Redis name without TLS", func(s *Settings) { s.Redis.TLS.ServerName = "r" }, "redis.tls.server_name: has no effect while redis.tls.enabled is false"},
		{"postgres", func(s *Settings) { s.Ledger.URL = NewURL("postgres://u:p@h/db") }, ""},
		{"no ledger", func(s *Settings) { s.Ledger.URL = URL{} }, `ledger.url: read "", want sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE`},
		{"ledger without file", func(s *Settings) { s.Ledger.URL = NewURL("sqlite://") }, `ledger.url: read "sqlite://", want sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE`},
		{"prefix", func(s *Settings) { s.Group.Prefix = "a b" }, `group.prefix: read "a b", want 1 to 100 letters, digits, dots, dashes and underscores`},
		{"no prefix", func(s *Settings) { s.Group.Prefix = "" }, `group.prefix: read "", want 1 to 100 letters, digits, dots, dashes and underscores`},
		{"partitions", func(s *Settings) { s.Kafka.JoinsPartitions = 0 }, `kafka.joins_partitions: read "0", want a whole number from 1 to 10000`},
		{"replicas", func(s *Settings) { s.Kafka.ReplicationFactor = 0 }, `kafka.replication_factor: read "0", want a whole number from 1 to 32767, or -1`},
		{"brokers", func(s *Settings) { s.Kafka.Brokers = []string{"a:1", "b"} }, `kafka.brokers: item 2: read "b", want host:port, such as localhost:9092`},
		{"no brokers", func(s *Settings) { s.Kafka.Brokers = nil }, `kafka.brokers: is empty; want at least one`},
	} {
		s := Default()
		c.change(s)
		err := s.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		case c.want != "" && strings.Count(err.Error(), "\n") > 0:
			t.Errorf("%s: more than one error: %v", c.name, err)
		}
	}
}
