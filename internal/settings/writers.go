package settings

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// APITokens are the tokens of api.tokens_file, by whose they are; none without the file. Blank lines and lines that begin with # are
// passed over.
func (s *Settings) APITokens() (map[string]string, error) {
	if s.API.TokensFile == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.API.TokensFile)
	if err != nil {
		return nil, fmt.Errorf("read api.tokens_file: %w", err)
	}
	out := map[string]string{}
	owner := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// Nothing of the line is repeated: it may be a token.
		wrong := func(what string) error {
			return fmt.Errorf("api.tokens_file %s: line %d: %s", s.API.TokensFile, i+1, what)
		}
		name, token, ok := strings.Cut(line, ":")
		name, token = strings.TrimSpace(name), strings.TrimSpace(token)
		switch {
		case !ok || name == "":
			return nil, wrong("want NAME: TOKEN")
		case len(token) < leastToken:
			return nil, wrong(fmt.Sprintf("the token is too short to keep anybody out; want %d characters or more", leastToken))
		case out[name] != "":
			return nil, wrong("the name has a token already")
		case owner[token] != "":
			return nil, wrong("somebody else has the same token")
		}
		out[name], owner[token] = token, name
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("api.tokens_file %s: names nobody; want lines of NAME: TOKEN", s.API.TokensFile)
	}
	return out, nil
}

// APIAddress is where the tool finds the API: api.url, or this machine at the port of http.listen.
func (s *Settings) APIAddress() string {
	if s.API.URL != "" {
		return strings.TrimSuffix(s.API.URL, "/")
	}
	host, port, err := net.SplitHostPort(s.HTTP.Listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
