package contract_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// TestDigestGolden pins the digests: plans, findings and ledgers written by an older build name contracts by them.
func TestDigestGolden(t *testing.T) {
	var b strings.Builder
	for _, path := range files(t, "good/*.yaml") {
		c, err := contract.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(filepath.Base(path) + " " + c.Digest + " " + c.Policy + "\n")
	}
	golden := filepath.Join("testdata", "digests.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.String(), string(read(t, golden)); got != want {
		t.Errorf("digests changed\n got %s\nwant %s", got, want)
	}
}

func TestDigestIgnoresFormatting(t *testing.T) {
	a, b := load(t, "electricity.yaml"), load(t, "electricity-reformatted.yaml")
	if a.Digest != b.Digest || a.Policy != b.Policy {
		t.Errorf("%s %s\n%s %s", a.Digest, a.Policy, b.Digest, b.Policy)
	}
}

// TestDigestSeesChanges edits one thing at a time: each changes the digest, and the policy's only where it should.
func TestDigestSeesChanges(t *testing.T) {
	src := string(read(t, filepath.Join("testdata", "good", "electricity.yaml")))
	base := load(t, "electricity.yaml")
	for _, c := range []struct {
		old, new string
		policy   bool
	}{
		{"tags: [demo]", "tags: [other]", false},
		{"data: grid-data,", "data: other,", true},
		{"positive: 1", "positive: 0", false},
		{"keep: 2d", "keep: 3d", false},
		{"model_id == 'price'", "model_id == 'cost'", false},
		{"lineage: lineage", "lineage: job", false},
		{"missing: {max: 1%}", "missing: {max: 2%}", false},
		{"path: flows.transfer", "path: flow.transfer", false},
		{"period < 0.34", "period < 0.35", false},
		{"nswdemand > 0.0", "nswdemand > 0.1", false},
		{"slices: [[daypart]]", "slices: [[daypart], [model_version]]", false},
		{"protected: {}", "protected: {daypart: {privileged: day}}", false},
		{"false_positive: 40", "false_positive: 41", true},
		{"decision: {threshold: 0.5}", "decision: {threshold: 0.6}", true},
		{"decision: {threshold: 0.5}", "decision: cheapest", true},
		{"max: 15", "max: 16", true},
		{"until: 1998-12-31", "until: 1999-12-31", true},
		{"min: 0.80", "min: 0.81", true},
		{"to: 1997-02-17", "to: 1997-02-18", false},
		{"pane: 1h", "pane: 30m", false},
		{"pane: 1h", "pane: 1h\n  lateness: 6m", false},
		{"windows: [1d, 7d]", "windows: [7d]", false},
		{"pages: 1/30d", "pages: 1/31d", true},
		{"shift: 0.05sd", "shift: 0.06sd", false},
		{"name: Christmas", "name: Xmas", false},
		{"severity: page", "severity: ticket", true},
		{"cooldown: 7d", "cooldown: 6d", true},
		{"docs/runbooks/unit-change.md", "docs/u.md", true},
	} {
		if !strings.Contains(src, c.old) {
			t.Fatalf("no %q", c.old)
		}
		got, err := contract.Parse("x", []byte(strings.Replace(src, c.old, c.new, 1)))
		if err != nil {
			t.Errorf("%s: %v", c.new, err)
			continue
		}
		if got.Digest == base.Digest {
			t.Errorf("%s: same digest", c.new)
		}
		if (got.Policy != base.Policy) != c.policy {
			t.Errorf("%s: policy changed: %v, want %v", c.new, got.Policy != base.Policy, c.policy)
		}
	}
	// The order of what is counted and judged matters; a comment and the place of a promise in the file don't.
	lines := strings.Split(src, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "  vicdemand:") {
			lines[i], lines[i+1] = lines[i+1], lines[i]
			break
		}
	}
	if got, err := contract.Parse("x", []byte(strings.Join(lines, "\n"))); err != nil || got.Digest == base.Digest {
		t.Errorf("order of inputs: %v", err)
	}
	if got, err := contract.Parse("x", []byte("\n# comment\n\n"+src)); err != nil || got.Digest != base.Digest {
		t.Errorf("comment: %v", err)
	}
}
