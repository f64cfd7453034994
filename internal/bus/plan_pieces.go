package bus

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// planPiece is the largest piece of a plan in one record, in bytes; brokers take 1 MiB by default.
const planPiece = 512 << 10

// inPieces is the record of a plan that was cut: its pieces came just before, under the plan's key, a slash and their number.
type inPieces struct {
	Pieces int `json:"pieces"`
}

// planRecords are a plan as records, in order.
func planRecords(key string, body []byte) (out []*kgo.Record) {
	add := func(key string, value []byte) {
		out = append(out, &kgo.Record{Topic: TopicPlans, Partition: 0, Key: []byte(key), Value: value})
	}
	if len(body) <= planPiece {
		add(key, body)
		return out
	}
	n := 0
	for at := 0; at < len(body); at += planPiece {
		add(fmt.Sprintf("%s/%d", key, n), body[at:min(at+planPiece, len(body))])
		n++
	}
	head, _ := json.Marshal(inPieces{n}) // a number: it can't fail
	add(key, head)
	return out
}

// planPieces puts plans together again. It belongs to one goroutine.
type planPieces struct{ held map[string][]byte }

// join returns the record of a plan with all of its body, or another record as it is; nil for a piece. What lacks a piece stays as it is, and
// is no plan.
func (p *planPieces) join(r *kgo.Record) *kgo.Record {
	key := string(r.Key)
	if strings.Contains(key, "/") { // names of models hold none
		if p.held == nil {
			p.held = map[string][]byte{}
		}
		p.held[key] = r.Value
		return nil
	}
	var head inPieces
	if len(r.Value) > len(`{"pieces":123456}`) || json.Unmarshal(r.Value, &head) != nil || head.Pieces <= 0 {
		return r
	}
	whole := *r
	whole.Value = nil
	for i := range head.Pieces {
		at := fmt.Sprintf("%s/%d", key, i)
		piece, ok := p.held[at]
		if !ok {
			return r
		}
		whole.Value = append(whole.Value, piece...)
		delete(p.held, at)
	}
	return &whole
}
