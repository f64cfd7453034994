package settings

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// redacted is what is printed in place of a secret.
const redacted = "<redacted>"

// Secret is text that must not be shown. Every way of printing or encoding it gives "<redacted>", or nothing if it is
// empty; only Reveal gives the text.
//
// The text is behind a pointer because fmt calls no methods on values it reaches through unexported fields: there it
// prints the pointer, not the text.
type Secret struct{ text *string }

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.text == nil }

// Equal reports whether both hide the same text.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String returns "<redacted>", or "" for an empty secret.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format prints String whatever the verb: %d or %x of a string would otherwise print its bytes.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText is String, for JSON, YAML and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// URL is an address that may carry a password, a token in its path or in its query. It prints without them.
type URL struct{ text *string }

// NewURL keeps text as it is.
func NewURL(text string) URL {
	if text == "" {
		return URL{}
	}
	return URL{&text}
}

// Reveal returns the whole address.
func (u URL) Reveal() string { return Secret(u).Reveal() }

// Empty reports whether there is no address.
func (u URL) Empty() bool { return u.text == nil }

// Equal reports whether both are the same address.
func (u URL) Equal(other URL) bool { return u.Reveal() == other.Reveal() }

// Scheme returns what stands before "://", or "".
func (u URL) Scheme() string {
	scheme, _, ok := strings.Cut(u.Reveal(), "://")
	if !ok {
		return ""
	}
	return scheme
}

// String returns the address without its password and its query; of http and https also without the path, where
// webhooks carry their tokens.
func (u URL) String() string {
	if u.Empty() || u.Scheme() == "sqlite" {
		return u.Reveal()
	}
	parsed, err := url.Parse(u.Reveal())
	if err != nil || parsed.Host == "" {
		// Not an address, but perhaps one with a typing error: shown only if it has no room for a secret.
		if strings.ContainsAny(u.Reveal(), "@/?#") {
			return redacted
		}
		return u.Reveal()
	}
	var b strings.Builder
	b.WriteString(parsed.Scheme + "://")
	if parsed.User != nil {
		b.WriteString(parsed.User.Username())
		if _, has := parsed.User.Password(); has {
			b.WriteString(":" + redacted)
		}
		b.WriteString("@")
	}
	b.WriteString(parsed.Host)
	switch {
	case strings.HasPrefix(parsed.Scheme, "http") && strings.Trim(parsed.Path, "/") != "":
		b.WriteString("/" + redacted)
	default:
		b.WriteString(parsed.EscapedPath())
	}
	if parsed.RawQuery != "" {
		b.WriteString("?" + redacted)
	}
	return b.String()
}

// GoString is String.
func (u URL) GoString() string { return u.String() }

// Format prints String whatever the verb.
func (u URL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalText is String, for JSON, YAML and loggers.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }
