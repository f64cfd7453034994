package bus

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/schema"
)

// SchemaRecord is rec for a schema.Reader. It copies nothing.
func SchemaRecord(rec *kgo.Record) *schema.Record {
	r := &schema.Record{Key: rec.Key, Value: rec.Value, Offset: rec.Offset}
	if len(rec.Headers) > 0 {
		r.Headers = (*headers)(rec)
	}
	return r
}

// headers are those of a record.
type headers kgo.Record

// Header returns the value of the first header of a name.
func (h *headers) Header(name string) ([]byte, bool) {
	for i := range h.Headers {
		if h.Headers[i].Key == name {
			return h.Headers[i].Value, true
		}
	}
	return nil, false
}
