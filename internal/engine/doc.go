// Package engine decides. It takes the cells of one model, and for every pane that has ended says what drifted, broke or
// recovered. The stream, `plumbline check` and the baseline all judge by this code.
//
//  1. engine.go: cells and clocks in, findings out, in two lanes: panes (of predictions) and truth (of outcomes).
//  2. signal.go: one signal's run, alarm, hold and recovery.
//  3. judge_moment.go: hard faults, moment by moment, while the base pane is still open; judge_base.go: on base panes, while the test pane is.
//  4. judge_test_pane.go: test panes: promised rates, and what judge_drift.go is told; distributions and rates where the plan has learnt no drift.
//  5. judge_drift.go, tell_drift.go, state_drift.go: inputs, rules, the score, the latency and the volume by the sequential engine, as a whole and by slice; judge_wide.go:
//     days or weeks held against the reference itself; diagnose.go: what broke, by package diagnose, of the latest panes, and numbers that lose their digits; detectable_wide.go: the smallest change that they show.
//  6. judge_truth.go: calibration, performance and cost of mature cohorts, on truth panes; judge_shares.go, tell_shares.go: their label rate, and which predictions they are of, by the sequential engine;
//     selection.go: what they stand for, and what promises come to where that isn't known;
//     judge_calibration.go, state_calibration.go: what scores mean, by package concept, by the day; estimate.go: what decisions are expected to come to.
//  7. judge_promise.go: what the contract promises of outcomes; judge_burn.go: whether its budget burns too fast before the window is over;
//     service.go, judge_service.go: what it promises of the service: latency, volume, freshness, label coverage; kpi.go: its own metrics.
//  8. measure.go: the metrics of a reliability curve; impact.go: what they cost; money.go, windows_money.go: what decisions cost, to look at.
//     judge_fairness.go, judge_fairness_promise.go, state_fairness.go: gaps between groups that grow, and promises on them.
//  9. supersede.go: alarms that end with their plan.
//  10. state.go: all of it to bytes and back.
//  11. snapshot.go, windows.go: what the latest panes, and the contract's windows over them, look like; to look at.
//
// The first alarm rule, of outcomes, promised rates and plans without Drift: a signal alarms when its effect lies beyond what is too small to matter and beyond what the
// reference's own panes of the same length did, and when it persists: in three test panes in a row, or, where one truth
// pane holds several test panes, also without any one of them. There is no alarm from a p-value alone. An alarmed
// signal is held open until three panes in a row are back inside.
//
// Invariants: the two lanes share no state, so that their interleaving can't show (label coverage needs both, and waits for both; a cohort knows its predictions, see package window); nothing here knows how epochs were cut.
// The package imports no client, no clock and no logger.
package engine
