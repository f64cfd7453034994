package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/view"
)

// ErrJoinsTooShort says that the joins topic would forget predictions that a contract still waits for.
var ErrJoinsTooShort = errors.New("joins are not kept long enough")

// probeRedis asks Redis once. What waiting can't mend is an error: a refused password, a certificate that nobody vouches for,
// and, for those who keep the join index there, a Redis that evicts keys: ids would vanish from an index that looks whole, and
// the counts would be wrong without a sign of it. A Redis that is away is none: it may vanish at any moment, also at this one.
func (p *Parts) probeRedis(ctx context.Context, address string) error {
	if _, err := p.View.Models(ctx); err != nil {
		if lasting(err) {
			return fmt.Errorf("connect to redis at %s: %w", address, err)
		}
		p.Logger.Warn("redis is away: starting without it", zap.String("address", address), zap.Error(err))
		return nil
	}
	if err := p.checkIndex(ctx); err != nil {
		return fmt.Errorf("use redis at %s: %w", address, err)
	}
	return nil
}

// checkIndex is nil if the join index, where there is one, is safe in its Redis.
func (p *Parts) checkIndex(ctx context.Context) error {
	if x, ok := p.Index.(*view.RedisIndex); ok {
		return x.CheckPolicy(ctx)
	}
	return nil
}

// lasting tells an error that the next attempt would meet again.
func lasting(err error) bool {
	if unverified, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return unverified != nil
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true // it doesn't speak TLS
	}
	if redis.HasErrorPrefix(err, "ERR max number of clients") {
		return false
	}
	for _, refused := range []string{"WRONGPASS", "NOAUTH", "NOPERM", "ERR "} {
		if redis.HasErrorPrefix(err, refused) {
			return true
		}
	}
	return false
}

// joinsKept is how long the joins topic keeps its records; 0 is for ever.
func (p *Parts) joinsKept(ctx context.Context) (time.Duration, error) {
	t, err := p.joinsTopic(ctx, 0)
	if err != nil {
		return 0, err
	}
	ms, err := strconv.ParseInt(t.Config["retention.ms"], 10, 64)
	if err != nil {
		return 2 * bus.ArrivalSlack, nil //nolint:nilerr // a broker that doesn't tell; the topic is made with that
	}
	return max(0, time.Duration(ms)*time.Millisecond), nil
}

func (p *Parts) joinsTopic(ctx context.Context, keep time.Duration) (*bus.TopicState, error) {
	topics, err := bus.InspectTopics(ctx, kadm.NewClient(p.Producer), bus.TopicOptions{Layout: p.Layout, Replication: -1, Keep: keep})
	if err != nil {
		return nil, err
	}
	for i := range topics {
		if topics[i].Name == bus.TopicJoins {
			return &topics[i], nil
		}
	}
	return nil, fmt.Errorf("topic %s: it is none of ours", bus.TopicJoins)
}

// checkJoins returns ErrJoinsTooShort if predictions may wait longer for their outcome than the joins topic remembers them.
// Until Redis is lost nobody would notice; from then on outcomes would find no prediction.
func (p *Parts) checkJoins(ctx context.Context, keep time.Duration) error {
	t, err := p.joinsTopic(ctx, keep)
	if err != nil {
		return err
	}
	for _, d := range t.Differs {
		switch d.Setting { // how safely it is written is another matter, see plumbline topics create
		case "cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type":
		default:
			continue
		}
		if d.Wrong {
			return fmt.Errorf("%w: topic %s: %s is %s and should be %s: %s", ErrJoinsTooShort, t.Name, d.Setting, d.Has, d.Right, d.Why)
		}
	}
	return nil
}

// warnOfJoins logs which plans in force the joins topic doesn't remember for long enough: its retention may have been cut
// after they were applied.
func (p *Parts) warnOfJoins(ctx context.Context) {
	plans, err := p.Published(ctx)
	if err != nil {
		p.Logger.Warn("read the plans in force", zap.Error(err))
		return
	}
	for model, history := range plans {
		last := history.Last()
		if last == nil || last.Outcome == nil {
			continue
		}
		if err := p.checkJoins(ctx, last.Keep); err != nil {
			p.Logger.Error("outcomes may come too late to be joined", zap.String("model", model), zap.Error(err))
		}
	}
}

// redisLog takes what the Redis client has to say; its own logger would write lines of its own form to standard error.
type redisLog struct{ log *zap.Logger }

// Printf implements the client's logger.
func (l redisLog) Printf(_ context.Context, format string, v ...any) {
	l.log.Warn(fmt.Sprintf(format, v...))
}
