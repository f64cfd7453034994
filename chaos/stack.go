package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const nodes = 3

// stack is what the services stand on: three brokers, a registry and Redis, started by the scripts of tools/parts.
type stack struct {
	repo    string
	env     []string
	brokers []string
	redis   string
	url     string
	adm     *kadm.Client
	cache   *redis.Client
}

// startStack starts the parts on ports of their own. With data left from before it is wiped.
func startStack(ctx context.Context, repo, dir string, port int) (*stack, error) {
	s := &stack{repo: repo, redis: fmt.Sprintf("127.0.0.1:%d", port+500), env: append(os.Environ(),
		"PARTS_RUN="+filepath.Join(dir, "parts"), "PARTS_BROKERS="+strconv.Itoa(nodes), "PARTS_KAFKA_HEAP=384m",
		"PARTS_KAFKA_PORT="+strconv.Itoa(port), "PARTS_REGISTRY_PORT="+strconv.Itoa(port+600), "PARTS_REDIS_PORT="+strconv.Itoa(port+500),
	)}
	for _, script := range []string{"kafka", "registry", "redis"} {
		if _, err := s.parts(ctx, script, "reset"); err != nil {
			return nil, err
		}
	}
	for _, script := range []string{"kafka", "registry", "redis"} {
		if _, err := s.parts(ctx, script, "start"); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	bootstrap, err := s.parts(ctx, "kafka", "bootstrap")
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.brokers = strings.Split(bootstrap, ",")
	if s.url, err = s.parts(ctx, "registry", "url"); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(2*time.Second))
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.adm = kadm.NewClient(cl)
	s.cache = redis.NewClient(&redis.Options{Addr: s.redis})
	return s, nil
}

// parts runs one of the scripts and returns what it says on stdout.
func (s *stack) parts(ctx context.Context, script string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.repo, "tools", "parts", script+".sh"), args...)
	cmd.Env = s.env
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s.sh %s: %w\n%s", script, strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func (s *stack) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.adm != nil {
		s.adm.Close()
	}
	var errs []error
	for _, script := range []string{"redis", "registry", "kafka"} {
		_, err := s.parts(ctx, script, "reset")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// clear deletes every topic and group, and what Redis holds, and waits until the brokers show none of it any more.
func (s *stack) clear(ctx context.Context) error {
	if err := s.cache.FlushAll(ctx).Err(); err != nil {
		return err
	}
	groups, err := s.adm.ListGroups(ctx)
	if err != nil {
		return fmt.Errorf("list groups: %w", err)
	}
	for until := time.Now().Add(time.Minute); len(groups) > 0; {
		if _, err := s.adm.DeleteGroups(ctx, groups.Groups()...); err != nil {
			return fmt.Errorf("delete groups: %w", err)
		}
		if groups, err = s.adm.ListGroups(ctx); err != nil {
			return fmt.Errorf("list groups: %w", err)
		}
		if time.Now().After(until) {
			return fmt.Errorf("groups %v can't be deleted: somebody is in them", groups.Groups())
		}
		time.Sleep(200 * time.Millisecond)
	}
	for until := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		topics, err := s.adm.ListTopics(ctx)
		if err != nil {
			return fmt.Errorf("list topics: %w", err)
		}
		if len(topics) == 0 {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("topics %v are still there", topics.Names())
		}
		if _, err := s.adm.DeleteTopics(ctx, topics.Names()...); err != nil {
			return fmt.Errorf("delete topics: %w", err)
		}
	}
}

// create makes the source topics.
func (s *stack) create(ctx context.Context, topics ...string) error {
	created, err := s.adm.CreateTopics(ctx, sourcePartitions, nodes, nil, topics...)
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	return created.Error()
}

// healthy waits until every replica of every partition is in sync again.
func (s *stack) healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		topics, err := s.adm.ListTopicsWithInternal(ctx)
		behind := 0
		topics.EachPartition(func(p kadm.PartitionDetail) {
			if p.Err != nil || p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				behind++
			}
		})
		if err == nil && behind == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d partitions are not whole: %w", behind, ctx.Err())
		case <-time.After(300 * time.Millisecond):
		}
	}
}
