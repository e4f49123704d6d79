//go:build unix

package cuda

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// The tests of a GPU run programs that Go builds. Another machine may build them:
//
//	go test -c -o DIR/cuda.test ./tests/cuda
//	go test ./tests/cuda -run Prepare -args -prepare DIR
//	(cd tests/cuda; DIR/cuda.test -test.run GPU -prepared DIR)
var (
	prepareIn  = flag.String("prepare", "", "folder that the programs are built into")
	preparedIn = flag.String("prepared", "", "folder that has the programs")
)

// gpuUser is newUser for a program that may have been built before.
func gpuUser(t *testing.T, g *ir.Graph, p cuda.Precision, c *comparison) *user {
	t.Helper()
	if *preparedIn == "" {
		return newUser(t, g, p, c)
	}
	bare := g.Clone()
	bare.Taps = nil
	plans, err := cuda.Plans(bare, p)
	if err != nil {
		t.Fatal(err)
	}
	u := &user{dir: t.TempDir(), program: filepath.Join(*preparedIn, userName(g, p)), plans: plans, precision: p, comparison: c}
	u.write(t, g)
	return u
}

func userName(g *ir.Graph, p cuda.Precision) string { return fmt.Sprintf("user-%s-%v", g.Name, p) }

// TestPrepare builds the programs, and writes what the comparison of tests/peers
// needs to know of the presets: the operations of a clip, in 1e9, as if every
// convolution were computed directly.
func TestPrepare(t *testing.T) {
	if *prepareIn == "" {
		t.Skip("builds programs for another machine: -args -prepare DIR")
	}
	for _, g := range []*ir.Graph{lower(t, small), preset(t)} {
		for _, p := range cuda.Precisions() {
			if g.Name != "p3d63" && p != cuda.FP16 {
				continue
			}
			u := newUser(t, g, p, &comparison{weights: weights.Synthetic(g.Params)})
			data, err := os.ReadFile(u.program)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(*prepareIn, userName(g, p)), data, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	gflop := map[string]float64{}
	for _, name := range dsl.Presets() {
		n, err := dsl.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		g, err := dsl.Lower(n)
		if err != nil {
			t.Fatal(err)
		}
		gflop[name] = float64(g.TotalFLOPs()) / 1e9
	}
	text, err := json.Marshal(gflop)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*prepareIn, "gflop.json"), text, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestGPU runs packages on this machine's GPU, where there is one, and logs how
// long batches take: `make gpu`.
func TestGPU(t *testing.T) {
	_, nvrtc := thisGPU(t)
	g := lower(t, small)
	c := newComparison(t, g, 3)
	u := gpuUser(t, g, cuda.FP16, c)
	u.results(t, u.run(t, "", nvrtc, u.weights, nil))
	g = preset(t)
	c = newComparison(t, g, 3)
	for _, p := range cuda.Precisions() {
		u := gpuUser(t, g, p, c)
		got := u.results(t, u.run(t, "", nvrtc, u.weights, nil, "1", "8", "32"))
		t.Logf("%s in %v on %s: milliseconds by batch, from the host: %v", g.Name, p, got.Device, got.Milliseconds)
	}
}

// noFaults is the last line of compute-sanitizer's report on a program without any.
var noFaults = regexp.MustCompile(`(ERROR SUMMARY: 0 errors|RACECHECK SUMMARY: 0 hazards displayed \(0 errors, 0 warnings\))\s*$`)

// TestGPUSanitizer runs packages under NVIDIA's compute-sanitizer: accesses beyond
// what was allocated, and races in shared memory.
func TestGPUSanitizer(t *testing.T) {
	_, nvrtc := thisGPU(t)
	sanitizer, err := exec.LookPath("compute-sanitizer")
	if err != nil {
		t.Skip("needs compute-sanitizer, of the CUDA toolkit, in PATH: neither memcheck nor racecheck was run")
	}
	for _, n := range []struct {
		graph     *ir.Graph
		precision cuda.Precision
		clips     int
	}{{lower(t, small), cuda.FP16, 3}, {preset(t), cuda.BF16, 1}} {
		c := newComparison(t, n.graph, n.clips)
		u := gpuUser(t, n.graph, n.precision, c)
		for _, tool := range []string{"memcheck", "racecheck"} {
			t.Run(n.graph.Name+"/"+tool, func(t *testing.T) {
				log := filepath.Join(t.TempDir(), "log")
				u.under = []string{sanitizer, "--tool", tool, "--log-file", log, "--error-exitcode", "9"}
				text := u.run(t, "", nvrtc, u.weights, nil)
				report, err := os.ReadFile(log)
				if err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				if !noFaults.Match(report) {
					t.Errorf("%s", report)
				}
				if n.clips == 1 {
					u.one(t, text)
				} else {
					u.results(t, text)
				}
			})
		}
	}
}

// one compares what the program printed of a single clip.
func (u *user) one(t *testing.T, text string) {
	t.Helper()
	var got printed
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	d, most := suite.Distance(got.One, u.comparison.want[0]["logits"]), tolerance(u.precision, u.comparison.depths["logits"])
	if !(d <= most) {
		t.Errorf("one clip: logits are off by %.3g (relative L2), at most %.3g expected", d, most)
	}
}
