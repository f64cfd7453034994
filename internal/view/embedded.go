package view

import (
	"context"
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Embedded is a Redis within the process, for trying and for tests. It listens on no port, keeps everything in memory and
// loses it at Close. TTLs are accepted and don't run: nothing is dropped before Close.
type Embedded struct {
	server *miniredis.Miniredis
}

// StartEmbedded starts one. In a bubble, start, use and close it there.
func StartEmbedded() (*Embedded, error) {
	// Its clock for TTLs stays off: with it on, every command looks at every key, and a write of a few thousand states takes
	// seconds.
	e := &Embedded{server: miniredis.NewMiniRedis()}
	// The first connection starts the server; made here, its error is ours and not the first caller's.
	conn, err := e.server.Dial()
	if err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	if err := conn.Close(); err != nil {
		return nil, fmt.Errorf("start embedded Redis: %w", err)
	}
	return e, nil
}

// Dialer connects to e, whatever the address: it fits redis.Options.Dialer.
func (e *Embedded) Dialer(ctx context.Context, _, _ string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	conn, err := e.server.Dial()
	if err != nil {
		return nil, err
	}
	return newQueuedConn(conn), nil
}

// Client returns a new client of e, which the caller closes, before e.
func (e *Embedded) Client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: "embedded", Dialer: e.Dialer, ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}

// Close stops e and drops its contents.
func (e *Embedded) Close() { e.server.Close() }
