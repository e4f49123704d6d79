package suite

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

//go:embed program/main.go
var programMain []byte

//go:embed guard/guard.go
var guardSource []byte

//go:embed job.go
var jobSource []byte

// Program is a built program of several networks.
type Program struct {
	Path string // of the executable
	nets []*Net
	dir  string
}

// Build generates the networks' packages and builds them into one program.
func Build(t testing.TB, nets []*Net) *Program {
	t.Helper()
	return BuildFor(t, nets, runtime.GOOS, runtime.GOARCH)
}

// BuildFor is Build for another system, where the program need not run.
func BuildFor(t testing.TB, nets []*Net, goos, goarch string) *Program {
	t.Helper()
	start := time.Now()
	m := NewModule(t)
	files, errs := make([][]codegen.File, len(nets)), make([]error, len(nets))
	Each(len(nets), func(i int) { files[i], errs[i] = nets[i].Generate() })
	for i, n := range nets {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		m.Package(t, n.Name, files[i])
		if n.Guarded {
			m.Write(t, n.Name+"/guard.go", bytes.Replace(guardSource, []byte("\npackage guard"), []byte("\npackage "+n.Name), 1))
		}
	}
	m.Write(t, "main.go", programMain)
	m.Write(t, "job.go", bytes.Replace(jobSource, []byte("package suite"), []byte("//go:build suite\n\npackage main"), 1))
	m.Write(t, "registry.go", registryFile(nets))
	p := &Program{Path: filepath.Join(m.Dir, "program.exe"), nets: nets, dir: m.Dir}
	generated := time.Since(start)
	m.Go(t, []string{"GOOS=" + goos, "GOARCH=" + goarch}, "build", "-buildvcs=false", "-tags=suite", "-o", p.Path, ".")
	t.Logf("%d networks generated in %v, built in %v", len(nets), generated.Round(time.Millisecond), (time.Since(start) - generated).Round(time.Millisecond))
	return p
}

// Each calls f for every i below n, on all processors.
func Each(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// ISAs returns the instruction sets that this processor can run.
func (p *Program) ISAs(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command(p.Path, "isas").Output()
	if err != nil {
		t.Fatal(err)
	}
	isas := strings.Fields(string(out))
	if len(isas) == 0 {
		t.Fatal("the program runs on no instruction set")
	}
	return isas
}

// Result is what one run gave, by output and tap name, each C x T x H x W.
type Result struct {
	Net     *Net
	ISA     string
	Threads int
	Values  map[string][]float32
}

// Run runs every network on every given instruction set.
func (p *Program) Run(t testing.TB, isas []string) []Result {
	t.Helper()
	results, err := p.TryRun(t, isas)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// TryRun is Run that returns the failure of the program, with what it printed:
// the last line names the network and the instruction set.
func (p *Program) TryRun(t testing.TB, isas []string) ([]Result, error) {
	t.Helper()
	var jobs []job
	var results []Result
	files := writer{dir: p.dir, weights: map[uintptr]string{}}
	for _, n := range p.nets {
		weights, clip, err := files.net(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, isa := range isas {
			jobs = append(jobs, job{Net: n.Name, ISA: isa, Threads: n.Threads, Weights: weights, Clip: clip, Want: n.want()})
			for _, k := range n.Threads {
				results = append(results, Result{Net: n, ISA: isa, Threads: k, Values: map[string][]float32{}})
			}
		}
	}
	data, err := p.work(t, jobs)
	if err != nil {
		return nil, err
	}
	for i := range results {
		for _, v := range results[i].Net.want() {
			results[i].Values[v.Name], data = decode(data[:4*v.Len]), data[4*v.Len:]
		}
	}
	return results, nil
}

// work runs the program on jobs and returns its results file.
func (p *Program) work(t testing.TB, jobs []job) ([]byte, error) {
	t.Helper()
	text, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	jobFile, resultFile := filepath.Join(p.dir, "jobs.json"), filepath.Join(p.dir, "results")
	if err := os.WriteFile(jobFile, text, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(p.Path, jobFile, resultFile)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the generated program: %w\n%s", err, stderr.String())
	}
	data, err := os.ReadFile(resultFile)
	if err != nil {
		t.Fatal(err)
	}
	return data, nil
}

// want lists the outputs and taps.
func (n *Net) want() []value {
	var want []value
	add := func(list []ir.Output, tap bool) {
		for _, o := range list {
			want = append(want, value{Name: o.Name, Len: n.Graph.Values[o.Value].Shape.Elems(), Tap: tap})
		}
	}
	add(n.Graph.Outputs, false)
	add(n.Graph.Taps, true)
	return want
}
