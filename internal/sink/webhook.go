package sink

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Webhook posts messages to a URL as CloudEvents in structured mode. With a secret, the header Plumbline-Signature carries
// "sha256=" and the HMAC of the body in hexadecimal. Idempotency-Key is the message's id: who sees it twice takes it once.
type Webhook struct {
	Called string // its name; "" is "webhook"
	URL    string
	Secret string
	Client *http.Client // nil: the default client
}

// Name is "webhook", or what it is called.
func (w *Webhook) Name() string {
	if w.Called == "" {
		return "webhook"
	}
	return w.Called
}

// Pace is twenty requests a second.
func (w *Webhook) Pace() (perSecond float64, burst int) { return 20, 100 }

// Wants what people are told of.
func (w *Webhook) Wants(c incident.Change) bool { return Louder(c) }

// Send posts the message.
func (w *Webhook) Send(ctx context.Context, id string, body []byte) error {
	header := http.Header{"Content-Type": {contentType}, "Idempotency-Key": {id}}
	if w.Secret != "" {
		header.Set("Plumbline-Signature", "sha256="+sign(w.Secret, body))
	}
	return post(ctx, orDefault(w.Client), "webhook", w.URL, header, body)
}

// sign is the HMAC-SHA256 of text in hexadecimal.
func sign(secret string, text []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

func orDefault(c *http.Client) *http.Client {
	if c == nil {
		return NewClient()
	}
	return c
}

// Louder reports whether people are told of a change; the others only update what they can look at.
func Louder(c incident.Change) bool {
	switch c {
	case incident.Opened, incident.Raised, incident.Closed, incident.Reopened,
		incident.Acked, incident.Contained, incident.Unsilenced, incident.Merged, incident.Parted:
		return true
	default:
		return false
	}
}
