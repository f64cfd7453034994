package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Receipts remember what a sink answered about an incident, for as long as the incident is known.
type Receipts interface {
	// Receipt is the latest that was kept for the incident in this sink, or "".
	Receipt(ctx context.Context, incident, sink string) (string, error)
	// Keep remembers it with the message that it answers.
	Keep(ctx context.Context, message, sink, receipt string) error
}

// Slack posts to one channel with a bot token. An incident is one message, which is updated in place. A first post can't be told
// from a repeated one by Slack: after a timeout that left open whether it arrived, the channel may show it twice. An update is
// the same however often it is sent.
type Slack struct {
	Called   string
	URL      string // of the Web API; "" is Slack's own
	Token    string
	Channel  string // as the contract names it, with its # or @
	Buttons  bool   // whether presses of buttons reach us
	Links    Links
	Receipts Receipts
	Client   *http.Client // nil: the default client
}

// Name is what it is called.
func (s *Slack) Name() string { return s.Called }

// Pace is one message a second, as Slack asks for a channel.
func (s *Slack) Pace() (perSecond float64, burst int) { return 1, 5 }

// Wants everything that changes the message.
func (s *Slack) Wants(c incident.Change) bool { return Louder(c) || c == incident.Joined }

// Send posts the incident, or updates what was posted.
func (s *Slack) Send(ctx context.Context, id string, body []byte) error {
	m, err := read(body)
	if err != nil {
		return err
	}
	content := []slack.MsgOption{
		slack.MsgOptionText(plain(fallback(&m)), false), slack.MsgOptionBlocks(blocks(&m, s.Links, s.Buttons)...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	api := s.api()
	if m.digest != nil {
		_, _, err := api.PostMessageContext(ctx, s.Channel, content...)
		return slackError(err)
	}
	at, err := s.Receipts.Receipt(ctx, m.incident.ID, s.Called)
	if err != nil {
		return err
	}
	channel, ts, found := strings.Cut(at, " ")
	if !found {
		if channel, ts, err = api.PostMessageContext(ctx, s.Channel, content...); err != nil {
			return slackError(err)
		}
		return s.Receipts.Keep(ctx, id, s.Called, channel+" "+ts)
	}
	_, _, _, err = api.UpdateMessageContext(ctx, channel, ts, content...)
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok && slices.Contains(gone, e.Err) { // somebody removed it
		if channel, ts, err = api.PostMessageContext(ctx, s.Channel, content...); err != nil {
			return slackError(err)
		}
	}
	if err != nil {
		return slackError(err)
	}
	return s.Receipts.Keep(ctx, id, s.Called, channel+" "+ts) // also when it is the same: the latest is looked up
}

// gone are Slack's words for a message that can't be updated because it is no more.
var gone = []string{"message_not_found", "cant_update_message", "edit_window_closed"}

func (s *Slack) api() *slack.Client {
	options := []slack.Option{slack.OptionHTTPClient(orDefault(s.Client))}
	if s.URL != "" {
		options = append(options, slack.OptionAPIURL(strings.TrimSuffix(s.URL, "/")+"/"))
	}
	return slack.New(s.Token, options...)
}

// passing are Slack's errors that are worth another try; the others are said of the request itself.
var passing = []string{
	"internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org",
	"accesslimited",
}

// slackError is what a failure of the client means.
func slackError(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return &LaterError{clamp(e.RetryAfter), errors.New("Slack limits the rate")}
	}
	if e, ok := errors.AsType[slack.StatusCodeError](err); ok {
		err := fmt.Errorf("Slack answers %s", e.Status)
		switch {
		case e.Code == http.StatusTooManyRequests:
			return &LaterError{0, err}
		case e.Code == http.StatusRequestTimeout || e.Code >= 500:
			return err
		default:
			return &RefusedError{err}
		}
	}
	if e, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		err := fmt.Errorf("Slack answers %s", e.Err)
		if slices.Contains(passing, e.Err) {
			return err
		}
		return &RefusedError{err}
	}
	return fmt.Errorf("post to Slack: %w", unaddressed(err))
}

// SlackWebhook posts to the channel of an incoming webhook: one message for each step, which can't be updated and has no buttons.
type SlackWebhook struct {
	Called string
	URL    string // a secret
	Links  Links
	Client *http.Client // nil: the default client
}

// Name is what it is called.
func (s *SlackWebhook) Name() string { return s.Called }

// Pace is one message a second, as Slack asks for a webhook.
func (s *SlackWebhook) Pace() (perSecond float64, burst int) { return 1, 5 }

// Wants what people are told of.
func (s *SlackWebhook) Wants(c incident.Change) bool { return Louder(c) }

// Send posts the message.
func (s *SlackWebhook) Send(ctx context.Context, _ string, body []byte) error {
	m, err := read(body)
	if err != nil {
		return err
	}
	b, err := json.Marshal(slack.WebhookMessage{Text: plain(fallback(&m)), Blocks: &slack.Blocks{BlockSet: blocks(&m, s.Links, false)}})
	if err != nil {
		return &RefusedError{fmt.Errorf("encode message: %w", err)}
	}
	return post(ctx, orDefault(s.Client), "Slack's webhook", s.URL, http.Header{"Content-Type": {"application/json"}}, b)
}
