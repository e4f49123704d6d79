package cuda

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen/support"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/cuda/ptx"
)

// nvrtc returns NVRTC's library, or skips the test.
func nvrtc(t *testing.T) string {
	t.Helper()
	library := os.Getenv(nvrtcVariable)
	if _, err := support.CompileCUDA(library, "empty.cu", nil, devices[0].arch); err != nil {
		t.Skipf("needs NVRTC, in %s or where the system finds it: %v", nvrtcVariable, err)
	}
	return library
}

// translated is a program's source as NVRTC has translated it.
func (b *program) translated(t *testing.T, library, arch string) *ptx.Module {
	t.Helper()
	code, err := support.CompileCUDA(library, b.plan.Graph.Name+".cu", []byte(b.source), arch)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ptx.Parse(code.PTX)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// interpret is program.run by the interpreter of PTX. Each kernel is changed first,
// where there is something to change.
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

// TestPTX compares every value of every network, in all precisions, with the
// interpreter of graphs, as what NVRTC makes of the source computes it.
func TestPTX(t *testing.T) {
	library := nvrtc(t)
	for _, n := range networks {
		g := lower(t, fmt.Sprintf("network %s {\n    %s\n}", n.name, n.source))
		c := newComparison(t, g, 3)
		for _, p := range cuda.Precisions() {
			t.Run(fmt.Sprintf("%s/%v", n.name, p), func(t *testing.T) {
				t.Parallel()
				fusion := ir.FuseAuto
				if n.apart {
					fusion = ir.FuseNever
				}
				plan, err := ir.ScheduleBlocks(g, p.Machine(), fusion)
				if err != nil {
					t.Fatal(err)
				}
				b := prepare(t, plan, p, c.weights)
				m := b.translated(t, library, "sm_80")
				for _, in := range []input{
					{clips: 1, floats: c.floats[:g.Input.Shape.Elems()]},
					{clips: 3, floats: c.floats},
					{clips: 3, frames: c.frames},
				} {
					got, err := b.interpret(m, in, nil)
					if err != nil {
						t.Fatal(err)
					}
					c.check(t, b, got)
				}
			})
		}
	}
}
