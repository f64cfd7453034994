package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// newContractCommand is "plumbline contract".
func newContractCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Check quality contracts, list and take back those in force",
		Long: `A quality contract is the YAML file that says what a model's events look like, what good means,
what errors cost, who owns what, and how often a false alarm is acceptable. Everything else in
Plumbline is compiled from it.`,
		Example: `  plumbline contract schema > contract.schema.json
  plumbline contract lint contract.yaml
  plumbline contract list`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newContractSchemaCommand(), newContractLintCommand(), newContractListCommand(), newContractRollbackCommand())
	return cmd
}

func newContractSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of contracts",
		Long: `Prints the JSON Schema (draft 2020-12) of contracts to standard output. Editors complete and explain
keys with it when a contract's first line is

  # yaml-language-server: $schema=./contract.schema.json`,
		Example: `  plumbline contract schema > contract.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(contract.Schema())
			return err
		},
	}
}

func newContractLintCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint FILE...",
		Short: "Say everything that is wrong with contracts",
		Long: `Reads contracts and prints every problem to standard output, one per line: file, line, column, place in
the contract, what was read and what would be right. A good contract gets "FILE: ok".

With --json each line is an object: {"kind": "problem", "file", "line", "col", "path", "read", "message"}, or
{"kind": "contract", "file", "model", "digest", "policy"} for a good contract, with the digests that plans and
findings name it by.

Exit codes: 0 all contracts are good, 1 there are problems, 2 a file can't be read.`,
		Example: `  plumbline contract lint contract.yaml
  plumbline contract lint --json contracts/*.yaml | jq -r .message`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return lintContracts(cmd.OutOrStdout(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// lintedContract is the line of a good contract in JSON.
type lintedContract struct {
	Kind   string `json:"kind"`
	File   string `json:"file"`
	Model  string `json:"model"`
	Digest string `json:"digest"`
	Policy string `json:"policy"`
}

// lintProblem is the line of a problem in JSON.
type lintProblem struct {
	Kind    string `json:"kind"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Path    string `json:"path"`
	Read    string `json:"read"`
	Message string `json:"message"`
}

// lintContracts goes through all files, also after a bad one, so that one run shows everything.
func lintContracts(out io.Writer, files []string, asJSON bool) error {
	var unreadable []error
	problems, bad := 0, 0
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for _, file := range files {
		c, err := contract.Load(file)
		var invalid *contract.InvalidError
		switch {
		case errors.As(err, &invalid):
			bad++
			problems += len(invalid.Problems)
			if err := printProblems(out, enc, invalid.Problems, asJSON); err != nil {
				return err
			}
			continue
		case err != nil:
			unreadable = append(unreadable, err)
			continue
		case asJSON:
			err = enc.Encode(lintedContract{Kind: "contract", File: file, Model: c.Metadata.Model, Digest: c.Digest, Policy: c.Policy})
		default:
			_, err = fmt.Fprintf(out, "%s: ok\n", file)
		}
		if err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	switch {
	case len(unreadable) > 0:
		return badInput(errors.Join(unreadable...))
	case problems > 0:
		return answerNo(fmt.Sprintf("%s in %s", plural(problems, "problem"), plural(bad, "contract")))
	default:
		return nil
	}
}

func printProblems(out io.Writer, enc *json.Encoder, problems []contract.Problem, asJSON bool) error {
	for _, p := range problems {
		var err error
		if asJSON {
			err = enc.Encode(lintProblem{Kind: "problem", File: p.File, Line: p.Line, Col: p.Col, Path: p.Path, Read: p.Read, Message: p.Message})
		} else {
			_, err = fmt.Fprintln(out, p)
		}
		if err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
