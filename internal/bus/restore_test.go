//go:build synctests

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func jsonValue(rec *kgo.Record, into any) error { return json.Unmarshal(rec.Value, into) }

func (w *world) readState(topic string, partition int32) (values []int64) {
	w.t.Helper()
	err := ReadState(w.t.Context(), w.e.Settings(), topic, partition, func(rec *kgo.Record) error {
		var v int64
		err := jsonValue(rec, &v)
		values = append(values, v)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return values
}

func TestReadState(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 2)
		s := w.source("src")
		defer s.cl.Close()
		want := func(when string, want ...int64) {
			t.Helper()
			got := w.readState("src", 0)
			if len(got) != len(want) {
				t.Fatalf("%s: read %v, want %v", when, got, want)
			}
			for i := range got {
				if got[i] != want[i] {
					t.Fatalf("%s: read %v, want %v", when, got, want)
				}
			}
		}
		want("empty")
		s.send(false, map[int32][]int64{0: {100}})
		want("only an aborted batch")
		s.send(true, map[int32][]int64{0: {1, 2}, 1: {50}})
		s.send(false, map[int32][]int64{0: {100, 200}})
		want("an aborted tail", 1, 2)
		if err := w.e.Cluster().DeleteRecords("src", 0, 3); err != nil { // 0: aborted, 1: marker, 2: the 1
			t.Fatal(err)
		}
		want("an expired head", 2)
		if err := w.e.Cluster().DeleteRecords("src", 0, -1); err != nil {
			t.Fatal(err)
		}
		want("everything expired")
	})
}

// The high watermark lies behind an open transaction: the read has to wait for its end, not to return what is stable.
func TestReadStateWaitsForOpenTransactions(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 1)
		s := w.source("src")
		defer s.cl.Close()
		s.send(true, map[int32][]int64{0: {1}})
		if err := s.cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := s.cl.ProduceSync(t.Context(), &kgo.Record{Topic: "src", Value: []byte("2")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := ReadState(short, w.e.Settings(), "src", 0, func(*kgo.Record) error { return nil })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("read ended with %v while a transaction was open", err)
		}
		read := make(chan []int64)
		go func() { read <- w.readState("src", 0) }()
		time.Sleep(3 * time.Second)
		if err := s.cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		if got := <-read; len(got) != 2 || got[1] != 2 {
			t.Errorf("read %v, want 1 and 2", got)
		}
	})
}

func TestReadStateReturnsTheErrorOfVisit(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 1)
		w.produce("src", 0, 1, 2)
		broken := errors.New("broken record")
		visits := 0
		err := ReadState(t.Context(), w.e.Settings(), "src", 0, func(*kgo.Record) error { visits++; return broken })
		if !errors.Is(err, broken) || visits != 1 {
			t.Errorf("got %v after %d visits", err, visits)
		}
		if err := ReadState(t.Context(), w.e.Settings(), "src", 7, nil); err == nil {
			t.Error("a partition that doesn't exist was read")
		}
	})
}
