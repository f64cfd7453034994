package settings

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/budget"
)

// Settings is everything a service is told about its surroundings. Default makes one, Load fills it.
type Settings struct {
	Kafka     Kafka
	Registry  Registry
	Redis     Redis
	Ledger    Ledger
	HTTP      HTTP
	API       API
	Log       Log
	Ingest    Ingest
	Memory    Memory
	Group     Group
	Alert     Alert
	Budget    budget.Caps
	Contracts []string // contract files or folders of them
}

// Kafka is the cluster, and how the internal topics are made.
type Kafka struct {
	Brokers             []string // host:port
	ClientID            string
	ReplicationFactor   int // of internal topics; -1: as the broker says
	FragmentsPartitions int // of plumbline.fragments and plumbline.panes, fixed at creation
	JoinsPartitions     int // of plumbline.joins, fixed at creation
	TLS                 KafkaTLS
	SASL                KafkaSASL
}

// KafkaTLS is the encryption of connections to the brokers.
type KafkaTLS struct {
	Enabled            bool
	CAFile             string // PEM; empty: the system's authorities
	CertFile, KeyFile  string // PEM; both or neither
	ServerName         string // empty: the name dialled
	InsecureSkipVerify bool
}

// KafkaSASL is who we are to the brokers.
type KafkaSASL struct {
	Mechanism    string // "", plain, scram-sha-256 or scram-sha-512
	Username     string
	Password     Secret
	PasswordFile string
}

// Registry is the schema registry, with the Confluent API.
type Registry struct {
	URLs         []string // empty: none
	Username     string
	Password     Secret
	PasswordFile string
	Token        Secret // instead of Username
	TokenFile    string
	CAFile       string
	CertFile     string // with KeyFile: what we present
	KeyFile      string
}

// Redis holds the join index and the latest view.
type Redis struct {
	Address      string // host:port
	Username     string
	Password     Secret
	PasswordFile string
	DB           int
	TLS          RedisTLS
}

// RedisTLS is the encryption of connections to Redis.
type RedisTLS struct {
	Enabled    bool
	CAFile     string // PEM; empty: the system's authorities
	ServerName string // empty: the name dialled
}

// Ledger is where decisions are kept.
type Ledger struct {
	URL URL // sqlite://FILE or postgres://USER:PASSWORD@HOST/DATABASE
}

// HTTP is the address of metrics, health, API and console.
type HTTP struct {
	Listen string // host:port; port 0: any free one
	Pprof  bool   // serve /debug/pprof
}

// API is who may write through the API, and where the tool finds it.
type API struct {
	URL        string // for the tool; empty: that of HTTP.Listen on this machine
	Token      Secret // shared by all who write; also what the tool presents
	TokenFile  string
	TokensFile string // a token for each person or program: lines NAME: TOKEN
}

// Log is what is logged, and how.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // json or console
}

// Ingest is the rhythm of the ingestor.
type Ingest struct {
	Epoch      time.Duration // longest time between two commits
	EpochBytes int64         // bytes of input after which an epoch ends early
	Workers    int           // goroutines that decode and count; 0: as many as GOMAXPROCS
	IdleAfter  time.Duration // how long a partition is silent before it no longer holds back the others
}

// Memory bounds what a process holds.
type Memory struct {
	Limit int64 // bytes of live heap above which fetching pauses; 0: four fifths of GOMEMLIMIT, or none
}

// Group names the consumer groups and transactions of this installation.
type Group struct {
	Prefix   string // of consumer groups and transactional ids
	Instance string // this process's slot among its peers; empty: dynamic membership
}

// Alert is where incidents are sent besides the topics, and how those are reached whom contracts name.
type Alert struct {
	Webhook      Webhook
	Link         string // where people look at incidents; empty: nowhere
	PagerDuty    PagerDuty
	Slack        Slack
	Alertmanager Alertmanager
	SMTP         SMTP
}

// PagerDuty is how services of PagerDuty are reached, and how it reaches us.
type PagerDuty struct {
	URL               string
	KeysFile          string // lines of SERVICE: KEY
	WebhookSecret     Secret // empty: nothing is taken
	WebhookSecretFile string
}

// Slack is how channels are reached, and how presses of buttons reach us.
type Slack struct {
	URL               string
	Token             Secret // of a bot; empty: by webhooks only
	TokenFile         string
	WebhooksFile      string // lines of CHANNEL: URL
	SigningSecret     Secret // empty: no buttons
	SigningSecretFile string
}

// Alertmanager is told of every incident.
type Alertmanager struct {
	URLs []string // the members of one cluster; empty: none
}

// SMTP is the mail server.
type SMTP struct {
	Address      string // host:port; empty: no mail
	Encryption   string // starttls, tls or none
	CAFile       string // PEM; empty: the system's authorities
	From         string
	Username     string
	Password     Secret
	PasswordFile string
}

// Webhook receives incidents as signed JSON.
type Webhook struct {
	URL        URL // empty: none
	Secret     Secret
	SecretFile string
}

// Default returns the settings of a laptop: everything on localhost, no credentials.
func Default() *Settings {
	s := new(Settings)
	for _, k := range table(s) {
		// The defaults are part of the table; a test sets every one of them.
		_ = k.value.set(k.fallback)
	}
	return s
}
