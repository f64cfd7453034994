package settings

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// mostNames bounds a file of named secrets, in bytes.
const mostNames = 1 << 20

// RoutingKeys are the routing keys of alert.pagerduty.keys_file, by service; none without the file.
func (s *Settings) RoutingKeys() (map[string]Secret, error) {
	return named("alert.pagerduty.keys_file", s.Alert.PagerDuty.KeysFile, "SERVICE: KEY", func(key string) error {
		if len(key) != 32 || strings.Trim(key, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return fmt.Errorf("a routing key has 32 letters and digits")
		}
		return nil
	})
}

// SlackWebhooks are the incoming webhooks of alert.slack.webhooks_file, by channel; none without the file.
func (s *Settings) SlackWebhooks() (map[string]Secret, error) {
	return named("alert.slack.webhooks_file", s.Alert.Slack.WebhooksFile, "CHANNEL: URL", func(address string) error {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" || u.Host == "" {
			return fmt.Errorf("a webhook is an address that begins with https://")
		}
		return nil
	})
}

// SMTPTLS is how to check the mail server's certificate; nil: as the system does.
func (s *Settings) SMTPTLS() (*tls.Config, error) {
	if s.Alert.SMTP.CAFile == "" {
		return nil, nil
	}
	return newTLS("alert.smtp.ca_file", s.Alert.SMTP.CAFile, "")
}

// named reads a file with a secret for each name. Blank lines and lines that begin with # are passed over. Errors repeat nothing of a line.
func named(key, file, form string, valid func(string) error) (map[string]Secret, error) {
	if file == "" {
		return nil, nil
	}
	text, err := readBounded(file, mostNames)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	out := map[string]Secret{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		wrong := ""
		if _, twice := out[name]; !ok || name == "" || value == "" {
			wrong = "want " + form
		} else if twice {
			wrong = "the name stands here twice"
		} else if err := valid(value); err != nil {
			wrong = err.Error()
		}
		if wrong != "" {
			return nil, fmt.Errorf("%s %s: line %d: %s", key, file, i+1, wrong)
		}
		out[name] = NewSecret(value)
	}
	return out, nil
}

// isAPIBase accepts an address without credentials, to which paths are added.
func isAPIBase(s string) error {
	parsed, err := url.Parse(s)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return bad(NewURL(s), "http://HOST:PORT or https://HOST:PORT")
	}
	return nil
}

func isLinkBase(s string) error {
	if s == "" {
		return nil
	}
	return isAPIBase(s)
}

func isAddressOrEmpty(s string) error {
	if s == "" {
		return nil
	}
	return isAddress(s)
}

// loopbackHost reports whether an address, host:port, is on this machine for certain.
func loopbackHost(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
