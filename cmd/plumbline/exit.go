package main

import "errors"

// The exit codes of every command.
const (
	exitFine       = 0
	exitNo         = 1 // the answer is "no": findings, lint errors, a failed gate
	exitBadInput   = 2 // bad input or usage
	exitDependency = 3 // a dependency is away

	exitInterrupted = 130 // told to stop before it had its answer, as shells have it
)

// exitError is an error that knows its exit code.
type exitError struct {
	code int
	err  error
}

// Error is the wrapped error's text.
func (e *exitError) Error() string { return e.err.Error() }

// Unwrap is the wrapped error.
func (e *exitError) Unwrap() error { return e.err }

// answerNo ends a command whose work is done and whose answer is "no"; msg says in one line why.
func answerNo(msg string) error { return &exitError{code: exitNo, err: errors.New(msg)} }

// badInput ends a command over what it was given; nil stays nil.
func badInput(err error) error { return withCode(exitBadInput, err) }

// dependencyAway ends a command over something it needs and can't reach; nil stays nil.
func dependencyAway(err error) error { return withCode(exitDependency, err) }

func withCode(code int, err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: code, err: err}
}

// exitCode is the code the process ends with after err. Errors without a code of their own come from reading flags and
// arguments: bad input.
func exitCode(err error) int {
	if err == nil {
		return exitFine
	}
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitBadInput
}
