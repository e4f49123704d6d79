package cuda

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen/support"
	"github.com/p3dc/p3dc/tests/cuda/ptx"
)

// foundNVRTC says why NVRTC cannot be used, if so.
var foundNVRTC = sync.OnceValue(func() error {
	_, err := support.CompileCUDA(os.Getenv(nvrtcVariable), "empty.cu", nil, devices[0].arch)
	return err
})

// nvrtc returns NVRTC's library, or skips the test.
func nvrtc(t *testing.T) string {
	t.Helper()
	if err := foundNVRTC(); err != nil {
		t.Skipf("needs NVRTC, in %s or where the system finds it: %v", nvrtcVariable, err)
	}
	return os.Getenv(nvrtcVariable)
}

// translations are what NVRTC has made of sources: several tests run the same.
var translations sync.Map

// translated is a program's source as NVRTC translates it, for one of two GPUs.
func (b *program) translated(t *testing.T) *ptx.Module {
	t.Helper()
	library, arch := nvrtc(t), []string{"sm_80", "sm_90a"}[b.precision%2]
	once, _ := translations.LoadOrStore(b.source, sync.OnceValues(func() (*ptx.Module, error) {
		return translate(library, b.source, arch)
	}))
	m, err := once.(func() (*ptx.Module, error))()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// translate returns what NVRTC makes of a source. Machine code, which is not looked at, is
// made in a hurry.
func translate(library, source, arch string) (*ptx.Module, error) {
	code, err := support.CompileCUDA(library, "network.cu", []byte(source), arch, "--ptxas-options=-O0")
	if err != nil {
		return nil, err
	}
	return ptx.Parse(code.PTX)
}

// runPTX is program.run by what NVRTC makes of the source.
func (b *program) runPTX(t *testing.T, in input) map[string][][]float32 {
	t.Helper()
	results, err := b.interpret(b.translated(t), in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// interpret is program.run by a module, whose kernels are changed first where there
// is something to change.
func (b *program) interpret(m *ptx.Module, in input, change func(*ptx.Kernel) *ptx.Kernel) (map[string][][]float32, error) {
	clips := in.frames
	if clips == nil {
		clips = floatBytes(in.floats)
	}
	// Nobody has written the arena yet: it is full of NaNs.
	arena := bytes.Repeat([]byte{0xff}, in.clips*cuda.ArenaBytes(b.plan))
	for i, l := range b.launches(in) {
		k, err := m.Kernel(l.Kernel)
		if err != nil {
			return nil, err
		}
		if change != nil {
			k = change(k)
		}
		from := arena
		if i == 0 {
			from = clips
		}
		if err := k.Run(b.ptxLaunch(&l, from, arena, in.clips)); err != nil {
			return nil, err
		}
	}
	results := map[string][][]float32{}
	for _, o := range b.plan.Outputs {
		m := times(cuda.Map(b.plan, o.Buffer), in.clips)
		results[o.Name] = b.maps(arena[m.Offset:m.Offset+m.Len], o.Buffer)
	}
	return results, nil
}

// ptxLaunch is a launch with its operands, each far from the others, but aligned as
// in its memory.
func (b *program) ptxLaunch(l *cuda.Launch, input, arena []byte, clips int) ptx.Launch {
	launch := ptx.Launch{Blocks: l.Blocks(clips), Threads: l.Threads, Shared: l.Shared}
	for i, o := range []struct {
		name   string
		memory []byte
		cuda.Span
	}{
		{"the input", input, l.In}, {"the second input", arena, l.Second}, {"the result", arena, l.Out},
		{"the weights", b.weights, l.Weights}, {"the biases", b.weights, l.Bias},
	} {
		r := ptx.Range{Name: o.name, Data: o.memory[o.Offset : o.Offset+o.Len], Writes: i == 2}
		if o.Len > 0 {
			r.Address = uint64(i+1)<<40 + uint64(o.Offset)
		}
		launch.Memory, launch.Args = append(launch.Memory, r), append(launch.Args, r.Address)
	}
	launch.Args = append(launch.Args, uint64(clips))
	return launch
}

// ptxInputs are those of comparison.inputs that run from PTX: one clip of floats, and
// several of bytes.
var ptxInputs = []int{0, 2}

var everyPrecision = flag.Bool("all", false, "run every network from PTX in all precisions")

// TestPTX compares every value of every network with the interpreter of graphs, as what
// NVRTC makes of the source computes it; also where tensor cores cut off as those of several
// generations do. For all networks in all precisions, some of which take it long to compile:
//
//	go test ./tests/cuda -run PTX -args -all
func TestPTX(t *testing.T) {
	nvrtc(t)
	for _, n := range networks {
		g := lower(t, fmt.Sprintf("network %s {\n    %s\n}", n.name, n.source))
		c := newComparison(t, g, 3)
		precisions := n.precisions
		if *everyPrecision {
			precisions = cuda.Precisions()
		}
		for _, p := range precisions {
			t.Run(fmt.Sprintf("%s/%v", n.name, p), func(t *testing.T) {
				t.Parallel()
				b := prepare(t, n.plan(t, g, p), p, c.weights)
				all := c.inputs(g)
				for _, i := range ptxInputs {
					c.check(t, b, b.runPTX(t, all[i]))
				}
				for _, more := range []int{0, 3} {
					got, err := b.interpret(b.translated(t), all[0], func(k *ptx.Kernel) *ptx.Kernel { return k.Truncating(more) })
					if err != nil {
						t.Fatal(err)
					}
					c.check(t, b, got)
				}
			})
		}
	}
}

// TestPTXPreset is TestPTX of P3D-63, on smaller frames than usual, with -all.
func TestPTXPreset(t *testing.T) {
	nvrtc(t)
	if !*everyPrecision {
		t.Skip("compiles and runs for some minutes, with -args -all")
	}
	g := preset(t, "input", "3x16x48x48")
	c := newComparison(t, g, 1)
	for _, p := range cuda.Precisions() {
		b := prepare(t, plan(t, g, p), p, c.weights)
		in := input{clips: 1, frames: c.frames}
		c.check(t, b, b.runPTX(t, in))
		got, err := b.interpret(b.translated(t), in, func(k *ptx.Kernel) *ptx.Kernel { return k.Truncating(3) })
		if err != nil {
			t.Fatal(err)
		}
		c.check(t, b, got)
	}
}

// sameAsPTX compares what the emulator computes with what PTX does where it rounds
// products before they are added, as C++ does: to the bit.
func (b *program) sameAsPTX(t *testing.T, in input, want map[string][][]float32) {
	t.Helper()
	got, err := b.interpret(b.translated(t), in, (*ptx.Kernel).Uncontracted)
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		for clip := range want[name] {
			for i, x := range want[name][clip] {
				if y := got[name][clip][i]; math.Float32bits(x) != math.Float32bits(y) && (x == x || y == y) {
					t.Errorf("element %d of %s of clip %d is %v by PTX, %v by the emulator", i, name, clip, y, x)
					break
				}
			}
		}
	}
}
