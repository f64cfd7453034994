// Package sequential decides, pane by pane, whether a model's streams drift, at a stated rate of false alarms. It learns from the
// model's own history what moves without drift, and bets against it: what a bet has won is the evidence of drift, and an alarm is
// evidence above a threshold that follows from the budget alone (Shiryaev-Roberts e-detector; Shin, Ramdas & Rinaldo 2022).
//
//  1. spec.go: what is watched, what it may cost, what is too small to matter.
//  2. pane.go: base panes -> panes that hold enough to be judged, with the season of their events.
//  3. channel.go: a stream's counts -> its channels' readings: location, scale, shape, shares, volume.
//  4. learn.go, regression.go: a history -> layouts and nulls; phase.go: how far they may be trusted.
//  5. predict.go: a reading -> the error of its prediction, standardised (Kalman filter and recursive least squares).
//  6. bet.go: the error -> bounded e-values; counts too small for a normal law -> exact ones.
//  7. accumulate.go: e-values -> evidence, change point and mean effect since then.
//  8. decide.go: evidence -> alarms, which hold until the reversed test says that all is as before.
//  9. refit.go: a longer history -> new nulls, the evidence goes on.
//  10. slice.go, slice_state.go: the same for a slice, which inherits its parent's null and holds little itself.
//  11. detectable.go: the smallest change that would be found in a day: blind spots are said.
//  12. state.go: an engine to bytes and back.
//
// The promise (budget theorem): let every bet's factor be at most 1 on average without drift, given the past, and let the weights of all
// bets sum to at most 1. Then the evidence M, which a pane of h hours turns into (M + weight h) times the factor, less the
// hours paid in, never rises on average; each alarm takes the threshold c away from it; so T hours hold at most T/c alarms on average,
// however streams depend on each other. c is four times what the budget asks for: the factors of a learnt null are 1 only nearly.
//
// How it is called: an engine.Engine keeps one Gather and one Engine per model and plan. Every test pane goes through Gather.Add; a pane that
// comes out goes to Engine.Advance, whose alarms and recoveries become findings. Package drift makes the Spec of a plan and its policy
// (which Govern changes) and learns from the reference. The bytes go into a record of their own beside the detector's state. Alarms are sorted into
// incidents by package incident. Refit is called by no service: what it brings and costs is measured in docs/statistics.md.
//
// Invariants: everything follows from the panes and the Spec, bit for bit on one kind of processor; a restart doesn't show; an
// alarm is never taken back. The package imports internal/stat and internal/wire; no client, no clock, no logger, no randomness.
package sequential
