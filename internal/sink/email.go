package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Encryption is how the connection to a mail server is protected.
type Encryption string

// The ways.
const (
	StartTLS    Encryption = "starttls" // required, not only wished for
	ImplicitTLS Encryption = "tls"      // from the first byte, as on port 465
	NoTLS       Encryption = "none"     // to this very machine only
)

// Mailer is a mail server, by which many addresses are reached.
type Mailer struct {
	Address    string // host:port
	Encryption Encryption
	TLS        *tls.Config // nil: as the system does
	Username   string      // "": no log-in
	Password   string
	From       string
	Links      Links
	Now        func() time.Time
	Dial       func(ctx context.Context, network, address string) (net.Conn, error) // nil: the network
}

// mailTimeout bounds one conversation with a mail server.
const mailTimeout = 10 * time.Second

// Check says what keeps the mailer from being used: most of all a connection in the clear to another machine.
func (m *Mailer) Check() error {
	host, _, err := net.SplitHostPort(m.Address)
	if err != nil {
		return fmt.Errorf("mail server %q: want host:port", m.Address)
	}
	if m.Encryption == NoTLS && !loopback(host) {
		return fmt.Errorf("mail server %s: without TLS everybody on the way reads what is sent; only a server on this machine (localhost) may be used so", m.Address)
	}
	if m.From == "" {
		return errors.New("mail needs a sender's address")
	}
	return nil
}

// loopback reports whether a host is this machine for certain: by its number, or by the name that means nothing else.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Email sends messages to one address. Its Message-ID is made of the message's id, so that servers and readers who see it twice
// can tell; the mails of an incident are one thread.
type Email struct {
	Called string
	Mailer *Mailer
	To     string
}

// Name is what it is called.
func (e *Email) Name() string { return e.Called }

// Pace is one mail a second.
func (e *Email) Pace() (perSecond float64, burst int) { return 1, 10 }

// Wants what people are told of.
func (e *Email) Wants(c incident.Change) bool { return Louder(c) }

// Send hands the mail over to the server.
func (e *Email) Send(ctx context.Context, id string, body []byte) error {
	if err := e.Mailer.Check(); err != nil {
		return &RefusedError{err}
	}
	m, err := read(body)
	if err != nil {
		return err
	}
	letter, err := e.mail(id, &m)
	if err != nil {
		return &RefusedError{err}
	}
	client, err := e.Mailer.client()
	if err != nil {
		return &RefusedError{err}
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("reach the mail server: %w", err)
	}
	err = client.SendWithSMTPClient(conn, letter)
	_ = client.CloseWithSMTPClient(conn) // the server has answered for the mail; how the connection ends says nothing of it
	return mailError(err)
}

func (e *Email) mail(id string, m *message) (*mail.Msg, error) {
	out := mail.NewMsg()
	if err := out.From(e.Mailer.From); err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	if err := out.To(e.To); err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	domain := "plumbline"
	if _, after, ok := strings.Cut(strings.Trim(e.Mailer.From, "<> "), "@"); ok {
		domain = after
	}
	subject := ""
	if m.digest != nil {
		subject = headlineOf(m.digest)
	} else {
		subject = headline(&m.incident)
		first := "<" + m.incident.ID + "@" + domain + ">" // of no mail: what all of them refer to
		out.SetGenHeader(mail.HeaderInReplyTo, first)
		out.SetGenHeader(mail.HeaderReferences, first)
	}
	out.Subject(cut(strings.Join(strings.Fields(subject), " "), 200))
	out.SetMessageIDWithValue(id + "@" + domain)
	out.SetDateWithValue(e.Mailer.Now().UTC())
	out.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answers
	out.SetBodyString(mail.TypeTextPlain, text(m, e.Mailer.Links))
	return out, nil
}

func (m *Mailer) client() (*mail.Client, error) {
	host, port, err := net.SplitHostPort(m.Address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("mail server %q: want host:port", m.Address)
	}
	options := []mail.Option{mail.WithPort(n), mail.WithTimeout(mailTimeout)}
	switch m.Encryption {
	case ImplicitTLS:
		options = append(options, mail.WithSSL())
	case NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.TLS != nil {
		conf := m.TLS.Clone()
		if conf.ServerName == "" {
			conf.ServerName = host
		}
		options = append(options, mail.WithTLSConfig(conf))
	}
	if m.Username != "" {
		auth := mail.SMTPAuthAutoDiscover
		if m.Encryption == NoTLS {
			auth = mail.SMTPAuthPlainNoEnc // this machine's own server
		}
		options = append(options, mail.WithSMTPAuth(auth), mail.WithUsername(m.Username), mail.WithPassword(m.Password))
	}
	if m.Dial != nil {
		options = append(options, mail.WithDialContextFunc(m.Dial))
	}
	return mail.NewClient(host, options...)
}

// mailError is what a failure means: a server's 5yz about this mail is a refusal, all else may pass.
func mailError(err error) error {
	if err == nil {
		return nil
	}
	failed := fmt.Errorf("send mail: %w", err)
	if e, ok := errors.AsType[*mail.SendError](err); ok && !e.IsTemp() && e.ErrorCode() >= 500 {
		return &RefusedError{failed}
	}
	return failed
}
