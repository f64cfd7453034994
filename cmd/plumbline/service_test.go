package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/console"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// service starts an alerter with its API on embedded parts for one script, and points the settings at them. Its ledger is the
// script's ledger.db; who writes needs the token that the script gives as an argument, or none.
func service(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithCancel(context.Background())
	parts, err := app.Embedded(ctx, zap.NewNop(), prometheus.NewRegistry(), bus.EmbeddedOptions{})
	ts.Check(err)
	url := "sqlite://" + ts.MkAbs("ledger.db")
	parts.Ledger, err = ledger.Open(ctx, url)
	ts.Check(err)
	parts.Writers = console.Auth{Loopback: true}
	if len(args) > 0 {
		parts.Writers.Token = args[0]
	}
	api := httptest.NewServer(parts.API())
	done := make(chan error, 1)
	go func() { done <- parts.Alerter(ctx) }()
	ts.Defer(func() {
		stop()
		err := <-done
		api.Close()
		ts.Check(err)
		ts.Check(parts.Ledger.Close())
		ts.Check(parts.Close())
	})
	for name, value := range map[string]string{
		"PLUMBLINE_KAFKA_BROKERS": strings.Join(parts.Kafka.Brokers, ","), "PLUMBLINE_KAFKA_REPLICATION_FACTOR": "1", "PLUMBLINE_REGISTRY_URL": "",
		"PLUMBLINE_KAFKA_FRAGMENTS_PARTITIONS": "2", "PLUMBLINE_KAFKA_JOINS_PARTITIONS": "2",
		"PLUMBLINE_LEDGER_URL": url, "PLUMBLINE_API_URL": api.URL, "PLUMBLINE_ACTOR": "ada",
	} {
		ts.Setenv(name, value)
	}
	running[ts] = parts
}

// running are the services by their scripts. Scripts run one after the other.
var running = map[*testscript.TestScript]*app.Parts{}

// findings publishes findings as a detector would, a JSON object a line, and waits until the alerter has entered them.
func findings(ts *testscript.TestScript, _ bool, args []string) {
	parts, ctx := running[ts], context.Background()
	file, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { _ = file.Close() }() // it was only read
	end := int64(0)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		f := finding.Finding{Evidence: finding.Evidence{Log10: finding.None(), Needed: finding.None()}}
		ts.Check(json.Unmarshal(lines.Bytes(), &f))
		ts.Check(f.Seal())
		body, err := finding.Event(&f)
		ts.Check(err)
		rec := &kgo.Record{Topic: bus.TopicFindings, Partition: 0, Value: body}
		ts.Check(parts.Producer.ProduceSync(ctx, rec).FirstErr())
		end = rec.Offset + 1
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 { // a minute
		known, err := parts.Ledger.Offsets(ctx)
		ts.Check(err)
		for _, o := range known {
			if o.Topic == bus.TopicFindings && o.Partition == 0 && o.Next >= end {
				return
			}
		}
		<-tick.C
	}
	ts.Fatalf("the alerter has not entered the findings after a minute")
}

// giveUp enters a message that was given up: its id, its sink and the reason.
func giveUp(ts *testscript.TestScript, _ bool, args []string) {
	l, ctx := running[ts].Ledger, context.Background()
	body := []byte(`{"specversion":"1.0","data":{"kind":"incident","id":"aa"}}`)
	ts.Check(l.Append(ctx, nil, nil, []ledger.Outgoing{{ID: args[0], Sink: args[1], Body: body, Due: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}}))
	ts.Check(l.Abandon(ctx, args[0], args[1], args[2]))
}

// delivered waits until a message is neither pending nor given up.
func delivered(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, func(pending, abandoned bool) bool { return !pending && !abandoned }, args)
}

// givenUp waits until a message is given up.
func givenUp(ts *testscript.TestScript, _ bool, args []string) {
	until(ts, func(pending, abandoned bool) bool { return abandoned }, args)
}

func until(ts *testscript.TestScript, done func(pending, abandoned bool) bool, args []string) {
	l, ctx := running[ts].Ledger, context.Background()
	has := func(all []ledger.Waiting, err error) bool {
		ts.Check(err)
		return slices.ContainsFunc(all, func(w ledger.Waiting) bool { return w.ID == args[0] && w.Sink == args[1] })
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 { // a minute
		if done(has(l.Pending(ctx, args[1], 1000)), has(l.Abandoned(ctx, args[0], args[1], 1))) {
			return
		}
		<-tick.C
	}
	ts.Fatalf("message %s to %s is not there after a minute", args[0], args[1])
}

// tamper changes the script's ledger behind everybody's back: statements of SQL.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite", "file:"+ts.MkAbs("ledger.db")+"?_pragma=busy_timeout(10000)")
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	for _, statement := range args {
		_, err := db.ExecContext(context.Background(), statement)
		ts.Check(err)
	}
}
