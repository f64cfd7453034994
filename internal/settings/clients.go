package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// KafkaTLS returns how to encrypt connections to the brokers, nil if they are not. It reads the files that the settings
// name; an error says which.
func (s *Settings) KafkaTLS() (*tls.Config, error) {
	t := s.Kafka.TLS
	if !t.Enabled {
		return nil, nil
	}
	conf, err := newTLS("kafka.tls.ca_file", t.CAFile, t.ServerName)
	if err != nil {
		return nil, err
	}
	conf.InsecureSkipVerify = t.InsecureSkipVerify
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("load kafka.tls.cert_file %s with kafka.tls.key_file %s: %w", t.CertFile, t.KeyFile, err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// KafkaSASL returns how to log in to the brokers, nil if there is no log-in.
func (s *Settings) KafkaSASL() (sasl.Mechanism, error) {
	a := s.Kafka.SASL
	user, pass := a.Username, a.Password.Reveal()
	switch a.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Auth{User: user, Pass: pass}.AsMechanism(), nil
	case "scram-sha-256":
		return scram.Auth{User: user, Pass: pass}.AsSha256Mechanism(), nil
	case "scram-sha-512":
		return scram.Auth{User: user, Pass: pass}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: %w", bad(a.Mechanism, "plain, scram-sha-256 or scram-sha-512"))
}

// RegistryTLS returns how to check the registry's certificate and which one to present, nil if as the system does and none.
func (s *Settings) RegistryTLS() (*tls.Config, error) {
	r := s.Registry
	if r.CAFile == "" && r.CertFile == "" {
		return nil, nil
	}
	conf, err := newTLS("registry.ca_file", r.CAFile, "")
	if err != nil || r.CertFile == "" {
		return conf, err
	}
	pair, err := tls.LoadX509KeyPair(r.CertFile, r.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("load registry.cert_file %s with registry.key_file %s: %w", r.CertFile, r.KeyFile, err)
	}
	conf.Certificates = []tls.Certificate{pair}
	return conf, nil
}

// RedisOptions returns how to reach Redis.
func (s *Settings) RedisOptions() (*redis.Options, error) {
	r := s.Redis
	opts := &redis.Options{Addr: r.Address, Username: r.Username, Password: r.Password.Reveal(), DB: r.DB}
	if r.TLS.Enabled {
		conf, err := newTLS("redis.tls.ca_file", r.TLS.CAFile, r.TLS.ServerName)
		if err != nil {
			return nil, err
		}
		opts.TLSConfig = conf
	}
	return opts, nil
}

// newTLS trusts the authorities in caFile, which the key caKey names; empty: those of the system.
func newTLS(caKey, caFile, serverName string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: serverName}
	if caFile == "" {
		return conf, nil
	}
	pem, err := readBounded(caFile, 4<<20)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", caKey, err)
	}
	conf.RootCAs = x509.NewCertPool()
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read %s: %s: %w", caKey, caFile, errors.New("no PEM certificate in it"))
	}
	return conf, nil
}
