package sink

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// slackSkew is how old a request of Slack's may be, either way.
const slackSkew = 5 * time.Minute

// SlackHook takes presses of the buttons under incidents. Without a secret it takes nothing.
type SlackHook struct {
	Secret string // the app's signing secret
	Desk   Desk
	Now    func() time.Time
	Log    *zap.Logger
}

// ServeHTTP verifies the signature of a request and takes what it says.
func (h *SlackHook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := receive(w, r)
	if !ok {
		return
	}
	if !h.signed(r.Header, body) {
		http.Error(w, "the signature is missing, wrong or old", http.StatusUnauthorized)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, "this is no interaction", http.StatusBadRequest)
		return
	}
	var in slack.InteractionCallback
	if err := json.Unmarshal([]byte(form.Get("payload")), &in); err != nil {
		http.Error(w, "this is no interaction", http.StatusBadRequest)
		return
	}
	for _, b := range in.ActionCallback.BlockActions {
		verb := map[string]incident.Verb{buttonAcknowledge: incident.Acknowledge, buttonResolve: incident.Resolve}[b.ActionID]
		if verb == "" || b.Value == "" {
			continue
		}
		who := in.User.Name
		if named(who) == "" {
			who = in.User.ID
		}
		perform(w, r, h.Log, h.Desk, incident.Act{
			ID: named("slack " + in.TriggerID), Actor: named("Slack: " + who), Verb: verb, Incident: b.Value, Happened: pressed(b.ActionTs),
		})
		return // a request carries one press
	}
	w.WriteHeader(http.StatusOK) // a button that only opens a page
}

// pressed is the time of a press as Slack writes it, in seconds; zero where it doesn't.
func pressed(ts string) time.Time {
	seconds, err := strconv.ParseFloat(ts, 64)
	if err != nil || !(seconds > 0 && seconds < 253402300800) {
		return time.Time{}
	}
	return time.UnixMilli(int64(seconds * 1000)).UTC()
}

// signed verifies Slack's signature, version 0: the HMAC of "v0:TIMESTAMP:BODY", not older than slackSkew. The client library has
// the same check by the process's own clock.
func (h *SlackHook) signed(header http.Header, body []byte) bool {
	if h.Secret == "" {
		return false
	}
	ts := header.Get("X-Slack-Request-Timestamp")
	at, err := strconv.ParseInt(ts, 10, 64)
	if err != nil || h.Now().Sub(time.Unix(at, 0)).Abs() > slackSkew {
		return false
	}
	text, ok := strings.CutPrefix(header.Get("X-Slack-Signature"), "v0=")
	got, err := hex.DecodeString(text)
	if !ok || err != nil {
		return false
	}
	want, err := hex.DecodeString(sign(h.Secret, append([]byte("v0:"+ts+":"), body...)))
	return err == nil && hmac.Equal(got, want)
}
