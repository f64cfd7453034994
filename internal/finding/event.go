package finding

import (
	"encoding/json"
	"fmt"
	"time"
)

// Envelope is a CloudEvent (version 1.0, JSON format) around a public object.
type Envelope[T any] struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            T         `json:"data"`
}

// Wrap makes a CloudEvent of an object of the given type ("finding", "incident") about a model.
func Wrap[T any](kind, id, model string, at time.Time, data T) Envelope[T] {
	return Envelope[T]{
		SpecVersion: "1.0", ID: id, Source: "/plumbline/models/" + model, Type: "ml.plumbline." + kind + ".v1",
		Subject: model, Time: at, DataContentType: "application/json", Data: data,
	}
}

// Event renders a finding as a CloudEvent.
func Event(f *Finding) ([]byte, error) {
	b, err := json.Marshal(Wrap(Kind, f.ID, f.Model, f.At, f))
	if err != nil {
		return nil, fmt.Errorf("encode finding %s: %w", f.ID, err)
	}
	return b, nil
}

// ReadEvent reads what Event wrote.
func ReadEvent(b []byte) (Finding, error) {
	var e Envelope[Finding]
	if err := json.Unmarshal(b, &e); err != nil {
		return Finding{}, fmt.Errorf("read finding: %w", err)
	}
	if e.Data.KindName != Kind {
		return Finding{}, fmt.Errorf("read finding: kind is %q, want %q", e.Data.KindName, Kind)
	}
	return e.Data, nil
}
