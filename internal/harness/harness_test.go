package harness

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/internal/weights"
	"github.com/p3dc/p3dc/ir"
)

// tiny is the network of the tests.
func tiny(t *testing.T) *ir.Graph {
	t.Helper()
	n, err := dsl.Load(filepath.Join("testdata", "tiny.p3d"))
	if err != nil {
		t.Fatal(err)
	}
	g, err := dsl.Lower(n)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// built is a network's program and weights.
type built struct {
	*Program
	graph   *ir.Graph
	weights string
	values  map[string][]float32
}

func build(t *testing.T, g *ir.Graph) *built {
	t.Helper()
	files, err := Generate(g, ir.ScheduleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(p.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the temporary folder is still there: %v", err)
		}
	})
	b := &built{Program: p, graph: g, weights: filepath.Join(t.TempDir(), "w.safetensors"), values: weights.Synthetic(g.Params)}
	if err := WriteWeights(b.weights, g.Params, b.values); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *built) open(t *testing.T, isa string) *Process {
	t.Helper()
	c, err := b.Start(context.Background(), isa, b.weights)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// TestProgram exercises every request on one program with taps.
func TestProgram(t *testing.T) {
	b := build(t, tiny(t))
	isas, err := b.ISAs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(isas, "generic") {
		t.Errorf("the package runs on %v, which lacks generic", isas)
	}
	clip := weights.SyntheticClip(b.graph.Input.Shape.Elems())
	want, err := ir.Interpret(b.graph, b.values, clip)
	if err != nil {
		t.Fatal(err)
	}
	for _, isa := range isas {
		t.Run(isa, func(t *testing.T) {
			c := b.open(t, isa)
			if c.ISA() != isa {
				t.Errorf("opened on %s", c.ISA())
			}
			t.Run("run", func(t *testing.T) { testRun(t, c, b.graph, clip, want) })
			t.Run("batch", func(t *testing.T) { testBatch(t, c, b.graph, clip) })
			t.Run("frames", func(t *testing.T) { testFrames(t, c, b.graph) })
			t.Run("bench", func(t *testing.T) { testBench(t, c, clip) })
			t.Run("profile", func(t *testing.T) { testProfile(t, c, clip) })
			t.Run("peak", func(t *testing.T) { testPeak(t, c, isa) })
			t.Run("bandwidth", func(t *testing.T) { testBandwidth(t, c, isa) })
			t.Run("faults", func(t *testing.T) { testFaults(t, c, clip) })
		})
	}
	t.Run("pack", func(t *testing.T) { testPack(t, b, isas, clip) })
	t.Run("start", func(t *testing.T) { testStart(t, b) })
	t.Run("cancel", func(t *testing.T) { testCancel(t, b, clip) })
	t.Run("crash", func(t *testing.T) { testCrash(t, b) })
}

// testPack packs the weights for every instruction set and runs with the
// result, which must be that of the weights themselves, to the bit.
func testPack(t *testing.T, b *built, isas []string, clip []float32) {
	packed := filepath.Join(t.TempDir(), "w.p3dw")
	for _, isa := range isas {
		if err := b.Pack(t.Context(), b.weights, packed, isa); err != nil {
			t.Fatal(err)
		}
		if h, err := weights.ReadPacked(packed); err != nil || h.Network != b.graph.Name || h.ISA != isa || h.Values == 0 {
			t.Errorf("%s: %+v, %v", isa, h, err)
		}
		c, err := b.Start(t.Context(), "", packed)
		if err != nil {
			t.Fatal(err)
		}
		if c.ISA() != isa {
			t.Errorf("packed for %s, runs on %s", isa, c.ISA())
		}
		got, err := c.RunFloat32(clip, 0, Values(b.graph))
		if err = errors.Join(err, c.Close()); err != nil {
			t.Fatal(err)
		}
		want, err := b.open(t, isa).RunFloat32(clip, 0, Values(b.graph))
		if err != nil {
			t.Fatal(err)
		}
		for name := range want {
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("%s: packed weights change %s", isa, name)
			}
		}
	}
	if err := b.Pack(t.Context(), b.weights, packed, "mmx"); err == nil || !strings.Contains(err.Error(), `no code for "mmx"`) {
		t.Errorf("packing for mmx: %v", err)
	}
	last := isas[len(isas)-1]
	for _, isa := range isas[:len(isas)-1] {
		if _, err := b.Start(t.Context(), isa, packed); err == nil || !strings.Contains(err.Error(), "packed for \""+last+"\", but P3DC_ISA="+isa) {
			t.Errorf("packed for %s, started on %s: %v", last, isa, err)
		}
	}
}

// testRun compares several clips' results with the interpreter's.
func testRun(t *testing.T, c *Process, g *ir.Graph, clip []float32, want map[string][]float64) {
	for _, threads := range []int{0, 1, 3} {
		got, err := c.RunFloat32(clip, threads, Values(g))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range Values(g) {
			if len(got[v.Name]) != v.Len {
				t.Fatalf("%s has %d values, want %d", v.Name, len(got[v.Name]), v.Len)
			}
			for i, x := range got[v.Name] {
				if d := math.Abs(float64(x) - want[v.Name][i]); !(d < 1e-4) {
					t.Fatalf("%s[%d] is %g, want %g", v.Name, i, x, want[v.Name][i])
				}
			}
		}
	}
}

// testBatch compares the clips of batches with single runs, to the bit.
func testBatch(t *testing.T, c *Process, g *ir.Graph, clip []float32) {
	want := slices.DeleteFunc(Values(g), func(v Value) bool { return v.Tap })
	clips, alone := make([][]float32, 3), make([]map[string][]float32, 3)
	for i := range clips {
		clips[i] = slices.Clone(clip)
		for j := range clips[i] {
			clips[i][j] *= float32(1 + i)
		}
		var err error
		if alone[i], err = c.RunFloat32(clips[i], 1, want); err != nil {
			t.Fatal(err)
		}
	}
	if slices.Equal(alone[0]["logits"], alone[1]["logits"]) {
		t.Fatal("the clips do not differ")
	}
	for _, threads := range []int{1, 2, 0} {
		got, err := c.RunBatch(clips, threads, want)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			for _, v := range want {
				if !slices.Equal(got[i][v.Name], alone[i][v.Name]) {
					t.Errorf("%d threads: the %s of clip %d are %v, alone %v", threads, v.Name, i, got[i][v.Name], alone[i][v.Name])
				}
			}
		}
	}
}

// testFrames runs raw frames and the same clip normalised.
func testFrames(t *testing.T, c *Process, g *ir.Graph) {
	in := g.Input
	frames := make([]uint8, in.Shape.Elems())
	clip := make([]float32, len(frames))
	for i := range frames {
		frames[i] = uint8(i * 7919 >> 4)
		ch, pixel := i%in.Shape.C, i/in.Shape.C
		clip[ch*in.Shape.Pixels()+pixel] = float32((float64(frames[i])*in.Scale - in.Mean[ch]) / in.Std[ch])
	}
	want := []Value{{Name: "logits", Len: 10}}
	fromFrames, err := c.RunUint8(frames, 0, want)
	if err != nil {
		t.Fatal(err)
	}
	fromClip, err := c.RunFloat32(clip, 0, want)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range fromFrames["logits"] {
		if d := x - fromClip["logits"][i]; !(d < 1e-4 && d > -1e-4) {
			t.Errorf("logit %d is %g from frames, %g from the clip", i, x, fromClip["logits"][i])
		}
	}
}

func testBench(t *testing.T, c *Process, clip []float32) {
	r, err := c.Bench(clip, BenchOptions{Threads: 1, Sessions: 2, Batch: 3, Warmups: 1, Runs: 5})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := c.Bench(clip, BenchOptions{Threads: 1, Sessions: 1, Batch: 1, WarmTime: 100 * time.Millisecond, Runs: 1}); err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("a warm-up of 0.1 s: %v after %v", err, time.Since(began))
	}
	_, err = c.Bench(clip[1:], BenchOptions{Threads: 1, Sessions: 1, Batch: 1, Warmups: 3, WarmTime: time.Hour, Runs: 1})
	if err == nil || strings.Count(err.Error(), "values, tiny takes") != 1 {
		t.Errorf("a warm-up that fails: error %v, want it once", err)
	}
	if len(r.Durations) != 5 || slices.Min(r.Durations) <= 0 || r.Wall < slices.Max(r.Durations) {
		t.Errorf("measured %+v", r)
	}
}

// testProfile wants the regions of the plan. Their names are those of
// wherever the schedule cuts, but for the first and the last.
func testProfile(t *testing.T, c *Process, clip []float32) {
	profile, err := c.Profile(clip, 2, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for _, r := range profile {
		sum += r.Min
		if r.Name == "" || r.Min < 0 || r.Median < r.Min {
			t.Errorf("measured %+v", r)
		}
	}
	if n := len(profile); n < 3 || profile[0].Name != "input" || profile[n-1].Name != "softmax" || sum <= 0 {
		t.Errorf("measured %+v", profile)
	}
	if _, err := c.Profile(clip[1:], 2, 1, 3); err == nil || !strings.Contains(err.Error(), "values, tiny takes") {
		t.Errorf("a short clip: %v", err)
	}
	if _, err := c.Profile(clip, 2, 0, 0); err == nil || !strings.Contains(err.Error(), "a profile of 0 runs") {
		t.Errorf("no runs: %v", err)
	}
}

func testPeak(t *testing.T, c *Process, isa string) {
	p, err := c.Peak(isa, 1)
	if err != nil {
		t.Fatal(err)
	}
	if isa == "generic" {
		if *p != (Peak{}) {
			t.Errorf("generic has a peak of %+v", p)
		}
		return
	}
	// A processor of 1 GHz with one vector of 8 lanes does more.
	if p.ISA != isa || p.FLOPS < 10e9 || p.FLOPS > 1e12 {
		t.Errorf("measured %+v", p)
	}
}

func testBandwidth(t *testing.T, c *Process, isa string) {
	b, err := c.Bandwidth(isa, 1)
	if err != nil {
		t.Fatal(err)
	}
	if isa == "generic" {
		if b != (Bandwidth{}) {
			t.Errorf("generic reads %+v", b)
		}
		return
	}
	// Less than a processor of the last ten years reads, and more than one can.
	if b.Memory < 1e8 || b.L2 < 1e9 || b.Memory > 1e12 || b.L2 > 1e12 {
		t.Errorf("measured %+v", b)
	}
}

// testFaults checks that a request that fails leaves the process as it was.
func testFaults(t *testing.T, c *Process, clip []float32) {
	for _, tc := range []struct {
		name string
		clip []float32
		want Value
		text string
	}{
		{"clip", clip[1:], Value{Name: "logits", Len: 10}, "values, tiny takes"},
		{"length", clip, Value{Name: "logits", Len: 11}, "room for 11 logits"},
		{"output", clip, Value{Name: "scores", Len: 10}, `no output "scores"`},
		{"tap", clip, Value{Name: "res9", Len: 10, Tap: true}, "no tap res9"},
	} {
		if _, err := c.RunFloat32(tc.clip, 0, []Value{tc.want}); err == nil || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.text)
		}
	}
	if _, err := c.RunFloat32(clip, 0, nil); err != nil {
		t.Error("after errors:", err)
	}
}

func testStart(t *testing.T, b *built) {
	if _, err := b.Start(t.Context(), "mmx", b.weights); err == nil || !strings.Contains(err.Error(), "P3DC_ISA=mmx") {
		t.Errorf("an unknown instruction set: %v", err)
	}
	if _, err := b.Start(t.Context(), "", "none.safetensors"); err == nil || !strings.Contains(err.Error(), "none.safetensors") {
		t.Errorf("no weights: %v", err)
	}
}

func testCancel(t *testing.T, b *built, clip []float32) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := b.Start(ctx, "", b.weights)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	_, err = c.Bench(clip, BenchOptions{Sessions: 1, Batch: 1, Runs: 1 << 20})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled benchmark returned %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if _, err := c.RunFloat32(clip, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("the next call returned %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// testCrash makes the program panic: a negative length is a fault of the
// caller that it does not expect.
func testCrash(t *testing.T, b *built) {
	c := b.open(t, "")
	_, err := c.RunFloat32(nil, 0, []Value{{Name: "logits", Len: -1}})
	if err == nil || !strings.Contains(err.Error(), "panic: ") || !strings.Contains(err.Error(), "exit status 2") {
		t.Errorf("a crash gives %v", err)
	}
}

func TestBuildWithoutTaps(t *testing.T) {
	g := tiny(t)
	g.Taps = nil
	b := build(t, g)
	c := b.open(t, "generic")
	clip := weights.SyntheticClip(g.Input.Shape.Elems())
	_, err := c.RunFloat32(clip, 1, []Value{{Name: "res2", Len: 1, Tap: true}})
	if err == nil || !strings.Contains(err.Error(), "the package has no taps") {
		t.Errorf("a tap of a package without taps: %v", err)
	}
}

func TestWriteWeights(t *testing.T) {
	params := []ir.Param{{Name: "a", Shape: []int{2}}}
	path := filepath.Join(t.TempDir(), "w")
	if err := WriteWeights(path, params, nil); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Errorf("a missing parameter: %v", err)
	}
	if err := WriteWeights(path, params, map[string][]float32{"a": {1}}); err == nil {
		t.Error("a parameter of the wrong length is written")
	}
}
