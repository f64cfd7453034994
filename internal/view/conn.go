package view

import (
	"net"
	"sync"
)

// queuedConn makes writes return at once. The two ends of an in-process pipe have no buffer between them: a client that is
// still writing a long pipeline and a server that already answers its beginning would wait for each other.
type queuedConn struct {
	net.Conn
	queue chan []byte // handed to the writer goroutine
	done  chan struct{}
	once  sync.Once
}

// queueLength is how many writes may wait; further ones block, as on a real socket.
const queueLength = 1 << 14

func newQueuedConn(c net.Conn) *queuedConn {
	q := &queuedConn{Conn: c, queue: make(chan []byte, queueLength), done: make(chan struct{})}
	go q.drain()
	return q
}

func (q *queuedConn) drain() {
	for {
		select {
		case b := <-q.queue:
			if _, err := q.Conn.Write(b); err != nil {
				q.shut()
				return
			}
		case <-q.done:
			return
		}
	}
}

func (q *queuedConn) shut() { q.once.Do(func() { close(q.done) }) }

// Write queues a copy of b. A failure of the writer shows at the next Write, and at the reader at once.
func (q *queuedConn) Write(b []byte) (int, error) {
	select {
	case <-q.done:
		return 0, net.ErrClosed
	default:
	}
	select {
	case q.queue <- append([]byte(nil), b...):
		return len(b), nil
	case <-q.done:
		return 0, net.ErrClosed
	}
}

// Close ends the writer and the connection.
func (q *queuedConn) Close() error {
	q.shut()
	return q.Conn.Close()
}
