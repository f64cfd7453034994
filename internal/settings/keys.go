package settings

import (
	"strings"
	"time"
)

// envPrefix starts every environment variable that is read.
const envPrefix = "PLUMBLINE_"

// key is one row of the table: all there is to know about a setting.
type key struct {
	path     string // "kafka.tls.ca_file"
	fallback string // the default, as it would be written
	value    value  // its place in a Settings
	doc      string // what it means, one sentence or two
}

// env is the name of the environment variable: PLUMBLINE_KAFKA_TLS_CA_FILE.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// table lists every key in the order of the manual, bound to the fields of s.
func table(s *Settings) []key {
	return []key{
		{"kafka.brokers", "localhost:9092", list(&s.Kafka.Brokers, isAddress), "Brokers to start from, as `host:port`."},
		{"kafka.client_id", "plumbline", text(&s.Kafka.ClientID, isName), "The name that broker logs and quotas see."},
		{"kafka.replication_factor", "-1", replicas(&s.Kafka.ReplicationFactor), "Replicas of the internal topics, used when they are created; -1 leaves it to the broker."},
		{"kafka.fragments_partitions", "20", number(&s.Kafka.FragmentsPartitions, 1, 10_000), "Partitions of `plumbline.fragments` and `plumbline.panes`. Fixed once the topics exist."},
		{"kafka.joins_partitions", "8", number(&s.Kafka.JoinsPartitions, 1, 10_000), "Partitions of `plumbline.joins`. Fixed once the topic exists."},
		{"kafka.tls.enabled", "false", boolean(&s.Kafka.TLS.Enabled), "Encrypt connections to the brokers."},
		{"kafka.tls.ca_file", "", path(&s.Kafka.TLS.CAFile), "PEM file of the authorities to trust; empty: those of the system."},
		{"kafka.tls.cert_file", "", path(&s.Kafka.TLS.CertFile), "PEM certificate to present, for mutual TLS; needs `kafka.tls.key_file`."},
		{"kafka.tls.key_file", "", path(&s.Kafka.TLS.KeyFile), "PEM key of `kafka.tls.cert_file`."},
		{"kafka.tls.server_name", "", text(&s.Kafka.TLS.ServerName, nil), "The name the broker's certificate must carry; empty: the host dialled."},
		{"kafka.tls.insecure_skip_verify", "false", boolean(&s.Kafka.TLS.InsecureSkipVerify), "Accept any broker certificate. Whoever is on the network path can then read and change everything."},
		{"kafka.sasl.mechanism", "", choice(&s.Kafka.SASL.Mechanism, "", "plain", "scram-sha-256", "scram-sha-512"), "How to log in to the brokers; empty: not at all. `plain` sends the password as it is: use it with TLS."},
		{"kafka.sasl.username", "", text(&s.Kafka.SASL.Username, nil), "The user to log in as."},
		{"kafka.sasl.password", "", secret(&s.Kafka.SASL.Password), "The password; better in a file."},
		{"kafka.sasl.password_file", "", path(&s.Kafka.SASL.PasswordFile), "File that holds `kafka.sasl.password`; one newline at its end is dropped."},

		{"registry.url", "http://localhost:8081", list(&s.Registry.URLs, isRegistryURL), "The schema registry (Confluent API), or several addresses of it, of which one has to answer; empty: none."},
		{"registry.username", "", text(&s.Registry.Username, nil), "User for HTTP basic authentication."},
		{"registry.password", "", secret(&s.Registry.Password), "The password; better in a file."},
		{"registry.password_file", "", path(&s.Registry.PasswordFile), "File that holds `registry.password`; one newline at its end is dropped."},
		{"registry.token", "", secret(&s.Registry.Token), "Bearer token, instead of a user; better in a file."},
		{"registry.token_file", "", path(&s.Registry.TokenFile), "File that holds `registry.token`; one newline at its end is dropped."},
		{"registry.ca_file", "", path(&s.Registry.CAFile), "PEM file of the authorities to trust for https; empty: those of the system."},
		{"registry.cert_file", "", path(&s.Registry.CertFile), "PEM certificate to present, for mutual TLS; needs `registry.key_file`."},
		{"registry.key_file", "", path(&s.Registry.KeyFile), "PEM key of `registry.cert_file`."},

		{"redis.address", "localhost:6379", text(&s.Redis.Address, isAddress), "Redis, as `host:port`. What it holds is rebuilt from Kafka when it is lost."},
		{"redis.username", "", text(&s.Redis.Username, nil), "The ACL user; empty: the default user."},
		{"redis.password", "", secret(&s.Redis.Password), "The password; better in a file."},
		{"redis.password_file", "", path(&s.Redis.PasswordFile), "File that holds `redis.password`; one newline at its end is dropped."},
		{"redis.db", "0", number(&s.Redis.DB, 0, 1<<20), "Number of the database."},
		{"redis.tls.enabled", "false", boolean(&s.Redis.TLS.Enabled), "Encrypt connections to Redis."},
		{"redis.tls.ca_file", "", path(&s.Redis.TLS.CAFile), "PEM file of the authorities to trust; empty: those of the system."},
		{"redis.tls.server_name", "", text(&s.Redis.TLS.ServerName, nil), "The name the certificate must carry; empty: the host dialled."},

		{"ledger.url", "sqlite://plumbline.db", ledgerURL(&s.Ledger.URL), "Where decisions are kept: `sqlite://FILE` (relative to the working directory) or `postgres://USER:PASSWORD@HOST/DATABASE`."},

		{"http.listen", "127.0.0.1:8090", text(&s.HTTP.Listen, isListen), "Address of metrics, health, API and console, as `host:port`; `:8090` is every interface, port 0 any free port."},
		{"http.pprof", "false", boolean(&s.HTTP.Pprof), "Serve Go profiles at `/debug/pprof/`."},

		{"api.url", "", text(&s.API.URL, isAPIURL), "Where the tool finds the API of an alerter, to show incidents and to do something about them; empty: on this machine, at the port of `http.listen`."},
		{"api.token", "", secret(&s.API.Token), "Bearer token of those who write through the API, which they share; also what the tool presents. Better in a file. Without any token only the API of a loopback address can be written."},
		{"api.token_file", "", path(&s.API.TokenFile), "File that holds `api.token`; one newline at its end is dropped."},
		{"api.tokens_file", "", path(&s.API.TokensFile), "File with a token for each person or program that writes, lines of `NAME: TOKEN`: what they do is entered under that name."},

		{"log.level", "info", choice(&s.Log.Level, "debug", "info", "warn", "error"), "The least severe messages to log."},
		{"log.format", "json", choice(&s.Log.Format, "json", "console"), "How messages are written."},

		{"ingest.epoch", "2s", duration(&s.Ingest.Epoch, 100*time.Millisecond, 30*time.Second), "The longest time between two commits: how stale a fragment may be."},
		{"ingest.epoch_bytes", "32MiB", size(&s.Ingest.EpochBytes, 64<<10, 4<<30), "Bytes of input after which an epoch ends early; bounds what a crash repeats."},
		{"ingest.workers", "0", number(&s.Ingest.Workers, 0, 1024), "Goroutines that decode and count; 0: one for each core that Go may use (`GOMAXPROCS`). It shows in no number."},
		{"ingest.idle_after", "30s", duration(&s.Ingest.IdleAfter, time.Second, 7*24*time.Hour), "How long a partition is silent before it stops holding back the others."},

		{"memory.limit", "0B", size(&s.Memory.Limit, 0, 1<<40), "Live heap above which fetching pauses until there is room again; 0: four fifths of `GOMEMLIMIT` if that is set, else no limit."},

		{"group.prefix", "plumbline", text(&s.Group.Prefix, isName), "Start of the names of consumer groups and transactional ids: two installations on one cluster need two."},
		{"group.instance", "", text(&s.Group.Instance, isNameOrEmpty), "This process's slot among its peers (`group.instance.id`, and part of the transactional id), such as a pod's ordinal; empty: dynamic membership."},

		{"alert.webhook.url", "", webhookURL(&s.Alert.Webhook.URL), "Where incidents are posted as JSON; empty: nowhere."},
		{"alert.webhook.secret", "", secret(&s.Alert.Webhook.Secret), "Key of the signature on each post; better in a file."},
		{"alert.webhook.secret_file", "", path(&s.Alert.Webhook.SecretFile), "File that holds `alert.webhook.secret`; one newline at its end is dropped. Webhooks that contracts name are signed by the same."},
		{"alert.link", "", text(&s.Alert.Link, isLinkBase), "Where people look at incidents: messages link to this and the incident's id; empty: no links."},
		{"alert.pagerduty.url", "https://events.pagerduty.com", text(&s.Alert.PagerDuty.URL, isAPIBase), "PagerDuty's Events API; that of the EU is `https://events.eu.pagerduty.com`."},
		{"alert.pagerduty.keys_file", "", path(&s.Alert.PagerDuty.KeysFile), "File with the routing key of each PagerDuty service that contracts name, lines of `SERVICE: KEY`."},
		{"alert.pagerduty.webhook_secret", "", secret(&s.Alert.PagerDuty.WebhookSecret), "Secret of PagerDuty's webhook subscription: what is acknowledged or resolved there is so here, by posts to `/hooks/pagerduty`; empty: nothing is taken. Better in a file."},
		{"alert.pagerduty.webhook_secret_file", "", path(&s.Alert.PagerDuty.WebhookSecretFile), "File that holds `alert.pagerduty.webhook_secret`; one newline at its end is dropped."},
		{"alert.slack.url", "https://slack.com/api", text(&s.Alert.Slack.URL, isAPIBase), "Slack's Web API."},
		{"alert.slack.token", "", secret(&s.Alert.Slack.Token), "Bot token: messages are updated in place and have buttons. Better in a file."},
		{"alert.slack.token_file", "", path(&s.Alert.Slack.TokenFile), "File that holds `alert.slack.token`; one newline at its end is dropped."},
		{"alert.slack.webhooks_file", "", path(&s.Alert.Slack.WebhooksFile), "File with the incoming webhook of each channel, lines of `CHANNEL: URL`, the channel without `#`. A channel that is in it is told by its webhook, also where there is a token."},
		{"alert.slack.signing_secret", "", secret(&s.Alert.Slack.SigningSecret), "Signing secret of the Slack app: presses of buttons come to `/hooks/slack`; empty: there are no buttons, and nothing is taken. Better in a file."},
		{"alert.slack.signing_secret_file", "", path(&s.Alert.Slack.SigningSecretFile), "File that holds `alert.slack.signing_secret`; one newline at its end is dropped."},
		{"alert.alertmanager.url", "", list(&s.Alert.Alertmanager.URLs, isAPIBase), "Alertmanager (API v2), or all members of its cluster: it is told of every incident; empty: none."},
		{"alert.smtp.address", "", text(&s.Alert.SMTP.Address, isAddressOrEmpty), "Mail server, as `host:port`; empty: no mail."},
		{"alert.smtp.encryption", "starttls", choice(&s.Alert.SMTP.Encryption, "starttls", "tls", "none"), "`starttls` is required of the server, `tls` begins at once (port 465), `none` is for a server on this very machine only."},
		{"alert.smtp.ca_file", "", path(&s.Alert.SMTP.CAFile), "PEM file of the authorities to trust; empty: those of the system."},
		{"alert.smtp.from", "", text(&s.Alert.SMTP.From, nil), "Sender of mails, like `Plumbline <plumbline@example.org>`."},
		{"alert.smtp.username", "", text(&s.Alert.SMTP.Username, nil), "The user to log in as; empty: not at all."},
		{"alert.smtp.password", "", secret(&s.Alert.SMTP.Password), "The password; better in a file."},
		{"alert.smtp.password_file", "", path(&s.Alert.SMTP.PasswordFile), "File that holds `alert.smtp.password`; one newline at its end is dropped."},

		{"budget.fleet.pages", "", rate(&s.Budget.Fleet.Pages), "How many false pages all models together may be good for; empty: no cap."},
		{"budget.fleet.tickets", "", rate(&s.Budget.Fleet.Tickets), "The same for false tickets."},
		{"budget.teams", "", teamCaps(&s.Budget.Teams), "The same for the models of a team, which is the owner of role `model` in their contracts; in the file `TEAM: {pages: RATE, tickets: RATE}`."},
		{"budget.weights", "", weights(&s.Budget.Weights), "By what weight a model shares a cap with the others; in the file `MODEL: NUMBER`. 1 for those that aren't named."},

		{"contracts", "", paths(&s.Contracts), "Contract files, or folders of them."},
	}
}

// fileKey names the key whose file holds the secret of path, or "".
func fileKey(path string) string {
	switch path {
	case "kafka.sasl.password", "registry.password", "registry.token", "redis.password", "alert.webhook.secret",
		"alert.pagerduty.webhook_secret", "alert.slack.token", "alert.slack.signing_secret", "alert.smtp.password", "api.token":
		return path + "_file"
	}
	return ""
}

// section is the first element of a path, or "" for a key outside any section.
func section(path string) string {
	before, _, found := strings.Cut(path, ".")
	if !found {
		return ""
	}
	return before
}
