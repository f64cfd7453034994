// Command run is the example's program: it retrains the model of a contract whenever Plumbline asks for it.
//
//	go run ./examples/retrainer/run --contract contract.yaml --brokers localhost:9092 --registry http://localhost:8081
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/plumbline-ml/plumbline/examples/retrainer"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "retrainer:", err)
		os.Exit(3)
	}
}

func run(ctx context.Context) error {
	file := flag.String("contract", "contract.yaml", "the model's contract")
	brokers := flag.String("brokers", "localhost:9092", "Kafka, as host:port, parted by commas")
	registry := flag.String("registry", "http://localhost:8081", "the schema registry")
	models := flag.String("models", "", "topic of new versions; MODEL.models by default")
	flag.Parse()
	c, err := contract.Load(*file)
	if err != nil {
		return err
	}
	if c.Retrain == nil {
		return fmt.Errorf("%s has no section retrain", *file)
	}
	if *models == "" {
		*models = c.Metadata.Model + ".models"
	}
	schemas, err := sr.NewClient(sr.URLs(strings.Split(*registry, ",")...))
	if err != nil {
		return err
	}
	p := &retrainer.Pipeline{
		Source: retrainer.Source{
			Client: func(opts ...kgo.Opt) (*kgo.Client, error) {
				return kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(*brokers, ",")...), kgo.AllowAutoTopicCreation())...)
			},
			Schema: func(ctx context.Context, id int) (string, error) {
				s, err := schemas.SchemaByID(ctx, id)
				return s.Schema, err
			},
		},
		Contract: c, Models: *models, Group: "retrainer-" + c.Metadata.Model,
		Say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	return p.Run(ctx)
}
