package cuda

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// program is a network's CUDA source, built for the emulator.
type program struct {
	plan      *ir.Plan
	precision cuda.Precision
	source    string
	main      []byte
	weights   []byte
	dir       string
}

// compiler returns g++, or skips the test.
func compiler(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("needs g++, to run CUDA source on an emulator")
	}
	return path
}

// prepare writes the source that would ship, and compiles nothing.
func prepare(t *testing.T, plan *ir.Plan, p cuda.Precision, values map[string][]float32) *program {
	t.Helper()
	b := emulate(t, p, plan)
	var err error
	if b.weights, err = pack(plan, p, values); err != nil {
		t.Fatal(err)
	}
	return b
}

// emulate writes the source of plans, and a program that has all of their kernels.
// What it says of one plan is of the last.
func emulate(t *testing.T, p cuda.Precision, plans ...*ir.Plan) *program {
	t.Helper()
	plan := plans[len(plans)-1]
	source := cuda.Source(p, codegen.Options{Source: plan.Graph.Name + ".p3d", Version: "test"}, plans...)
	var main bytes.Buffer
	main.WriteString("#include \"network.cu\"\n#include \"driver.h\"\nint main(int argc, char** argv) {\n    return emulator::drive(argc, argv, {\n")
	for _, plan := range plans {
		for _, name := range cuda.Entries(plan) {
			fmt.Fprintf(&main, "        {%q, %s},\n", name, name)
		}
	}
	main.WriteString("    });\n}\n")
	b := &program{plan: plan, precision: p, source: string(source), main: main.Bytes(), dir: t.TempDir()}
	b.write(t, "network.cu", source)
	b.write(t, "main.cpp", b.main)
	return b
}

// planFor returns the plan that sessions of so many clips run.
func planFor(plans []*ir.Plan, clips int) *ir.Plan {
	for _, p := range plans {
		if p.Machine.Blocks.Clips >= clips {
			return p
		}
	}
	return plans[len(plans)-1]
}

// plan schedules a network as it ships.
func plan(t *testing.T, g *ir.Graph, p cuda.Precision) *ir.Plan {
	t.Helper()
	plan, err := cuda.Plan(g, p)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// emulatorFlags are how programs on the emulator are compiled: in less time than by -O1,
// after which most of them run for a moment.
var emulatorFlags = []string{"-std=c++17", "-Og", "-pthread", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-parameter",
	"-Werror", "-DP3DC_EMULATOR"}

// compile builds a C++ program on the emulator. What the last flags say counts.
func compile(t *testing.T, dir, source, program string, flags ...string) {
	t.Helper()
	headers, err := filepath.Abs("emulator")
	if err != nil {
		t.Fatal(err)
	}
	if len(flags) == 0 {
		flags = []string{"-include", precompiled(t, headers)}
	}
	flags = slices.Concat(emulatorFlags, []string{"-I", headers, "-o", program, source}, flags)
	cmd := exec.Command(compiler(t), flags...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
}

func (b *program) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), content, 0o666); err != nil {
		t.Fatal(err)
	}
}

// input is what a run takes: clips of float32 values, or of bytes.
type input struct {
	clips  int
	floats []float32
	frames []byte
}

// run computes some clips and returns all outputs and taps, by name, clip by
// clip, each C x T x H x W.
func (b *program) run(t *testing.T, in input) map[string][][]float32 {
	t.Helper()
	b.job(t, in)
	cmd := exec.Command("./program", "job")
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "results"))
	if err != nil {
		t.Fatal(err)
	}
	results := map[string][][]float32{}
	for _, o := range b.plan.Outputs {
		m := times(cuda.Map(b.plan, o.Buffer), in.clips)
		results[o.Name], data = b.maps(data[:m.Len], o.Buffer), data[m.Len:]
	}
	return results
}

// maps returns the maps of a buffer, clip by clip, each C x T x H x W.
func (b *program) maps(data []byte, id ir.BufferID) (maps [][]float32) {
	buf := &b.plan.Buffers[id]
	for clip := range slices.Chunk(b.decode(data, buf.Wide), buf.Shape.Pixels()*buf.Pixel) {
		maps = append(maps, channelsFirst(clip, buf))
	}
	return maps
}

// job writes what the program is to do with some clips: see emulator/driver.h.
func (b *program) job(t *testing.T, in input) {
	t.Helper()
	var job strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&job, format+"\n", args...) }
	b.write(t, "weights", b.weights)
	if in.frames != nil {
		b.write(t, "clips", in.frames)
	} else {
		b.write(t, "clips", floatBytes(in.floats))
	}
	line("clips %d", in.clips)
	line("arena %d", in.clips*cuda.ArenaBytes(b.plan))
	line("weights weights")
	line("input clips")
	line("results results")
	for i, l := range b.launches(in) {
		memory := "arena"
		if i == 0 {
			memory = "input"
		}
		line("launch %s %d %d %d %s %d %d %d %d %d %d %d %d %d %d", l.Kernel, l.Blocks(in.clips), l.Threads, l.Shared, memory,
			l.In.Offset, l.In.Len, l.Second.Offset, l.Second.Len, l.Out.Offset, l.Out.Len,
			l.Weights.Offset, l.Weights.Len, l.Bias.Offset, l.Bias.Len)
	}
	for _, o := range b.plan.Outputs {
		m := times(cuda.Map(b.plan, o.Buffer), in.clips)
		line("result %d %d", m.Offset, m.Len)
	}
	b.write(t, "job", []byte(job.String()))
}

// launches lists what a run launches, with the maps of all clips. The first launch's
// input is the clips themselves.
func (b *program) launches(in input) []cuda.Launch {
	list := cuda.Launches(b.plan)
	for i := range list {
		l := &list[i]
		for _, m := range []*cuda.Span{&l.In, &l.Second, &l.Out} {
			*m = times(*m, in.clips)
		}
	}
	if in.frames != nil {
		list[0].Kernel, list[0].In.Len = cuda.FramesKernel(b.plan), len(in.frames)
	}
	return list
}

// times returns where the maps of so many clips lie.
func times(m cuda.Span, clips int) cuda.Span {
	return cuda.Span{Offset: m.Offset * clips, Len: m.Len * clips}
}

// channelsFirst returns a clip's map in C, T, H, W order, without padding.
func channelsFirst(values []float32, b *ir.Buffer) []float32 {
	var out []float32
	for c := range b.Shape.C {
		for p := range b.Shape.Pixels() {
			out = append(out, values[p*b.Pixel+c])
		}
	}
	return out
}

func (b *program) decode(data []byte, wide bool) []float32 {
	size := b.precision.Bytes()
	if wide {
		size = 4
	}
	values := make([]float32, len(data)/size)
	for i := range values {
		switch word := data[i*size:]; {
		case size == 4:
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(word))
		case b.precision == cuda.BF16:
			values[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(word)) << 16)
		default:
			values[i] = fromHalf(binary.LittleEndian.Uint16(word))
		}
	}
	return values
}

func floatBytes(values []float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
