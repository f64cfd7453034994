package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// problem is a rule between keys that does not hold.
type problem struct {
	at    string   // the key to look at first
	needs []string // the other keys in it
	text  string
}

// leastToken is how many characters a bearer token has at least.
const leastToken = 16

// Validate checks every value and what must hold between them, and joins everything that is wrong. What Load returns is
// valid; this is for settings made or changed by a program.
func (s *Settings) Validate() error {
	var errs []error
	failed := map[string]bool{}
	for _, k := range table(s) {
		if err := k.value.check(); err != nil {
			failed[k.path] = true
			errs = append(errs, fmt.Errorf("%s: %w", k.path, err))
		}
	}
	for _, p := range s.problems() {
		if !p.touches(failed) {
			errs = append(errs, fmt.Errorf("%s: %s", p.at, p.text))
		}
	}
	return errors.Join(errs...)
}

// judge is Validate's second half for a Load: it adds where the value came from.
func (l *loader) judge() error {
	var errs []error
	for _, p := range l.settings.problems() {
		if !p.touches(l.failed) {
			errs = append(errs, fmt.Errorf("%s: %s: %s", l.sources[p.at], p.at, p.text))
		}
	}
	return errors.Join(errs...)
}

// touches reports whether a key of p is among failed.
func (p problem) touches(failed map[string]bool) bool {
	return failed[p.at] || slices.ContainsFunc(p.needs, func(path string) bool { return failed[path] })
}

// problems lists the rules between keys that do not hold, in the order of the keys.
func (s *Settings) problems() []problem {
	var out []problem
	add := func(broken bool, at, text string, needs ...string) {
		if broken {
			out = append(out, problem{at, needs, text})
		}
	}

	add(len(s.Kafka.Brokers) == 0, "kafka.brokers", "is empty; want at least one")
	t := s.Kafka.TLS
	off := func(section, name string, given bool) {
		add(given, section+"."+name, "has no effect while "+section+".enabled is false", section+".enabled")
	}
	if !t.Enabled {
		off("kafka.tls", "ca_file", t.CAFile != "")
		off("kafka.tls", "cert_file", t.CertFile != "")
		off("kafka.tls", "key_file", t.KeyFile != "")
		off("kafka.tls", "server_name", t.ServerName != "")
		off("kafka.tls", "insecure_skip_verify", t.InsecureSkipVerify)
	} else {
		add(t.CertFile != "" && t.KeyFile == "", "kafka.tls.cert_file", "needs kafka.tls.key_file", "kafka.tls.key_file")
		add(t.KeyFile != "" && t.CertFile == "", "kafka.tls.key_file", "needs kafka.tls.cert_file", "kafka.tls.cert_file")
	}

	a := s.Kafka.SASL
	if a.Mechanism == "" {
		add(a.Username != "", "kafka.sasl.username", "has no effect without kafka.sasl.mechanism", "kafka.sasl.mechanism")
		add(!a.Password.Empty(), "kafka.sasl.password", "has no effect without kafka.sasl.mechanism", "kafka.sasl.mechanism")
	} else {
		add(a.Username == "", "kafka.sasl.mechanism", "needs kafka.sasl.username", "kafka.sasl.username")
		add(a.Password.Empty(), "kafka.sasl.mechanism", "needs kafka.sasl.password_file or kafka.sasl.password", "kafka.sasl.password", "kafka.sasl.password_file")
	}

	r := s.Registry
	https := len(r.URLs) > 0
	for _, url := range r.URLs {
		https = https && strings.HasPrefix(url, "https://")
	}
	add(r.Username != "" && r.Password.Empty(), "registry.username", "needs registry.password_file or registry.password", "registry.password", "registry.password_file")
	add(r.Username == "" && !r.Password.Empty(), "registry.password", "needs registry.username", "registry.username")
	add(r.Username != "" && !r.Token.Empty(), "registry.token", "can't be used with registry.username", "registry.username")
	add(r.CAFile != "" && !https, "registry.ca_file", "has no effect unless registry.url is https", "registry.url")
	add(r.CertFile != "" && !https, "registry.cert_file", "has no effect unless registry.url is https", "registry.url")
	add(r.CertFile != "" && r.KeyFile == "", "registry.cert_file", "needs registry.key_file", "registry.key_file")
	add(r.KeyFile != "" && r.CertFile == "", "registry.key_file", "needs registry.cert_file", "registry.cert_file")

	d := s.Redis
	add(d.Username != "" && d.Password.Empty(), "redis.username", "needs redis.password_file or redis.password", "redis.password", "redis.password_file")
	if !d.TLS.Enabled {
		off("redis.tls", "ca_file", d.TLS.CAFile != "")
		off("redis.tls", "server_name", d.TLS.ServerName != "")
	}

	add(!s.API.Token.Empty() && len(s.API.Token.Reveal()) < leastToken, "api.token", "is too short to keep anybody out; want 16 characters or more", "api.token_file")

	m := s.Alert.SMTP
	if m.Address == "" {
		add(m.From != "", "alert.smtp.from", "has no effect without alert.smtp.address", "alert.smtp.address")
		add(m.Username != "", "alert.smtp.username", "has no effect without alert.smtp.address", "alert.smtp.address")
	} else {
		add(m.From == "", "alert.smtp.address", "needs alert.smtp.from", "alert.smtp.from")
		add(m.Encryption == "none" && !loopbackHost(m.Address), "alert.smtp.encryption", "none is for a server on this machine (localhost) only: everybody on the way would read what is sent", "alert.smtp.address")
	}
	add(m.Username != "" && m.Password.Empty(), "alert.smtp.username", "needs alert.smtp.password_file or alert.smtp.password", "alert.smtp.password", "alert.smtp.password_file")
	add(m.Username == "" && !m.Password.Empty(), "alert.smtp.password", "needs alert.smtp.username", "alert.smtp.username")
	add(!s.Alert.Slack.SigningSecret.Empty() && s.Alert.Slack.Token.Empty(), "alert.slack.signing_secret", "has no effect without alert.slack.token", "alert.slack.token")
	return out
}
