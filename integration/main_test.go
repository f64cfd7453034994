//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// place is where the parts and the binaries of this run are.
type place struct {
	root     string // of the repository
	folder   string // temporary; gone after the run
	binaries string
	env      []string // of the scripts

	kafka, kafkaSecure, registry string
	redisPort                    int
	postgres                     string // URL of a database
	authority                    string // PEM
}

const (
	secureUser     = "tester"
	securePassword = "open-sesame-71b2" // nothing else in any output looks like it
)

var here place

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) (code int) {
	began := time.Now()
	if err := here.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "prepare the integration tests:", err)
		return 1
	}
	defer func() {
		if err := here.script("all", "reset"); err != nil {
			fmt.Fprintln(os.Stderr, "stop the parts:", err)
			code = 1
		}
		if os.Getenv("INTEGRATION_KEEP") == "" {
			_ = os.RemoveAll(here.folder)
		} else {
			fmt.Fprintln(os.Stderr, "logs are in", here.folder)
		}
	}()
	fmt.Fprintf(os.Stderr, "parts and binaries are ready after %s\n", time.Since(began).Round(100*time.Millisecond))
	return m.Run()
}

// prepare starts the parts and builds the binaries, both at once.
func (p *place) prepare() (err error) {
	if p.root, err = filepath.Abs(".."); err != nil {
		return err
	}
	if p.folder, err = os.MkdirTemp("", "plumbline-integration-"); err != nil {
		return err
	}
	kafka, registry := port("PARTS_KAFKA_PORT", 29392), port("PARTS_REGISTRY_PORT", 28381)
	p.redisPort = port("PARTS_REDIS_PORT", 26679)
	postgres := port("PARTS_POSTGRES_PORT", 25732)
	p.postgres = "postgres://plumbline@" + address(postgres) + "/plumbline?sslmode=disable"
	p.kafka, p.kafkaSecure = address(kafka), address(kafka+100)
	p.registry = "http://" + address(registry) + "/apis/ccompat/v7"
	p.binaries = filepath.Join(p.folder, "bin")
	run := filepath.Join(p.folder, "parts")
	p.authority = filepath.Join(run, "certificates", "ca.pem")
	p.env = append(os.Environ(),
		"PARTS_RUN="+run, "PARTS_BROKERS=1", "PARTS_KAFKA_SECURE=1", "PARTS_USER="+secureUser, "PARTS_PASSWORD="+securePassword,
		"PARTS_POSTGRES=1", "PARTS_POSTGRES_PORT="+strconv.Itoa(postgres),
		"PARTS_KAFKA_PORT="+strconv.Itoa(kafka), "PARTS_REGISTRY_PORT="+strconv.Itoa(registry), "PARTS_REDIS_PORT="+strconv.Itoa(p.redisPort))

	// Should this process be killed, nobody else would stop the parts.
	guard := exec.Command(p.parts("all"), "guard", strconv.Itoa(os.Getpid())) //nolint:noctx // it outlives every context
	guard.Env = p.env
	guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a Ctrl-C is not for it
	if err := guard.Start(); err != nil {
		return err
	}
	built := make(chan error, 1)
	go func() { built <- p.build() }()
	if err := p.script("all", "start"); err != nil {
		return err
	}
	return <-built
}

func (p *place) build() error {
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", p.binaries+"/", "./cmd/...")
	cmd.Dir = p.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the binaries: %w\n%s", err, out)
	}
	return nil
}

func (p *place) parts(name string) string { return filepath.Join(p.root, "tools", "parts", name+".sh") }

// script runs one of the scripts in tools/parts; more are variables of its environment.
func (p *place) script(name, verb string, more ...string) error {
	cmd := exec.CommandContext(context.Background(), p.parts(name), verb)
	cmd.Env = slices.Concat(p.env, more)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s.sh %s: %w", name, verb, err)
	}
	return nil
}

func port(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func address(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
