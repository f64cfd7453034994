// Package expr compiles and evaluates the expressions of a contract: derived columns, rules, stream filters and KPIs.
// The language is CEL (Common Expression Language), cut down to what can be said about one row of plain values, so that
// each expression ends, costs a bounded amount and gives the same answer everywhere.
//
// The flow:
//
//  1. Compile parses the text (compile.go);
//  2. check.go resolves names, judges kinds and rewrites the tree in place: every number becomes a double, comparisons with
//     null become tests of presence;
//  3. cel-go's own checker confirms the rewritten tree, and a program is planned;
//  4. vectorise.go makes the same tree into steps, each a loop over a block of rows (steps.go), where it has only what can be:
//     arithmetic, comparisons, logic, ?:, tests for null, `in` with a list of literals, and the functions but for matches and
//     string(number);
//  5. Eval (eval.go) runs the program against one row; Columns (column.go, run.go) runs the steps over the rows of a batch, or the
//     program row by row where there are no steps.
//
// What a contract's author can count on:
//
//   - There is one kind of number, the IEEE 754 double. `period < 1`, `x * 2`, `1 / 3` (0.333...) and `size(name) + 1` mean
//     what they look like; `a % b` is the exact floating-point remainder with the sign of a. A whole-number literal beyond
//     2^53 is refused, since a double can't hold it exactly.
//   - A missing value makes the result missing, except where logic decides without it: `a || b` is true if either is,
//     `a && b` is false if either is, `c ? a : b` looks only at the branch taken (Kleene 1938, strong three-valued logic).
//     `x == null` and `x != null` ask whether a column's value is missing; they are never missing themselves. `c ? a : null`
//     is missing where the second branch is taken. NaN counts as missing, as a value and as a result; one that arises on
//     the way compares as IEEE 754 says (`0 / 0 < 1` is false). Division by zero gives infinity.
//   - The operators are + - * / % == != < <= > >= && || ! ?: and `in` with a list that is written out. The functions are
//     contains, startsWith, endsWith, matches (RE2, with a pattern that is written out), size, int (rounds toward zero),
//     double, string and bool. There are no macros, loops, lists, maps, time zones or clocks.
//   - Names may hold dots: `meta.model_id` is one name.
//
// Invariants: a Program is immutable and safe for concurrent use; a text is at most MaxLength code points long; an
// evaluation that costs more than MaxCost stops with an error; equal inputs give equal results on every machine. What Columns says of
// a row, Eval says of it by itself: missing, failed, and every bit of a number. Steps have no counter: they end after one pass over
// their rows, and a row with so much text that Eval would meter it is left to Eval.
//
// The package imports no Kafka or Redis client, no clock, no logger and no metrics.
package expr
