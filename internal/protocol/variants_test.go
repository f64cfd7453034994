package protocol

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// variant is one search: the protocol as built, which holds, or with something about it changed.
type variant[S comparable] struct {
	name   string
	system *system[S]
	fails  string // "": holds; else part of what must be found wrong, or stuckForEver
	skips  bool   // some of the model's steps exist only in other variants
}

const stuckForEver = "can't come to its end any more"

// limit is far beyond what the searches need; it keeps a mistake in a model from eating the machine.
const limit = 3_000_000

// size chooses a bound by the kind of build.
func size(full, underRace uint8) uint8 {
	if raceBuild {
		return underRace
	}
	return full
}

func (v variant[S]) run(t *testing.T) {
	t.Run(v.name, func(t *testing.T) {
		t.Parallel()
		begun := time.Now()
		got, err := v.system.search(limit)
		if err != nil {
			t.Fatal(err)
		}
		says, trace := "", []string(nil)
		switch {
		case got.wrong != "":
			says, trace = got.wrong, got.trace
		case got.stuck > 0:
			says, trace = fmt.Sprintf("from %d states it %s", got.stuck, stuckForEver), got.stuckTrace
		}
		steps := ""
		for i, step := range trace {
			steps += fmt.Sprintf("\n    %2d. %s", i+1, step)
		}
		counted := fmt.Sprintf("%d states, %d steps, %.1f s", got.states, got.edges, time.Since(begun).Seconds())
		switch {
		case v.fails == "" && says != "":
			t.Errorf("%s; %s, after%s", counted, says, steps)
		case v.fails == "":
			t.Logf("%s: %s, holds", v.name, counted)
			if !v.skips && len(got.never) > 0 {
				t.Errorf("steps that were never taken:\n  %s", strings.Join(got.never, "\n  "))
			}
		case says == "":
			t.Errorf("%s: holds, and must not: %s", counted, v.fails)
		case !strings.Contains(says, v.fails):
			t.Errorf("%s: fails for another reason than %q: %s, after%s", counted, v.fails, says, steps)
		default:
			t.Logf("%s: %s, fails as it must: %s, after%s", v.name, counted, says, steps)
		}
	})
}

func TestIngestor(t *testing.T) {
	events := [2]uint8{1, 1}
	const tiling, counting, disagree = "do not tile the source", "did not count each event", "disagree"
	for _, v := range []variant[ingestorState]{
		{name: "as built, an event in each of two sources", system: ingestor(ingestorRules{}, [2]uint8{size(1, 0), 1})},
		{name: "as built, several events in one source", system: ingestor(ingestorRules{}, [2]uint8{0, size(2, 1)})},
		{name: "no generation check", system: ingestor(ingestorRules{noGenerationCheck: true}, events), fails: tiling},
		{name: "no stable offset fetch", system: ingestor(ingestorRules{unstableFetch: true}, events), fails: tiling},
		{name: "no fence of the transactional id", system: ingestor(ingestorRules{noFence: true}, events), fails: disagree},
		{name: "a revocation does not spoil the epoch", system: ingestor(ingestorRules{revokeKeepsEpoch: true}, events), fails: tiling},
		{name: "an abort leaves its counts in memory", system: ingestor(ingestorRules{noRollback: true}, events), fails: counting},
		{name: "partitions are kept over a missed generation", system: ingestor(ingestorRules{keepsThroughLosses: true}, events), fails: tiling},
		{name: "offsets committed before the outputs", system: ingestor(ingestorRules{offsetsApart: true}, events), fails: disagree},
	} {
		v.run(t)
	}
}

func TestJoiner(t *testing.T) {
	const counts = "the committed counts are not those of the committed rows"
	n := size(4, 2)
	for _, v := range []variant[joinerState]{
		{name: "as built, one id", system: joiner(joinerRules{}, oneID, n, false), skips: true},
		{name: "as built, two ids", system: joiner(joinerRules{}, twoIDs, n, false), skips: true},
		{name: "as built, the index fails over", system: joiner(joinerRules{}, twoIDs, size(2, 1), true), skips: raceBuild},
		{name: "as built, but an index that is ahead is read as it is", system: joiner(joinerRules{takesAhead: true}, twoIDs, size(3, 2), false), skips: true},
		{name: "no generation check", system: joiner(joinerRules{noGenerationCheck: true}, oneID, 2, false), fails: counts},
		{name: "no stable offset fetch", system: joiner(joinerRules{unstableFetch: true}, oneID, 2, false), fails: counts},
		{name: "no sentinel", system: joiner(joinerRules{noSentinel: true}, oneID, 3, false), fails: counts},
		{name: "compare not exact", system: joiner(joinerRules{looseCompare: true}, twoIDs, 4, false), fails: counts},
		{name: "states written before the commit", system: joiner(joinerRules{writesBefore: true, takesAhead: true}, twoIDs, 4, false), fails: counts},
		{
			name: "states written before the commit, an index that is ahead is an error", fails: stuckForEver,
			system: joiner(joinerRules{writesBefore: true, neverLost: true}, twoIDs, 2, false),
		},
		{name: "the last outcome to arrive counts", system: joiner(joinerRules{byArrival: true}, oneID, 4, false), fails: counts},
		{name: "an older copy comes back under the newer sentinel", system: joiner(joinerRules{ageless: true}, twoIDs, 3, true), fails: counts},
	} {
		v.run(t)
	}
}

func TestDetector(t *testing.T) {
	const twice, part, restored = "closed twice", "without all of its cells", "a restored state does not match"
	chunks := size(3, 2)
	for _, v := range []variant[detectorState]{
		{name: "as built", system: detector(detectorRules{}, chunks)},
		{name: "as built, but does not compare", system: detector(detectorRules{noCompare: true}, 2), skips: true},
		{name: "as built, but no stable offset fetch", system: detector(detectorRules{unstableFetch: true}, 2), skips: true},
		{name: "does not compare, no stable offset fetch", system: detector(detectorRules{noCompare: true, unstableFetch: true}, chunks), fails: restored},
		{name: "restores to the stable offset, does not compare", system: detector(detectorRules{toStable: true, noCompare: true}, chunks), fails: restored},
		{name: "restores to the stable offset, compares, tries again", system: detector(detectorRules{toStable: true, retries: true}, chunks), fails: restored},
		{name: "as built, but asks for the end before the offset", system: detector(detectorRules{endFirst: true}, 2), skips: true},
		{name: "a clock that matches is enough, the engine is not waited for", system: detector(detectorRules{clockOnly: true}, chunks), fails: restored},
		{name: "coverage in the first chunk", system: detector(detectorRules{coverageFirst: true}, chunks), fails: part},
		{name: "no generation check", system: detector(detectorRules{noGenerationCheck: true}, chunks), fails: twice},
	} {
		v.run(t)
	}
}

func TestPlans(t *testing.T) {
	const mixes, lost = "mixes cells of two plans", "neither counted nor set aside"
	const aside, early = "cells of the plan in force are set aside", "not in force at its time"
	for _, name := range slices.Sorted(maps.Keys(planCases)) {
		if raceBuild && len(planCases[name].from) > 2 {
			continue
		}
		variant[planState]{name: "by that rule: " + name, system: plans(planRules{}, planCases[name])}.run(t)
	}
	c := planCases["one new plan"]
	for _, v := range []variant[planState]{
		{name: "the ingestor goes by arrival instead of event time", system: plans(planRules{byArrival: true}, c), fails: early},
		{name: "the detector accepts any plan", system: plans(planRules{acceptsAny: true}, c), fails: mixes},
		{name: "the detector decides when a cell comes", system: plans(planRules{onArrival: true}, c), fails: mixes},
		{name: "the detector passes over a plan it has not read", system: plans(planRules{passesOver: true}, c), fails: aside},
		{name: "what is set aside is not counted", system: plans(planRules{dropsSilently: true}, c), fails: lost},
		{name: "the log keeps only a model's last plan", system: plans(planRules{compacted: true}, c), fails: lost},
	} {
		v.run(t)
	}
}

func TestSuccession(t *testing.T) {
	const twice, lost, aside = "a pane is closed by two plans", "neither counted nor set aside nor late", "cells of the plan in force are set aside"
	for _, name := range slices.Sorted(maps.Keys(successionCases)) {
		if raceBuild && len(successionCases[name].from) > 2 {
			continue
		}
		variant[successionState]{name: "as built: " + name, system: successions(successionRules{}, successionCases[name])}.run(t)
	}
	one, late, waits := successionCases["one new plan"], successionCases["one new plan, late events"], successionCases["one new plan that waits longer"]
	judged := successionCases["two, the first comes back for panes that were judged, late events"]
	for _, v := range []variant[successionState]{
		{name: "as built, with outcomes: one new plan that waits longer", system: successions(successionRules{truth: true}, waits)},
		{name: "the detector keeps the open panes of a plan whose era they are not in", system: successions(successionRules{noRetain: true}, one), fails: twice},
		{name: "it drops them and does not say so", system: successions(successionRules{silent: true}, one), fails: lost},
		{name: "a new plan does not know what was judged", system: successions(successionRules{noTaken: true}, late), fails: twice},
		{name: "a plan without a state begins behind what was judged, and one that comes back does not know it", system: successions(successionRules{once: true}, judged), fails: twice},
		{name: "a plan begins there for as long as it has closed nothing", system: successions(successionRules{once: true, noState: true}, waits), fails: stuckForEver},
		{name: "the detector sets aside cells of a plan it does not know", system: successions(successionRules{passesOver: true}, one), fails: aside},
		{
			name: "it looks only for plans that it does not know, not for one that came back", fails: aside,
			system: successions(successionRules{byDigest: true}, successionCases["two, the first comes back"]),
		},
		{
			name: "of plans with the same from the last one counts", fails: lost,
			system: successions(successionRules{replaces: true}, successionCases["two, the second with the from of the first"]),
		},
	} {
		v.run(t)
	}
}
