package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// process is one service in one slot: it is started again, with the same settings, whenever it ends.
type process struct {
	name string
	path string
	env  []string
	log  string

	mu      sync.Mutex
	cmd     *exec.Cmd
	busy    bool // frozen, or told to leave: nothing else is done to it
	leaving bool
	killed  bool // the coming end is ours
	own     []string

	gone chan struct{} // closed when it ended for good
}

// startProcess starts a service and watches it.
func startProcess(name, path, dir string, env []string) (*process, error) {
	p := &process{name: name, path: path, env: env, log: filepath.Join(dir, name+".log"), gone: make(chan struct{})}
	if err := p.start(); err != nil {
		return nil, err
	}
	go p.watch()
	return p, nil
}

func (p *process) start() error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the process has its own
	cmd := exec.CommandContext(context.Background(), p.path)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), p.env...), out, out
	cmd.Dir = filepath.Dir(p.log)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us to pass on
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.mu.Lock()
	p.cmd, p.killed = cmd, false
	p.mu.Unlock()
	return nil
}

// watch waits for the process to end and starts it again at once, unless it was told to leave.
func (p *process) watch() {
	defer close(p.gone)
	for {
		p.mu.Lock()
		cmd := p.cmd
		p.mu.Unlock()
		err := cmd.Wait()
		p.mu.Lock()
		if !p.killed && !p.leaving {
			p.own = append(p.own, fmt.Sprintf("%s ended by itself (%v): %s", p.name, err, tail(p.log, 1)))
		}
		leaving := p.leaving
		p.mu.Unlock()
		if leaving {
			return
		}
		if err := p.start(); err != nil {
			p.mu.Lock()
			p.own = append(p.own, err.Error())
			p.mu.Unlock()
			return
		}
	}
}

// take reserves the process for one failure; false if another one has it.
func (p *process) take() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy {
		return false
	}
	p.busy = true
	return true
}

func (p *process) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = false
}

// signal sends a signal. A process that has just ended is started again at once, and gets it then.
func (p *process) signal(s syscall.Signal) error {
	for left := 100; ; left-- {
		p.mu.Lock()
		err := p.cmd.Process.Signal(s)
		if err == nil && s == syscall.SIGKILL {
			p.killed = true
		}
		p.mu.Unlock()
		if left == 0 || !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// leave asks the process to end in order, and kills it if it doesn't within the time given.
func (p *process) leave(within time.Duration) error {
	p.mu.Lock()
	p.leaving = true
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	p.mu.Unlock()
	select {
	case <-p.gone:
		return nil
	case <-time.After(within):
	}
	_ = p.signal(syscall.SIGKILL)
	<-p.gone
	return fmt.Errorf("%s did not end within %s after SIGTERM (%w)", p.name, within, err)
}

func (p *process) exits() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.own...)
}

// tail is the end of a file.
func tail(file string, lines int) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	parts := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(parts[max(0, len(parts)-lines):], []byte("\n")))
}
