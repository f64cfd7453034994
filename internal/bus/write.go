package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// Writer writes records in transactions of its own: readers see all of a transaction or nothing. It consumes nothing.
type Writer struct{ cl *kgo.Client }

// NewWriter opens a writer. Another one with the same transactional id is fenced by the first transaction. The caller closes it.
func NewWriter(s Settings, log *zap.Logger, transactionalID string) (*Writer, error) {
	cl, err := s.NewClient(log, nil, kgo.TransactionalID(transactionalID), kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	return &Writer{cl}, nil
}

// Close closes the writer. What it committed stays.
func (w *Writer) Close() { w.cl.Close() }

// Write writes records as one transaction: they are to fit into one, a few tens of megabytes.
func (w *Writer) Write(ctx context.Context, records []*kgo.Record) error {
	if err := w.cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	err := w.cl.ProduceSync(ctx, records...).FirstErr()
	// Also without an error: the client may not have entered a topic in its book yet that was written for the first time, and the
	// end would overlook it. This call passes through the lock that guards the book; see settle.
	err = errors.Join(err, w.cl.AbortBufferedRecords(context.WithoutCancel(ctx)))
	endCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	how := kgo.TryCommit
	if err != nil {
		how = kgo.TryAbort
	}
	if end := w.cl.EndTransaction(endCtx, how); end != nil {
		err = errors.Join(err, fmt.Errorf("end transaction: %w", end))
	}
	return err
}
