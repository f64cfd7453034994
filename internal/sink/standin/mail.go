package standin

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mail plays a mail server (RFC 5321) that requires STARTTLS before it takes mail, unless it is told otherwise.
type Mail struct {
	*Faults
	Plain bool // offers no STARTTLS
	Cert  tls.Certificate
	Roots *x509.CertPool

	mu    sync.Mutex
	IDs   []string            // Message-ID of each mail taken, in order, repetitions too
	Subj  map[string][]string // by what a mail refers to: the subjects, repeated Message-IDs left out
	Wrong []string
}

// NewMail makes one with a certificate of its own, for mail.example.org.
func NewMail(f *Faults) (*Mail, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, NotBefore: time.Unix(0, 0), NotAfter: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &Mail{Faults: f, Cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, Roots: roots, Subj: map[string][]string{}}, nil
}

// Dial connects to it.
func (m *Mail) Dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go m.talk(server)
	return client, nil
}

// talk holds one conversation. What was wrong in it is kept.
func (m *Mail) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c := textproto.NewConn(conn)
	say := func(format string, args ...any) bool { return c.PrintfLine(format, args...) == nil }
	wrong := func(format string, args ...any) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.Wrong = append(m.Wrong, fmt.Sprintf(format, args...))
	}
	safe, greeted, from, to := m.Plain, false, "", ""
	if !say("220 mail.example.org ESMTP") {
		return
	}
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		switch verb = strings.ToUpper(verb); {
		case verb == "EHLO":
			greeted = true
			if !safe {
				say("250-mail.example.org")
				say("250 STARTTLS")
			} else {
				say("250-mail.example.org")
				say("250 8BITMIME")
			}
		case verb == "STARTTLS" && greeted && !safe:
			say("220 go ahead")
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{m.Cert}, MinVersion: tls.VersionTLS12})
			c = textproto.NewConn(conn)
			safe, greeted = true, false
		case verb == "NOOP" || verb == "RSET":
			from, to = "", ""
			say("250 ok")
		case verb == "QUIT":
			say("221 bye")
			_, _ = io.Copy(io.Discard, conn) // until the other side has closed: TLS says farewell, too
			return
		case verb == "MAIL" && greeted && safe:
			from = rest
			say("250 ok")
		case verb == "RCPT" && from != "":
			to = rest
			say("250 ok")
		case verb == "DATA" && to != "":
			say("354 end with a dot")
			text, err := c.ReadDotBytes()
			if err != nil {
				return
			}
			fate := fine
			if m.Faults != nil {
				fate, _ = m.pick()
			}
			switch fate {
			case errorBefore, limited:
				say("451 4.3.0 try again later")
				continue
			case silentBefore:
				return
			default:
			}
			if err := m.take(text); err != nil {
				wrong("%v", err)
				say("554 5.6.0 not like this")
				continue
			}
			switch fate {
			case errorAfter:
				say("451 4.3.0 an error after all")
				continue
			case silentAfter:
				return
			default:
			}
			say("250 taken")
		default:
			wrong("%q out of turn (greeted %t, safe %t)", line, greeted, safe)
			say("503 5.5.1 out of turn")
		}
	}
}

// take checks a mail: RFC 5322's required fields, and what keeps repetitions apart.
func (m *Mail) take(text []byte) error {
	letter, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(string(text))))
	if err != nil {
		return err
	}
	for _, name := range []string{"Date", "From", "To", "Message-ID", "Subject"} {
		if len(letter.Header[textproto.CanonicalMIMEHeaderKey(name)]) != 1 {
			return fmt.Errorf("%d fields %s", len(letter.Header[textproto.CanonicalMIMEHeaderKey(name)]), name)
		}
	}
	for _, name := range []string{"From", "To"} {
		if _, err := letter.Header.AddressList(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := letter.Header.Date(); err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if len(line) > 998 {
			return fmt.Errorf("a line of %d bytes", len(line))
		}
	}
	id := letter.Header.Get("Message-ID")
	if !strings.HasPrefix(id, "<") || !strings.HasSuffix(id, ">") || strings.Count(id, "@") != 1 {
		return fmt.Errorf("message id %q", id)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.IDs, id) {
		to := letter.Header.Get("References")
		m.Subj[to] = append(m.Subj[to], letter.Header.Get("Subject"))
	}
	m.IDs = append(m.IDs, id)
	return nil
}

// Thread are the subjects of the mails that refer to an incident.
func (m *Mail) Thread(incident string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for to, subjects := range m.Subj {
		if strings.HasPrefix(to, "<"+incident+"@") {
			return slices.Clone(subjects)
		}
	}
	return nil
}
