//go:build integration

package datasketches

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// requirements are what stands at the other end, and the name of what says that they are installed.
var requirements = []string{"datasketches==5.2.0", "numpy==2.4.6"}

const installed = "done-5.2.0-2.4.6"

func TestExchange(t *testing.T) {
	folder := t.TempDir()
	rng := rand.New(rand.NewPCG(11, 12))
	streams := map[string]func(i int) float64{
		"normal":     func(int) float64 { return rng.NormFloat64() },
		"pareto":     func(int) float64 { return math.Pow(1-rng.Float64(), -1/0.7) },
		"sorted":     func(i int) float64 { return float64(i) },
		"reversed":   func(i int) float64 { return -float64(i) },
		"constant":   func(int) float64 { return 7.25 },
		"two points": func(int) float64 { return float64(rng.IntN(10) / 7) },
		"few":        func(int) float64 { return float64(rng.IntN(20)) },
	}
	all := map[string][]float64{"empty": nil, "one": {3.5}, "two": {3.5, -1}}
	for _, name := range slices.Sorted(maps.Keys(streams)) { // in the same order in every run: they draw from one source
		for i := range 50_000 {
			all[name] = append(all[name], streams[name](i))
		}
	}
	for name, values := range all {
		d := sketch.NewTDigest()
		d.AddAll(values)
		var raw []byte
		for _, v := range values {
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		}
		write(t, filepath.Join(folder, name+".values"), raw)
		write(t, filepath.Join(folder, name+".double"), d.AppendDataSketches(nil))
		write(t, filepath.Join(folder, name+".float"), d.AppendDataSketchesFloat(nil))
	}
	run(t, python(t), "exchange.py", folder)
	for name, values := range all {
		slices.Sort(values)
		they(t, folder, name, values)
		for kind, read := range map[string]func([]byte) (*sketch.TDigest, error){"double": sketch.ReadDataSketches, "float": sketch.ReadDataSketchesFloat} {
			d, err := read(contents(t, filepath.Join(folder, name+".their-"+kind)))
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if d.Count() != int64(len(values)) {
				t.Errorf("%s, %s: we see %d values of %d", name, kind, d.Count(), len(values))
			}
			for _, q := range shares {
				within(t, name+" as we read it, "+kind, values, q, d.Quantile(q))
			}
		}
	}
}

var shares = []float64{.01, .1, .5, .9, .99}

// they checks what Python says of our digests.
func they(t *testing.T, folder, name string, sorted []float64) {
	t.Helper()
	var seen map[string]struct {
		N, Merged int
		K         int
		Min, Max  float64
		Quantiles []float64
	}
	if err := json.Unmarshal(contents(t, filepath.Join(folder, name+".json")), &seen); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"double", "float"} {
		s := seen[kind]
		if s.N != len(sorted) || s.K != 200 {
			t.Errorf("%s, %s: Python sees %d values of %d, k = %d", name, kind, s.N, len(sorted), s.K)
		}
		if len(sorted) == 0 {
			continue
		}
		if s.Merged != s.N || !near(s.Min, sorted[0]) || !near(s.Max, sorted[len(sorted)-1]) || len(s.Quantiles) != len(shares) {
			t.Errorf("%s, %s: Python sees %+v", name, kind, s)
			continue
		}
		for i, q := range shares {
			within(t, name+" as Python reads it, "+kind, sorted, q, s.Quantiles[i])
		}
	}
}

// near says whether a is b but for the rounding of a float.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Abs(b) }

// within fails if v isn't the quantile q but for half a percent of rank (a percent in the middle), or the rounding of a float.
func within(t *testing.T, what string, sorted []float64, q, v float64) {
	t.Helper()
	n := float64(len(sorted))
	if n == 0 {
		return
	}
	slack := 1e-6 * math.Abs(v)
	low := float64(sort.SearchFloat64s(sorted, v-slack)) / n
	high := float64(sort.SearchFloat64s(sorted, math.Nextafter(v+slack, math.Inf(1)))) / n
	most := .005
	if q >= .1 && q <= .9 { // where a centroid spans up to 0.8 % of ranks, and a reader that isn't its writer may be off by most of one
		most = .01
	}
	if e := max(low-q, q-high); !(e <= most+1/n) {
		t.Errorf("%s: quantile %g is %v, of rank %.4f to %.4f", what, q, v, low, high)
	}
}

// python is the interpreter of an environment that is made once, in the user's cache, as that of the chaos test is.
func python(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "plumbline-parts", "datasketches-python")
	interpreter := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(filepath.Join(folder, installed)); err == nil {
		return interpreter
	}
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	run(t, "python3", "-m", "venv", folder)
	run(t, interpreter, append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, requirements...)...)
	write(t, filepath.Join(folder, installed), nil)
	return interpreter
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if said, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, said)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
