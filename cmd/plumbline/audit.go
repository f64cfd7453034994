package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/ledger"
)

func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that the ledger is what was written",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAuditHeadCommand(), newAuditVerifyCommand())
	return cmd
}

func newAuditHeadCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "head",
		Short: "Print the ledger's head, to be kept elsewhere as an anchor",
		Long: `Prints the number and hash of the last entry, as NUMBER:HASH. Kept where who writes the ledger can't reach it (a ticket, a log, a
print-out), it is an anchor: plumbline audit verify finds whatever was changed before it, though all hashes were made anew.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withLedger(cmd, func(ctx context.Context, l *ledger.Ledger) error {
				seq, hash, err := l.Head(ctx)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d:%s\n", seq, hash)
				return nil
			})
		},
	}
}

func newAuditVerifyCommand() *cobra.Command {
	var anchors []string
	var file string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Walk the ledger's hash chain and name the first entry that is not what was written",
		Long: `Walks the hash chain of the ledger (ledger.url), reading the database itself and nothing that the services say. It finds entries that
were edited, deleted, put in another order, added or cut off at the end. A chain whose hashes were all made anew from some entry on is found by
an anchor from behind it only: keep the output of plumbline audit head elsewhere.

Exits with 1 if the ledger is not what was written.`,
		Example: `  plumbline audit head >> /somewhere/else/anchors
  plumbline audit verify --anchors /somewhere/else/anchors`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			known, err := readAnchors(anchors, file)
			if err != nil {
				return badInput(err)
			}
			return withLedger(cmd, func(ctx context.Context, l *ledger.Ledger) error {
				n, err := l.Verify(ctx, known...)
				if err != nil {
					return err
				}
				seq, hash, err := l.Head(ctx)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d entries are what was written, by %d anchors; the head is %d:%s\n", n, len(known), seq, hash)
				return nil
			})
		},
	}
	cmd.Flags().StringArrayVar(&anchors, "anchor", nil, "a head known from elsewhere, NUMBER:HASH; may be given several times")
	cmd.Flags().StringVar(&file, "anchors", "", "a file of them, one a line")
	return cmd
}

// withLedger reads the ledger of the settings. That it was tampered with is an answer; that it can't be read is none.
func withLedger(cmd *cobra.Command, do func(context.Context, *ledger.Ledger) error) error {
	s, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	l, err := ledger.OpenReadOnly(cmd.Context(), s.Ledger.URL.Reveal())
	if err != nil {
		return dependencyAway(err)
	}
	defer func() { _ = l.Close() }() // it was only read
	err = do(cmd.Context(), l)
	switch tampered := (*ledger.TamperError)(nil); {
	case err == nil:
		return nil
	case cmd.Context().Err() != nil:
		return errInterrupted
	case errors.As(err, &tampered):
		return answerNo(err.Error())
	default:
		return dependencyAway(err)
	}
}

// readAnchors reads heads as audit head prints them.
func readAnchors(given []string, file string) ([]ledger.Anchor, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		given = append(given, strings.Fields(string(text))...)
	}
	out := make([]ledger.Anchor, len(given))
	for i, g := range given {
		number, hash, ok := strings.Cut(g, ":")
		seq, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil || seq < 0 || len(hash) != len(ledger.Genesis) {
			return nil, fmt.Errorf("anchor %q: want NUMBER:HASH, as plumbline audit head prints it", g)
		}
		out[i] = ledger.Anchor{Seq: seq, Hash: hash}
	}
	return out, nil
}
