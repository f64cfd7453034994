package view

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Display holds what the console shows at once: the latest pane of each model and the latest state of each incident. A lost
// display fills again as panes close; nothing is computed from it. Keys, each pair in one slot of a cluster:
//
//	PREFIX:v1:{panes}:at, PREFIX:v1:{panes}:body           hashes by model; at is the pane's end in microseconds
//	PREFIX:v1:{incidents}:at, PREFIX:v1:{incidents}:body   hashes by incident; at is the ledger's sequence number
type Display struct {
	client redis.UniversalClient
	prefix string
}

// NewDisplay returns a display that keeps its keys under prefix.
func NewDisplay(c redis.UniversalClient, prefix string) *Display {
	return &Display{client: c, prefix: prefix}
}

// putScript stores a document unless a newer one is there. KEYS: at, body. ARGV: name, at, document ("" removes it; its place
// stays known, so that an older one doesn't come back). Lua numbers hold integers up to 2^53: microseconds until the year 2255.
var putScript = redis.NewScript(`
local at = redis.call('HGET', KEYS[1], ARGV[1])
if at and tonumber(ARGV[2]) < tonumber(at) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[2], ARGV[1])
else
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
return 1`)

// PutPane shows body as the latest pane of the model, unless one with a later end is shown already. The same end again
// replaces it: a pane may be revised. An empty body takes the model off the display.
func (d *Display) PutPane(ctx context.Context, model string, body []byte, paneEnd time.Time) error {
	if err := d.put(ctx, "panes", model, body, paneEnd.UnixMicro()); err != nil {
		return fmt.Errorf("show pane of model %s: %w", model, err)
	}
	return nil
}

// Latest returns the latest pane of the model, nil if there is none.
func (d *Display) Latest(ctx context.Context, model string) ([]byte, error) {
	body, err := d.client.HGet(ctx, d.key("panes", "body"), model).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read latest pane of model %s: %w", model, err)
	}
	return body, nil
}

// Models returns the names of the models that have a pane, sorted.
func (d *Display) Models(ctx context.Context) ([]string, error) {
	names, err := d.client.HKeys(ctx, d.key("panes", "body")).Result()
	if err != nil {
		return nil, fmt.Errorf("read models on display: %w", err)
	}
	slices.Sort(names)
	return names, nil
}

// PutIncident shows body as the state of the incident as of ledger entry seq, unless a later one is shown already. An empty
// body takes the incident off the display.
func (d *Display) PutIncident(ctx context.Context, id string, body []byte, seq int64) error {
	if err := d.put(ctx, "incidents", id, body, seq); err != nil {
		return fmt.Errorf("show incident %s: %w", id, err)
	}
	return nil
}

// Shown is a document on display.
type Shown struct {
	ID   string
	Body []byte
}

// Incidents returns the incidents on display, sorted by id.
func (d *Display) Incidents(ctx context.Context) ([]Shown, error) {
	bodies, err := d.client.HGetAll(ctx, d.key("incidents", "body")).Result()
	if err != nil {
		return nil, fmt.Errorf("read incidents on display: %w", err)
	}
	all := make([]Shown, 0, len(bodies))
	for _, id := range slices.SortedFunc(maps.Keys(bodies), strings.Compare) {
		all = append(all, Shown{ID: id, Body: []byte(bodies[id])})
	}
	return all, nil
}

func (d *Display) put(ctx context.Context, what, name string, body []byte, at int64) error {
	return putScript.Run(ctx, d.client, []string{d.key(what, "at"), d.key(what, "body")}, name, at, body).Err()
}

func (d *Display) key(what, part string) string { return d.prefix + ":v1:{" + what + "}:" + part }
