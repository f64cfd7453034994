package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// secretLimit bounds a secret file, in bytes: a path to the wrong file is not read into memory.
const secretLimit = 64 << 10

// Layer is where a value came from; a higher layer wins.
type Layer int

// The layers, lowest first.
const (
	Fallback Layer = iota // the default
	File
	Environment
	Flag
)

// Source says where the value of one key came from.
type Source struct {
	Layer Layer
	Where string // File: "plumbline.yaml:12"; Environment: the variable's name
	From  string // of a secret: the file it was read from, else ""
}

// String is "default", "plumbline.yaml:12", "env PLUMBLINE_LOG_LEVEL" or "flag", and for a secret the file it was read from.
func (s Source) String() string {
	var text string
	switch s.Layer {
	case File:
		text = s.Where
	case Environment:
		text = "env " + s.Where
	case Flag:
		text = "flag"
	default:
		text = "default"
	}
	if s.From != "" {
		text += " (secret in " + s.From + ")"
	}
	return text
}

// Sources knows where each value of a Settings came from.
type Sources struct{ at map[string]Source }

// Of returns the source of the key path, such as "kafka.tls.ca_file"; of an unknown key the default's.
func (s *Sources) Of(path string) Source {
	if s == nil {
		return Source{}
	}
	return s.at[path]
}

// loader is one Load.
type loader struct {
	settings *Settings
	table    []key
	keys     map[string]key
	sources  map[string]Source
	failed   map[string]bool // keys with an error of their own, of which rules between keys say nothing
}

// Load reads the settings: the defaults, then the YAML file path ("" for none), then the environment as env tells it
// (os.LookupEnv; nil for none; a variable that is set to nothing counts as not set), then flags, keyed by path
// ("kafka.brokers"). Secrets named by a *_file key are read last.
//
// The error joins everything that is wrong, each with its place. Settings and Sources are nil then.
func Load(path string, env func(string) (string, bool), flags map[string]string) (*Settings, *Sources, error) {
	l := newLoader()
	var errs []error
	if path != "" {
		data, err := readBounded(path, fileLimit)
		if err != nil {
			return nil, nil, fmt.Errorf("read settings: %w", err)
		}
		errs = append(errs, l.readFile(path, data))
	}
	errs = append(errs, l.readEnv(env), l.readFlags(flags), l.readSecrets(), l.judge())
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	return l.settings, &Sources{at: l.sources}, nil
}

func newLoader() *loader {
	s := Default()
	l := &loader{settings: s, table: table(s), keys: map[string]key{}, sources: map[string]Source{}, failed: map[string]bool{}}
	for _, k := range l.table {
		l.keys[k.path] = k
	}
	return l
}

func (l *loader) set(k key, text string, source Source) error {
	if err := k.value.set(text); err != nil {
		l.failed[k.path] = true
		return err
	}
	delete(l.failed, k.path)
	l.sources[k.path] = source
	return nil
}

func (l *loader) readEnv(env func(string) (string, bool)) error {
	if env == nil {
		return nil
	}
	var errs []error
	for _, k := range l.table {
		text, given := env(k.env())
		if !given || text == "" {
			continue
		}
		if err := l.set(k, text, Source{Layer: Environment, Where: k.env()}); err != nil {
			errs = append(errs, fmt.Errorf("environment: %s: %w", k.env(), err))
		}
	}
	return errors.Join(errs...)
}

func (l *loader) readFlags(flags map[string]string) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(flags)) {
		k, known := l.keys[path]
		if !known {
			errs = append(errs, fmt.Errorf("flag: unknown key %s%s", path, suggestion(path, slices.Sorted(maps.Keys(l.keys)))))
			continue
		}
		if err := l.set(k, flags[path], Source{Layer: Flag}); err != nil {
			errs = append(errs, fmt.Errorf("flag: %s: %w", path, err))
		}
	}
	return errors.Join(errs...)
}

// readSecrets fills each secret from its file, unless a higher layer gives the secret itself. Both in one layer is an
// error: which of them was meant is not to be guessed.
func (l *loader) readSecrets() error {
	var errs []error
	for _, k := range l.table {
		from := fileKey(k.path)
		if from == "" {
			continue
		}
		file := l.keys[from].value.show()
		source, direct := l.sources[from], l.sources[k.path]
		switch {
		case file == "" || direct.Layer > source.Layer:
			continue
		case direct.Layer == source.Layer:
			l.failed[k.path] = true
			errs = append(errs, fmt.Errorf("%s: %s and %s are both given; want one of them", source, k.path, from))
			continue
		}
		text, err := readSecret(file)
		if err == nil {
			err = k.value.set(text)
		}
		if err != nil {
			l.failed[k.path] = true
			errs = append(errs, fmt.Errorf("%s: %s: %w", source, from, err))
			continue
		}
		source.From = file
		l.sources[k.path] = source
	}
	return errors.Join(errs...)
}

// readSecret returns the content of a file without the newline that editors put at its end.
func readSecret(path string) (string, error) {
	data, err := readBounded(path, secretLimit)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	if trimmed, found := bytes.CutSuffix(data, []byte("\n")); found {
		data, _ = bytes.CutSuffix(trimmed, []byte("\r"))
	}
	if len(data) == 0 {
		return "", fmt.Errorf("read secret: %s is empty", path)
	}
	return string(data), nil
}

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s has more than %s", path, formatSize(limit))
	}
	return data, nil
}
