package module

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/harness"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// small is a network with a block of each kind. Its channels come in another
// order than a decoder's, so that the program sees them reversed.
const small = `network small {
    input bgr 3x8x40x36 {
        range 0..255
        mean 104 117 123
        std 60 50 70
    }
    block bottleneck expansion 4 mix A B C
    conv 16 kernel 1x7x7 stride 1x2x2
    pool max 2x3x3 stride 2x2x2 ceil
    stage res2 width 16 blocks 3 then pool max 2x1x1
    stage res3 width 24 blocks 1 stride 1x2x2 flat
    pool average
    dropout 0.5
    linear 11
    softmax
}`

// user is a program of somebody who uses the package: it classifies a clip
// that is in a file and prints the instruction set and the scores. Where it is
// given the name of a third file, it packs the weights into it first, and opens
// that.
const user = `package main

import (
	"encoding/json"
	"fmt"
	"os"

	"suite/small"
)

func main() {
	weights := os.Args[1]
	if len(os.Args) > 3 {
		weights = os.Args[3]
		if err := small.Pack(os.Args[1], weights, ""); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	m, err := small.Open(weights)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	defer m.Close()
	frames, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	logits := make([]float32, small.Classes)
	if err := m.NewSession().Classify(logits, frames); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{"ISA": m.ISA(), "Logits": logits})
}
`

func lower(t *testing.T, n *dsl.Network, err error) *ir.Graph {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	g.Taps = nil
	return suite.Fuse(t, g)
}

func smallNet(t *testing.T) *suite.Net {
	t.Helper()
	n, err := dsl.Parse("small.p3d", []byte(small))
	net := &suite.Net{Name: "small", Graph: lower(t, n, err)}
	net.Weights = weights.Synthetic(net.Graph.Params)
	return net
}

// newModule returns a module with the small package and the user's program.
func newModule(t *testing.T, n *suite.Net) *suite.Module {
	t.Helper()
	files, err := n.Generate()
	if err != nil {
		t.Fatal(err)
	}
	m := suite.NewModule(t)
	m.Package(t, n.Name, files)
	m.Write(t, "main.go", []byte(user))
	return m
}

// A job is what the user's program is given, and what it should print.
type job struct {
	weights, frames, packed string // files
	logits                  []float64
}

// newJob writes the files of a network's job into a folder.
func newJob(t *testing.T, n *suite.Net, dir string) *job {
	t.Helper()
	j := &job{weights: filepath.Join(dir, "small.safetensors"), frames: filepath.Join(dir, "frames"), packed: filepath.Join(dir, "small.p3dw")}
	if err := harness.WriteWeights(j.weights, n.Graph.Params, n.Weights); err != nil {
		t.Fatal(err)
	}
	frames, clip := rawFrames(n.Graph.Input)
	if err := os.WriteFile(j.frames, frames, 0o666); err != nil {
		t.Fatal(err)
	}
	values, err := ir.Interpret(n.Graph, n.Weights, clip)
	if err != nil {
		t.Fatal(err)
	}
	j.logits = values["logits"]
	return j
}

// TestOutside builds the user's program and runs it on every instruction set
// that the processor has, and, where the system can run it, built for a 32-bit
// processor.
func TestOutside(t *testing.T) {
	n := smallNet(t)
	m := newModule(t, n)
	j := newJob(t, n, m.Dir)
	program := filepath.Join(m.Dir, "user.exe")
	m.Go(t, nil, "build", "-trimpath", "-o", program, ".")
	static(t, program)
	ran := 0
	for _, isa := range []string{"", "avx512", "avx2", "generic"} {
		cmd := exec.Command(program, j.weights, j.frames)
		cmd.Env = append(os.Environ(), "P3DC_ISA="+isa)
		out, err := cmd.Output()
		if err != nil && strings.Contains(string(out), "this processor runs") {
			continue
		}
		if err != nil {
			t.Fatalf("on %q: %v\n%s", isa, err, out)
		}
		if got := j.check(t, isa, out); isa != "" && got != isa {
			t.Errorf("asked for %s, it ran on %s", isa, got)
		}
		packed := exec.Command(program, j.weights, j.frames, j.packed)
		packed.Env = cmd.Env
		if again, err := packed.Output(); err != nil || !bytes.Equal(again, out) {
			t.Errorf("on %q with packed weights: %v\n%s\nwant\n%s", isa, err, again, out)
		}
		ran++
	}
	if ran < 2 {
		t.Errorf("ran in %d ways only", ran)
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return
	}
	m.Go(t, []string{"GOARCH=386"}, "build", "-trimpath", "-o", program+"32", ".")
	out, err := exec.Command(program+"32", j.weights, j.frames).Output()
	if err != nil && len(out) == 0 {
		t.Skipf("a 32-bit program does not run here: %v", err)
	}
	j.check(t, "386", out)
	// The last file that was packed is for the portable code, on any processor.
	again, err := exec.Command(program+"32", j.packed, j.frames).Output()
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("a 32-bit program with packed weights: %v\n%s\nwant\n%s", err, again, out)
	}
}

// check compares the scores that a program printed, and returns the instruction
// set that it says it used.
func (j *job) check(t *testing.T, what string, out []byte) string {
	t.Helper()
	var got struct {
		ISA    string
		Logits []float64
	}
	if err := json.Unmarshal(out, &got); err != nil || len(got.Logits) != len(j.logits) {
		t.Fatalf("on %q: %v\n%s", what, err, out)
	}
	// As in tests/triangle.
	if d := suite.Distance(got.Logits, j.logits); !(d <= 2e-6) {
		t.Errorf("on %q the logits are off by %.3g (relative L2)", what, d)
	}
	return got.ISA
}

// rawFrames returns frames, T x H x W x C in the order of a decoder, and the
// clip that they are once normalised.
func rawFrames(in ir.Input) (frames []byte, clip []float32) {
	s := in.Shape
	frames, clip = make([]byte, s.Elems()), make([]float32, s.Elems())
	for i, v := range weights.SyntheticClip(s.Elems()) { // -2..2
		frames[i] = byte((v + 2) * 63)
	}
	for c := range s.C {
		for p := range s.Pixels() {
			v := float64(frames[p*s.C+s.C-1-c]) // red comes first, the network wants blue first
			clip[c*s.Pixels()+p] = float32((v*in.Scale - in.Mean[c]) / in.Std[c])
		}
	}
	return frames, clip
}

// static checks that an executable of Linux needs no dynamic linker.
func static(t *testing.T, program string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the program is linked dynamically: it has a segment %v", p.Type)
		}
	}
}

// TestPlatforms builds and vets the package for other systems and processors.
func TestPlatforms(t *testing.T) {
	m := newModule(t, smallNet(t))
	targets := []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64", "linux/386"}
	if testing.Short() {
		targets = targets[:2]
	}
	for _, target := range targets {
		goos, goarch, _ := strings.Cut(target, "/")
		env := []string{"GOOS=" + goos, "GOARCH=" + goarch}
		m.Go(t, env, "build", "./...")
		m.Go(t, env, "vet", "./...")
	}
}

// TestImports checks what generated packages need.
func TestImports(t *testing.T) {
	files, err := smallNet(t).Generate()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasSuffix(f.Name, ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Content, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range parsed.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && path != "golang.org/x/sys/cpu" || path == "C" {
				t.Errorf("%s imports %s", f.Name, path)
			}
		}
	}
}

// TestSize checks how much source the largest preset makes, and says how long
// it takes to make and to compile.
func TestSize(t *testing.T) {
	const limit = 3 << 20 // bytes
	start := time.Now()
	n, err := dsl.Load("p3d199")
	net := &suite.Net{Name: "p3d199", Graph: lower(t, n, err)}
	files, err := net.Generate()
	if err != nil {
		t.Fatal(err)
	}
	generated := time.Since(start)
	size := size(files)
	if size >= limit {
		t.Errorf("P3D-199 has %d bytes of source, want less than %d", size, limit)
	}
	message := fmt.Sprintf("P3D-199: %d KiB of source, generated in %v", size>>10, generated.Round(time.Millisecond))
	if !testing.Short() {
		m := suite.NewModule(t)
		// A comment that is new makes the compiler work in spite of its cache.
		files[0].Content = fmt.Appendf(files[0].Content, "\n// %d\n", time.Now().UnixNano())
		m.Package(t, "p3d199", files)
		start = time.Now()
		m.Go(t, nil, "build", "./p3d199")
		message += fmt.Sprintf(", compiled in %v", time.Since(start).Round(time.Millisecond))
	}
	t.Log(message)
}

func size(files []codegen.File) int {
	n := 0
	for _, f := range files {
		n += len(f.Content)
	}
	return n
}
