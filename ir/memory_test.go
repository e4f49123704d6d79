package ir

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestPlanMemory plans the memory of random plans, of which only the operands
// of the steps matter, and follows every value through the regions: nobody may
// write where a value that is still to be read lies.
func TestPlanMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawMemoryPlan(t)
		values := p.values()
		planMemory(p)
		if err := p.Verify(); err != nil {
			t.Fatalf("%v\n%v", err, p)
		}
		checkSharing(t, p)
		checkValues(t, p, values)
	})
}

// memoryShapes are few, so that layouts meet again.
var memoryShapes = []Shape{{1, 4, 4, 16}, {2, 4, 4, 16}, {2, 3, 5, 32}}

// drawMemoryPlan draws a plan whose steps each write a value of their own and
// read some written before; ingest kernels have no rules of their own.
func drawMemoryPlan(t *rapid.T) *Plan {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	p := &Plan{Graph: &Graph{Name: "random"}, Machine: wideMachine, Kernels: []Kernel{{Name: "none", Kind: KernelIngest}}}
	add := func() BufferID {
		border := n("border", 0, 2)
		s := memoryShapes[n("shape", 0, len(memoryShapes)-1)]
		p.Buffers = append(p.Buffers, newBuffer(fmt.Sprintf("v%d", len(p.Buffers)), s, Border{border / 2, border, border / 2, border}, s.C))
		return BufferID(len(p.Buffers) - 1)
	}
	first := add()
	p.Regions = []Region{{Name: "input", Steps: []Step{{Op: "input", In: first, Out: first, Res: NoBuffer, MaxTiles: 1}}}}
	for range n("regions", 1, 8) {
		r := Region{Name: fmt.Sprintf("r%d", len(p.Regions))}
		for range n("steps", 1, 3) {
			st := Step{Op: fmt.Sprintf("s%d", len(p.Buffers)), Res: NoBuffer, MaxTiles: 1}
			st.In = BufferID(n("in", 0, len(p.Buffers)-1))
			res := BufferID(n("res", -1, len(p.Buffers)-1))
			st.Out = add()
			if res >= 0 { // what is added has the result's shape, if not its border
				st.Res = res
				out := &p.Buffers[st.Out]
				*out = newBuffer(out.Name, p.Buffers[res].Shape, out.Border, p.Buffers[res].Pixel)
			}
			r.Steps = append(r.Steps, st)
		}
		drawScratch(t, p, &r)
		p.Regions = append(p.Regions, r)
	}
	for range n("outputs", 0, 2) {
		id := BufferID(n("output", 0, len(p.Buffers)-1))
		if p.Buffers[id].Space == Arena {
			p.Outputs = append(p.Outputs, PlanOutput{Name: p.Buffers[id].Name, Buffer: id})
		}
	}
	return p
}

// drawScratch puts the result of a region's first step into scratch memory at
// times. Later regions then find it gone, so none of them may be drawn to read
// it: the step reads the input instead.
func drawScratch(t *rapid.T, p *Plan, r *Region) {
	for s := range r.Steps {
		st := &r.Steps[s]
		for _, id := range []*BufferID{&st.In, &st.Res} {
			if *id != NoBuffer && p.Buffers[*id].Space == Scratch && !r.writes(*id) {
				*id = 0
				if id == &st.Res {
					*id = NoBuffer
				}
			}
		}
		if s+1 < len(r.Steps) && rapid.Bool().Draw(t, "scratch") {
			b := &p.Buffers[st.Out]
			*b = newBuffer(b.Name, b.Shape, Border{}, b.Pixel)
			b.Space = Scratch
		}
	}
}

func (r *Region) writes(id BufferID) bool {
	for _, st := range r.Steps {
		if st.Out == id {
			return true
		}
	}
	return false
}

// values notes every step's operands, as values, before any share memory.
func (p *Plan) values() [][][3]BufferID {
	var all [][][3]BufferID
	for _, r := range p.Regions {
		var steps [][3]BufferID
		for _, st := range r.Steps {
			steps = append(steps, [3]BufferID{st.In, st.Res, st.Out})
		}
		all = append(all, steps)
	}
	return all
}

// checkValues follows which value each buffer holds. Tiles of a region run in
// any order, so what a region reads must be whole in all of it, unless a step
// writes over what it alone adds, pixel by pixel.
func checkValues(t *rapid.T, p *Plan, values [][][3]BufferID) {
	holds := map[BufferID]BufferID{} // by buffer: the value
	for r, steps := range values {
		st := p.Regions[r].Steps
		before := map[BufferID]BufferID{}
		for b, v := range holds {
			before[b] = v
		}
		for s, v := range steps {
			for i, b := range []BufferID{st[s].In, st[s].Res} {
				if v[i] != NoBuffer && holds[b] != v[i] && !(r == 0) {
					t.Fatalf("region %d, %s reads %s from b%d, which holds %s\n%v", r, st[s].Op, p.Buffers[v[i]].Name, b, p.Buffers[holds[b]].Name, p)
				}
			}
			holds[st[s].Out] = v[2]
		}
		for s, v := range steps {
			if st[s].Out != v[2] { // shares memory
				for o, w := range steps {
					if before[st[s].Out] == w[0] && st[o].In == st[s].Out || o != s && w[1] == v[1] {
						t.Fatalf("region %d, %s writes over %s, which %s reads in tiles of its own\n%v", r, st[s].Op, p.Buffers[v[1]].Name, st[o].Op, p)
					}
				}
				if p.Buffers[st[s].Out].Space != Arena {
					t.Fatalf("%s shares scratch memory\n%v", st[s].Op, p)
				}
			}
		}
	}
	for _, o := range p.Outputs {
		if name := p.Buffers[holds[o.Buffer]].Name; name != o.Name {
			t.Fatalf("output %s reads b%d, which holds %s at the end\n%v", o.Name, o.Buffer, name, p)
		}
	}
}

// checkSharing checks that what overlaps in memory is never alive together.
func checkSharing(t *rapid.T, p *Plan) {
	for i := range p.Buffers {
		a := &p.Buffers[i]
		for j := range i {
			b := &p.Buffers[j]
			if a.Last < a.First || b.Last < b.First || a.Space != b.Space || a.Base >= b.Base+b.Len || b.Base >= a.Base+a.Len {
				continue
			}
			if a.First <= b.Last && b.First <= a.Last {
				t.Fatalf("%s and %s overlap in time and memory\n%v", a.Name, b.Name, p)
			}
		}
	}
}

// TestSharesInPlace checks when a result goes over what is added: where that
// dies there, in the same layout, and no other step of the region reads it.
func TestSharesInPlace(t *testing.T) {
	const head = "graph t: input 1x4x4x16 rgb\n%1 x 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=x.weight %0\n%2 m 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=m.weight %1\n"
	for _, tc := range []struct {
		name, ops string
		fusion    Fusion
		want      bool
	}{
		{"dies there", "%3 y 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=y.weight %2 | add %1\noutput out = %3\n", FuseNever, true},
		{"read later", "%3 y 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=y.weight %2 | add %1\n" +
			"%4 z 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=z.weight %3 | add %1\noutput out = %4\n", FuseNever, false},
		{"an output", "%3 y 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=y.weight %2 | add %1\noutput out = %3\ntap x = %1\n", FuseNever, false},
		{"another border", "%3 y 1x4x4x16 = conv 1x1x1/1x1x1/0x0x0 w=y.weight %2 | add %1\n" +
			"%4 z 1x4x4x16 = conv 1x3x3/1x1x1/0x1x1 w=z.weight %3\noutput out = %4\n", FuseNever, false},
		{"its own input", "%3 y 1x4x4x16 = conv 1x3x3/1x1x1/0x1x1 w=y.weight %1 | add %1\noutput out = %3\n", FuseNever, false},
	} {
		p := schedule(t, parseGraph(t, head+tc.ops), wideMachine, tc.fusion)
		for _, r := range p.Regions {
			for _, st := range r.Steps {
				if st.Op == "y" && (st.Out == st.Res) != tc.want {
					t.Errorf("%s: in place %v, want %v\n%v", tc.name, !tc.want, tc.want, p)
				}
			}
		}
	}
}
