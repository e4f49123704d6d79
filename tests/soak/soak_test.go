package soak

import (
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

//go:embed program/main.go
var program []byte

var seconds = flag.Float64("seconds", 2, "how long each instruction set is under load")

// report is what the program prints.
type report struct {
	ISA                string
	Runs, Cancelled    int64
	Dropped            int64
	Collections        uint32
	Goroutines, Files  [2]int
	HeapMB, ResidentMB [2]float64
	PauseMS, MostPause float64
}

// small is what runs with the race detector, which makes portable code so slow that
// P3D-63 has less than a run in a second. The code that may race, of sessions and
// workers, is the same, and runs more often.
const small = `network small {
    input rgb 3x8x16x16
    block bottleneck expansion 2 mix A B C
    conv 8 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 pad 0x1x1
    stage res2 width 8 blocks 3 then pool max 2x1x1
    stage res3 width 12 blocks 3 stride 1x2x2
    pool average
    linear 10
}`

// TestSoak has eight sessions run on one model, on every instruction set that the
// processor has, and, with the race detector, in portable Go. For ten minutes of each:
//
//	go test ./tests/soak -v -timeout 1h -args -seconds 600
//
// Times are reported and not judged.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("load takes its time")
	}
	n, err := dsl.Load("p3d63")
	if err != nil {
		t.Fatal(err)
	}
	if err := dsl.Set(n, "input", "3x16x32x32"); err != nil {
		t.Fatal(err)
	}
	fast, weightsFile := build(t, n, nil)
	for _, isa := range []string{"avx512", "avx2", "generic"} {
		t.Run(isa, func(t *testing.T) { soak(t, fast, isa, weightsFile) })
	}
	t.Run("race", func(t *testing.T) {
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip("needs gcc, for the race detector")
		}
		n, err := dsl.Parse("small.p3d", []byte(small))
		if err != nil {
			t.Fatal(err)
		}
		program, weightsFile := build(t, n, []string{"CGO_ENABLED=1"}, "-race")
		soak(t, program, "generic", weightsFile)
	})
}

// build makes a network's package and the program, and returns it and its weights.
func build(t *testing.T, n *dsl.Network, env []string, flags ...string) (exe, weightsFile string) {
	t.Helper()
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	net := &suite.Net{Name: "net", Graph: suite.Fuse(t, g)}
	files, err := net.Generate()
	if err != nil {
		t.Fatal(err)
	}
	m := suite.NewModule(t)
	m.Package(t, net.Name, files)
	m.Write(t, "main.go", program)
	weightsFile = filepath.Join(m.Dir, "net.safetensors")
	if err := harness.WriteWeights(weightsFile, g.Params, weights.Synthetic(g.Params)); err != nil {
		t.Fatal(err)
	}
	exe = filepath.Join(m.Dir, "soak.exe")
	m.Go(t, env, append(append([]string{"build", "-tags", "soak", "-o", exe}, flags...), ".")...)
	return exe, weightsFile
}

// soak runs the program and checks what it saw.
func soak(t *testing.T, program, isa, weights string) {
	cmd := exec.Command(program, weights, fmt.Sprint(*seconds))
	cmd.Env = append(os.Environ(), "P3DC_ISA="+isa)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(stderr.String(), "this processor runs") {
			t.Skip(stderr.String())
		}
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	t.Logf("%s", out)
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if r.ISA != isa {
		t.Errorf("ran on %s, want %s", r.ISA, isa)
	}
	if r.Runs == 0 || r.Cancelled == 0 || r.Dropped == 0 || r.Collections == 0 {
		t.Errorf("not all kinds of load were there: %+v", r)
	}
	if r.Goroutines[1] > r.Goroutines[0] {
		t.Errorf("%d goroutines at the start, %d at the end", r.Goroutines[0], r.Goroutines[1])
	}
	if r.Files[1] > r.Files[0] {
		t.Errorf("%d open files at the start, %d at the end", r.Files[0], r.Files[1])
	}
	// All sessions are gone at the end, so that less is held than in between.
	if r.HeapMB[1] > r.HeapMB[0]+1 {
		t.Errorf("the heap grew from %.1f to %.1f MB", r.HeapMB[0], r.HeapMB[1])
	}
}
