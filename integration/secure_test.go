//go:build integration

package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// secure points an installation at the listeners with TLS and passwords; Redis is one of its own.
func (s *system) secure() {
	s.t.Helper()
	password := filepath.Join(s.t.TempDir(), "kafka-password")
	if err := os.WriteFile(password, []byte(securePassword+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.set(
		"PLUMBLINE_KAFKA_BROKERS="+here.kafkaSecure,
		"PLUMBLINE_KAFKA_TLS_ENABLED=true", "PLUMBLINE_KAFKA_TLS_CA_FILE="+here.authority,
		"PLUMBLINE_KAFKA_SASL_MECHANISM=scram-sha-512", "PLUMBLINE_KAFKA_SASL_USERNAME="+secureUser, "PLUMBLINE_KAFKA_SASL_PASSWORD_FILE="+password,
		"PLUMBLINE_REDIS_ADDRESS="+s.otherRedis("PARTS_REDIS_SECURE=1"),
		"PLUMBLINE_REDIS_TLS_ENABLED=true", "PLUMBLINE_REDIS_TLS_CA_FILE="+here.authority, "PLUMBLINE_REDIS_PASSWORD="+securePassword,
	)
}

// otherRedis starts a second Redis, set up as its script's variables say, and returns its address.
func (s *system) otherRedis(variables ...string) string {
	s.t.Helper()
	port := here.redisPort + 1
	variables = append(variables, "PARTS_REDIS_PORT="+strconv.Itoa(port))
	if err := here.script("redis", "start", variables...); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := here.script("redis", "reset", variables...); err != nil {
			s.t.Error(err)
		}
	})
	return address(port)
}

// secret fails if the password stands in any output.
func (s *system) secret() {
	s.t.Helper()
	if lines := s.said(securePassword); len(lines) > 0 {
		s.t.Errorf("the password is told %d times, first in: %s", len(lines), lines[0])
	}
}

// With TLS, SCRAM and passwords the same comes out.
func TestSecureParts(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s) // the producer has a listener of its own
	s.secure()
	s.set("PLUMBLINE_LOG_LEVEL=debug")
	s.apply(contractFile())
	s.startAll()
	in.rest()
	s.settle()
	compare(t, "processes", s.verdicts())
	for name := range s.runs {
		until(t, name+" is ready", s.ready(name))
		if status, body, err := s.runs[name].get(t.Context(), "/metrics"); err != nil || status != http.StatusOK || strings.Contains(body, securePassword) {
			t.Errorf("metrics of %s: %d, %v; or the password stands in them", name, status, err)
		}
	}
	s.secret()
}

// strangersCertificate is the file of an authority that has signed nothing of ours.
func strangersCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stranger"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "stranger.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A service that can't log in, or can't tell with whom it speaks, doesn't start, and says why.
func TestRefused(t *testing.T) {
	s := fresh(t)
	s.secure()
	const wrong = "wrong-9f31-password"
	stranger := strangersCertificate(t)
	for _, c := range []struct {
		name string
		set  []string
		says []string
	}{
		{"password of Kafka", []string{"PLUMBLINE_KAFKA_SASL_PASSWORD_FILE=", "PLUMBLINE_KAFKA_SASL_PASSWORD=" + wrong}, []string{"kafka", here.kafkaSecure, "SASL_AUTHENTICATION_FAILED"}},
		{"authority of Kafka unknown", []string{"PLUMBLINE_KAFKA_TLS_CA_FILE="}, []string{"kafka", here.kafkaSecure, "unknown authority"}},
		{"another authority for Kafka", []string{"PLUMBLINE_KAFKA_TLS_CA_FILE=" + stranger}, []string{"kafka", here.kafkaSecure, "unknown authority"}},
		{"password of Redis", []string{"PLUMBLINE_REDIS_PASSWORD=" + wrong}, []string{"redis", "WRONGPASS"}},
		{"no password for Redis", []string{"PLUMBLINE_REDIS_PASSWORD="}, []string{"redis", "NOAUTH"}},
		{"authority of Redis unknown", []string{"PLUMBLINE_REDIS_TLS_CA_FILE="}, []string{"redis", "unknown authority"}},
	} {
		for _, name := range []string{ingestor, detector, alerter} {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				p := launch(t, name, slices.Concat(s.env, c.set))
				code, out := p.wait(t), p.log.String()
				if code != 3 {
					t.Errorf("it ends with %d, should be 3", code)
				}
				last := tail(out, 1)
				for _, words := range c.says {
					if !strings.Contains(last, words) {
						t.Errorf("its last words are %q, they should name %q", last, words)
					}
				}
				if strings.Contains(out, wrong) || strings.Contains(out, securePassword) {
					t.Errorf("it tells a password: %s", out)
				}
			})
		}
	}
}

// A Redis that evicts keys would lose single ids from an index that looks whole: the detector, whose joiner keeps the index,
// refuses it. The others only show things there.
func TestRedisThatEvicts(t *testing.T) {
	s := fresh(t)
	newStream(t, s)
	s.set("PLUMBLINE_REDIS_ADDRESS=" + s.otherRedis("PARTS_REDIS_POLICY=allkeys-lru"))
	s.apply(contractFile())
	p := launch(t, detector, s.env)
	code, last := p.wait(t), tail(p.log.String(), 1)
	if code != 3 || !strings.Contains(last, "maxmemory-policy is allkeys-lru and must be noeviction") {
		t.Errorf("the detector ends with %d and says %q, should be 3 and what is wrong", code, last)
	}
	s.start(ingestor, alerter)
	until(t, "the ingestor is ready", s.ready(ingestor))
	until(t, "the alerter is ready", s.ready(alerter))
}

// A Redis that begins to evict later makes the detector not ready.
func TestRedisBeginsToEvict(t *testing.T) {
	s := fresh(t)
	newStream(t, s)
	s.apply(contractFile())
	s.start(detector)
	until(t, "the detector is ready", s.ready(detector))
	policy := func(name string) {
		t.Helper()
		if err := s.redis.ConfigSet(t.Context(), "maxmemory-policy", name).Err(); err != nil {
			t.Fatal(err)
		}
	}
	policy("volatile-ttl")
	defer policy("noeviction") // others use it, too
	until(t, "the detector says so", func(ctx context.Context) error {
		status, body, err := s.runs[detector].get(ctx, "/readyz")
		if err == nil && (status == http.StatusOK || !strings.Contains(body, "maxmemory-policy is volatile-ttl")) {
			err = fmt.Errorf("it answers %d: %s", status, body)
		}
		return err
	})
	policy("noeviction")
	until(t, "the detector is ready again", s.ready(detector))
}
