package settings

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestNoSecurityByDefault(t *testing.T) {
	s := Default()
	if conf, err := s.KafkaTLS(); conf != nil || err != nil {
		t.Errorf("TLS: %v, %v", conf, err)
	}
	if m, err := s.KafkaSASL(); m != nil || err != nil {
		t.Errorf("SASL: %v, %v", m, err)
	}
	if conf, err := s.RegistryTLS(); conf != nil || err != nil {
		t.Errorf("registry TLS: %v, %v", conf, err)
	}
	opts, err := s.RedisOptions()
	if err != nil || opts.Addr != "localhost:6379" || opts.TLSConfig != nil || opts.Password != "" {
		t.Errorf("Redis: %+v, %v", opts, err)
	}
}

// server is a TLS server with the certificate in a PEM file.
func server(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what the tests want
	s.StartTLS()
	t.Cleanup(s.Close)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	return s, write(t, "ca.pem", string(block))
}

func TestTLSTrustsOnlyTheGivenAuthority(t *testing.T) {
	srv, ca := server(t)
	// get asks the server with conf; httptest's certificate is for example.com and 127.0.0.1.
	get := func(conf *tls.Config) error {
		transport := &http.Transport{TLSClientConfig: conf}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, nil)
		if err != nil {
			return err
		}
		res, err := transport.RoundTrip(req)
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	for _, c := range []struct {
		name string
		tls  KafkaTLS
		ok   bool
	}{
		{"authority", KafkaTLS{Enabled: true, CAFile: ca}, true},
		{"authority and name", KafkaTLS{Enabled: true, CAFile: ca, ServerName: "example.com"}, true},
		{"wrong name", KafkaTLS{Enabled: true, CAFile: ca, ServerName: "kafka"}, false},
		{"system's authorities", KafkaTLS{Enabled: true}, false},
		{"no check, as told", KafkaTLS{Enabled: true, InsecureSkipVerify: true}, true},
	} {
		s := Default()
		s.Kafka.TLS = c.tls
		conf, err := s.KafkaTLS()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if conf.MinVersion < tls.VersionTLS12 {
			t.Errorf("%s: accepts TLS before 1.2", c.name)
		}
		if err := get(conf); (err == nil) != c.ok {
			t.Errorf("%s: got %v, want success: %v", c.name, err, c.ok)
		}
	}
	s := Default()
	s.Registry.CAFile = ca
	conf, err := s.RegistryTLS()
	if err != nil || get(conf) != nil {
		t.Errorf("registry: %v, %v", err, get(conf))
	}
	s.Redis.TLS = RedisTLS{Enabled: true, CAFile: ca, ServerName: "example.com"}
	opts, err := s.RedisOptions()
	if err != nil || get(opts.TLSConfig) != nil {
		t.Errorf("Redis: %v", err)
	}
}

func TestTLSFilesAreNamedInErrors(t *testing.T) {
	absent, junk := filepath.Join(t.TempDir(), "absent.pem"), write(t, "junk.pem", "junk")
	for _, c := range []struct {
		name  string
		tls   KafkaTLS
		wants []string
	}{
		{"absent", KafkaTLS{Enabled: true, CAFile: absent}, []string{"kafka.tls.ca_file", absent}},
		{"junk", KafkaTLS{Enabled: true, CAFile: junk}, []string{"kafka.tls.ca_file", junk, "no PEM certificate"}},
		{"pair", KafkaTLS{Enabled: true, CertFile: junk, KeyFile: absent}, []string{"kafka.tls.cert_file", junk, "kafka.tls.key_file", absent}},
	} {
		s := Default()
		s.Kafka.TLS = c.tls
		_, err := s.KafkaTLS()
		for _, want := range c.wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want it to say %q", c.name, err, want)
			}
		}
	}
}

// TestSASLLogsIn logs in to a broker that knows one user per mechanism.
func TestSASLLogsIn(t *testing.T) {
	for mechanism, name := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.User(name, "plumb", hush))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			ping := func(password string) error {
				s := Default()
				s.Kafka.SASL = KafkaSASL{Mechanism: mechanism, Username: "plumb", Password: NewSecret(password)}
				m, err := s.KafkaSASL()
				if err != nil {
					return err
				}
				client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.SASL(m), kgo.RequestRetries(0),
					kgo.RetryBackoffFn(func(int) time.Duration { return 0 }))
				if err != nil {
					return err
				}
				defer client.Close()
				return client.Ping(t.Context())
			}
			if err := ping(hush); err != nil {
				t.Errorf("the right password: %v", err)
			}
			if err := ping("wrong"); err == nil {
				t.Error("the wrong password is accepted")
			}
		})
	}
}
