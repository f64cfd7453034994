package view

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxBatch is how many ids one call to Redis carries. A script over so many keys holds Redis up for some ten milliseconds.
const MaxBatch = 10_000

// readTries is how often a Read of more than MaxBatch ids starts again when the partition moves under it.
const readTries = 3

// generationSize is the length of the random mark that tells the states of one Reset from those of all others.
const generationSize = 8

// RedisIndex is an Index in Redis 6 or newer, or a Redis Cluster. Per partition there is
//
//	PREFIX:v1:{PARTITION}:sentinel   a hash: upto, generation, last (digest of the last Write), open (digest of an unfinished one)
//	PREFIX:v1:{PARTITION}:id:ID      a string: the generation, then the state
//
// all in one slot of a cluster, by the braces. A state counts only if it carries the sentinel's generation. So Reset is one
// small write, however many states there are; a rebuild writes over most of the old ones, and the rest go with their TTL.
//
// Read takes the sentinel and the states in one MULTI. With more than MaxBatch ids it takes several and compares the
// sentinels: within one generation the offset only grows, and states don't change while it stands still, so equal sentinels
// mean that nothing happened in between.
//
// Write is one script. With more than MaxBatch ids it takes several, and no order of them would be right if a reader could see
// the half: states ahead of the sentinel would be folded twice, a sentinel ahead of the states would lose them. So the first
// one marks the partition as open, which makes it unreadable, and the last one moves the sentinel and takes the mark away. A
// crash in between leaves it unreadable: the next owner resets and rebuilds. The later calls are refused when the mark isn't
// their own Write's any more, or the generation has changed.
type RedisIndex struct {
	client redis.UniversalClient
	prefix string
	ttl    time.Duration
	batch  int // MaxBatch; less in tests
}

var _ Index = (*RedisIndex)(nil)

// NewRedisIndex returns an index that keeps its keys under prefix; several services share a Redis by different prefixes.
//
// A state is dropped when it wasn't written for ttl (0: never). It must be at least as long as the joins topic keeps its
// records: then the index never knows less than a rebuild would find, and dropping changes no number that a rebuild would
// not change too.
func NewRedisIndex(c redis.UniversalClient, prefix string, ttl time.Duration) *RedisIndex {
	return &RedisIndex{client: c, prefix: prefix, ttl: max(ttl, 0), batch: MaxBatch}
}

// writeScript sets states and, in the last call of a Write, moves the sentinel.
// KEYS: the sentinel, then the states' keys. ARGV: from, to, digest, TTL in ms or 0, the generation that the Write's first
// call answered (empty in the first), 1 in the last call, then the states.
// It answers the generation if the call took effect, now or before, and nothing if it was refused.
//
// A later call needs its own Write's mark and the same generation: so at the last call all the others are known to have
// taken effect on what is there now. The mark alone wouldn't do: after a Reset another process may be in the middle of the
// very same Write.
//
// Offsets are compared as text: a Lua number holds integers only up to 2^53.
var writeScript = redis.NewScript(`
local s = redis.call('HMGET', KEYS[1], 'upto', 'generation', 'last', 'open')
local upto, generation, last, open = s[1], s[2], s[3], s[4]
local from, to, this, ttl, begun, final = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if not upto then return '' end
if not open and upto == to and last == this then return generation end
if begun == '' then
  if open and open ~= this then return '' end
  if upto ~= from then return '' end
elseif open ~= this or generation ~= begun then
  return ''
end
for i = 2, #KEYS do
  local state = ARGV[i + 5]
  if state == '' then
    redis.call('DEL', KEYS[i])
  elseif ttl == '0' then
    redis.call('SET', KEYS[i], generation .. state)
  else
    redis.call('SET', KEYS[i], generation .. state, 'PX', ttl)
  end
end
if final == '1' then
  redis.call('HSET', KEYS[1], 'upto', to, 'last', this)
  redis.call('HDEL', KEYS[1], 'open')
else
  redis.call('HSET', KEYS[1], 'open', this)
end
return generation`)

func (x *RedisIndex) base(partition int32) string {
	return x.prefix + ":v1:{" + strconv.Itoa(int(partition)) + "}:"
}

func (x *RedisIndex) sentinel(partition int32) string { return x.base(partition) + "sentinel" }

func (x *RedisIndex) keys(partition int32, ids [][]byte) []string {
	base := x.base(partition) + "id:"
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = base + string(id)
	}
	return keys
}

// place is what a sentinel says. Two equal places of one partition stand for the same states.
type place struct {
	upto       int64
	generation string
	ok         bool
}

// Read implements Index.
func (x *RedisIndex) Read(ctx context.Context, partition int32, ids [][]byte) (int64, bool, [][]byte, error) {
	err := ErrMoved
	for range readTries {
		at, states, moved, tried := x.read(ctx, partition, ids)
		if tried != nil {
			err = tried
			break
		}
		if !moved {
			return at.upto, at.ok, states, nil
		}
	}
	return 0, false, nil, fmt.Errorf("read join index in Redis: partition %d: %w", partition, err)
}

func (x *RedisIndex) read(ctx context.Context, partition int32, ids [][]byte) (at place, states [][]byte, moved bool, err error) {
	keys := x.keys(partition, ids)
	states = make([][]byte, 0, len(ids))
	for first := 0; ; first += x.batch {
		batch := keys[min(first, len(keys)):min(first+x.batch, len(keys))]
		now, some, err := x.readBatch(ctx, partition, batch)
		switch {
		case err != nil:
			return place{}, nil, false, err
		case first == 0:
			at = now
		case now != at:
			return place{}, nil, true, nil
		}
		if !at.ok {
			return place{}, nil, false, nil
		}
		states = append(states, some...)
		if first+x.batch >= len(keys) {
			return at, states, false, nil
		}
	}
}

// readBatch reads the sentinel and some states in one transaction.
func (x *RedisIndex) readBatch(ctx context.Context, partition int32, keys []string) (place, [][]byte, error) {
	var sentinel, values *redis.SliceCmd
	_, err := x.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		sentinel = p.HMGet(ctx, x.sentinel(partition), "upto", "generation", "open")
		if len(keys) > 0 {
			values = p.MGet(ctx, keys...)
		}
		return nil
	})
	if err != nil {
		return place{}, nil, err
	}
	fields := sentinel.Val()
	upto, held := fields[0].(string)
	generation, _ := fields[1].(string)
	if _, open := fields[2].(string); open || !held {
		return place{}, nil, nil
	}
	at := place{generation: generation, ok: true}
	if at.upto, err = strconv.ParseInt(upto, 10, 64); err != nil || len(generation) != generationSize {
		return place{}, nil, fmt.Errorf("%s is damaged: upto %q, generation of %d bytes, want a number and %d; delete it to have it rebuilt",
			x.sentinel(partition), upto, len(generation), generationSize)
	}
	states := make([][]byte, len(keys))
	if values != nil {
		for i, v := range values.Val() {
			if s, there := v.(string); there {
				if state, ours := strings.CutPrefix(s, generation); ours {
					states[i] = []byte(state)
				}
			}
		}
	}
	return at, states, nil
}

// Write implements Index. Up to MaxBatch ids it is atomic; beyond, a Write that doesn't come to its end leaves the partition
// unreadable (Read returns ok == false) until Reset.
func (x *RedisIndex) Write(ctx context.Context, partition int32, from, to int64, ids, states [][]byte) (bool, error) {
	if err := checkWrite(partition, from, to, ids, states); err != nil {
		return false, fmt.Errorf("write join index: %w", err)
	}
	keys := x.keys(partition, ids)
	offsets := []string{strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)}
	this, ttl := digest(from, to, ids, states), strconv.FormatInt(x.ttl.Milliseconds(), 10)
	begun := ""
	for first := 0; ; first += x.batch {
		last, final := min(first+x.batch, len(ids)), "0"
		if last == len(ids) {
			final = "1"
		}
		argv := append(make([]any, 0, 6+last-first), offsets[0], offsets[1], this, ttl, begun, final)
		for _, s := range states[first:last] {
			argv = append(argv, s)
		}
		batch := append([]string{x.sentinel(partition)}, keys[first:last]...)
		generation, err := writeScript.Run(ctx, x.client, batch, argv...).Text()
		switch {
		case err != nil:
			return false, fmt.Errorf("write join index in Redis: partition %d, ids %d to %d of %d: %w", partition, first, last, len(ids), err)
		case generation == "":
			return false, nil
		case final == "1":
			return true, nil
		}
		begun = generation
	}
}

// Reset implements Index.
func (x *RedisIndex) Reset(ctx context.Context, partition int32, start int64) error {
	if err := checkReset(partition, start); err != nil {
		return fmt.Errorf("reset join index: %w", err)
	}
	// Random, and not a count: a count would start again with a sentinel that got lost, and make old states valid. It enters
	// no number that is ever computed.
	generation := make([]byte, generationSize)
	_, _ = rand.Read(generation) // never fails
	key := x.sentinel(partition)
	_, err := x.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, key)
		p.HSet(ctx, key, "upto", strconv.FormatInt(start, 10), "generation", generation)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reset join index in Redis: partition %d: %w", partition, err)
	}
	return nil
}

// ErrEvicts means that Redis may drop keys by itself when its memory is full.
var ErrEvicts = errors.New("redis evicts keys")

// CheckPolicy returns ErrEvicts when Redis is set to evict keys: then it must not be used as an index. A Redis that doesn't
// tell its policy passes.
func (x *RedisIndex) CheckPolicy(ctx context.Context) error {
	info, err := x.client.Info(ctx, "memory").Result()
	if err != nil {
		// Embedded and some hosted Redis don't have this section, or the command.
		if refused := redis.Error(nil); errors.As(err, &refused) {
			return nil
		}
		return fmt.Errorf("read the eviction policy of Redis: %w", err)
	}
	for line := range strings.Lines(info) {
		policy, found := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if found && policy != "noeviction" {
			return fmt.Errorf("%w: maxmemory-policy is %s and must be noeviction, or joined ids vanish unseen", ErrEvicts, policy)
		}
	}
	return nil
}
