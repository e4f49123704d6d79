package kernels

import (
	"testing"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/ir"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

// TestTransformInParts runs a layer by transforms whose tasks are some of its
// channels, and more rows than there are points of at once: no task finds the
// points that it needs where the one before left its own. The cost model avoids
// such tasks; a tuning may ask for them.
func TestTransformInParts(t *testing.T) { checkClose(t, transformInParts(t)) }

func transformInParts(t *testing.T) []*suite.Net {
	t.Helper()
	g := lower(t, `network net {
    input rgb 3x1x12x60
    conv 16 kernel 1x1x1
    conv 384 kernel 1x3x3
    pool average
    linear 7
}
`)
	g.Taps = nil
	n := winogradNet("parts", g, ir.WinogradF4)
	n.Threads = []int{1} // which has all tasks, one after another
	plans, err := avx.Plans(g, n.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	n.Schedule.Tuning = ir.Tuning{}
	for _, p := range plans {
		choices := inParts(g, p)
		if choices == nil {
			t.Fatalf("no such task on %s", p.Machine.Name)
		}
		n.Schedule.Tuning[p.Machine.Name] = choices
	}
	return []*suite.Net{n}
}

// inParts returns the choices of a plan but that a layer by transforms has tasks of
// all pixels and some channels, in several parts; nil if there are no such tasks.
func inParts(g *ir.Graph, p *ir.Plan) []ir.Choice {
	for i := range p.Regions[1:] {
		r := &p.Regions[i+1]
		if len(r.Steps) > 1 || r.Steps[0].Winograd == nil {
			continue
		}
		for c := p.Machine.Lanes; c < r.Space.C; c += p.Machine.Lanes {
			choices := p.Choices()
			choices[i].Tile = ir.Shape{T: 1, H: r.Space.H, W: r.Space.W, C: c}
			tuned, err := ir.Schedule(g, p.Machine, ir.ScheduleOptions{Tuning: ir.Tuning{p.Machine.Name: choices}})
			if err != nil {
				continue
			}
			st := &tuned.Regions[i+1].Steps[0]
			if f := tuned.Packs[st.Pack].Transform; st.Winograd.Rows*f.H.Size() < r.Space.H {
				return choices
			}
		}
	}
	return nil
}
