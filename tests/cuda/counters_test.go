package cuda

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/tests/cuda/ptx"
	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	countersClips     = flag.Int("clips", 0, "how many clips TestCounters counts for; 0 is a small network alone")
	countersPrecision = flag.String("precision", "bf16", "in which precision it does")
)

// TestBanks checks that matrices come and go without bank conflicts, as the order of the
// parts of a row and the distance of pixels promise. Only where a fused block loads
// matrices whose rows are of several rows of a tile there are some, and where it stores
// pieces of two pixels at once, which cannot be an odd number of accesses apart and four.
func TestBanks(t *testing.T) {
	nvrtc(t)
	t.Parallel()
	g := lower(t, fmt.Sprintf("network %s {\n    %s\n}", networks[0].name, networks[0].source))
	b := prepare(t, networks[0].plan(t, g, cuda.BF16), cuda.BF16, newComparison(t, g, 1).weights)
	for _, k := range b.counters(t, b.translated(t), 1) {
		for _, class := range []ptx.Class{ptx.LoadMatrix, ptx.CopyAsync, ptx.StoreShared} {
			c := &k.Shared[class]
			most := c.Parts
			if class != ptx.CopyAsync && !strings.Contains(k.name, "_conv") {
				most *= 2
			}
			if c.Cycles > most {
				t.Errorf("%s: %v takes %d cycles, want at most %d", k.name, class, c.Cycles, most)
			}
		}
	}
}

// TestCounters counts what warps do in the kernels of P3D-63, in some blocks of each:
//
//	go test ./tests/cuda -run Counters -v -args -clips 1
func TestCounters(t *testing.T) {
	if *countersClips == 0 {
		t.Skip("counts for some seconds, with -args -clips 1")
	}
	library := nvrtc(t)
	p, err := cuda.ParsePrecision(*countersPrecision)
	if err != nil {
		t.Fatal(err)
	}
	g := preset(t)
	g.Taps = nil
	plans, err := cuda.Plans(suite.Fuse(t, g), p)
	if err != nil {
		t.Fatal(err)
	}
	plan := planFor(plans, *countersClips)
	source := cuda.Source(p, codegen.Options{Source: "p3d63.p3d", Version: "test"}, plan)
	m, err := translate(library, string(source), "sm_80")
	if err != nil {
		t.Fatal(err)
	}
	b := &program{plan: plan, precision: p, weights: make([]byte, plan.PackedLen*p.Bytes())}
	list := b.counters(t, m, *countersClips)
	t.Logf("P3D-63, %v, %d clips\n%s%s", p, *countersClips, instructionTable(list), memoryTable(list))
}

// counted is what the launches of a kernel do.
type counted struct {
	name             string
	launches, blocks int // in a run
	ptx.Counters         // of the blocks that were looked at
}

// counters runs a few blocks of each kernel. What they compute from does not matter.
func (b *program) counters(t *testing.T, m *ptx.Module, clips int) (list []*counted) {
	t.Helper()
	arena := make([]byte, clips*cuda.ArenaBytes(b.plan))
	frames := make([]byte, clips*b.plan.Graph.Input.Shape.Elems())
	for i, l := range b.launches(input{clips: clips, frames: frames}) {
		at := slices.IndexFunc(list, func(c *counted) bool { return c.name == l.Kernel })
		if at < 0 {
			at = len(list)
			list = append(list, &counted{name: l.Kernel})
		}
		c := list[at]
		from := arena
		if i == 0 {
			from = frames
		}
		launch := b.ptxLaunch(&l, from, arena, clips)
		c.launches++
		c.blocks += launch.Blocks
		launch.Only = slices.Compact([]int{0, launch.Blocks / 3, launch.Blocks / 2, launch.Blocks - 1})
		launch.Counters = &c.Counters
		k, err := m.Kernel(l.Kernel)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(launch); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// instructionTable writes how many instructions a block's warps execute, by class, and
// those of a whole run.
func instructionTable(list []*counted) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "\nkernel\tlaunches\tblocks\twarps\t")
	for class := range ptx.Classes {
		fmt.Fprintf(w, "%v\t", class)
	}
	fmt.Fprintln(w, "all/mma\t")
	line := func(name string, launches, blocks, warps int, counts []int64) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t", name, launches, blocks, warps)
		all := int64(0)
		for _, n := range counts {
			fmt.Fprintf(w, "%d\t", n)
			all += n
		}
		if counts[ptx.MMA] == 0 {
			fmt.Fprintln(w, "-\t")
		} else {
			fmt.Fprintf(w, "%.0f\t\n", float64(all)/float64(counts[ptx.MMA]))
		}
	}
	var run [ptx.Classes]int64
	launches, blocks := 0, 0
	for _, c := range list {
		var block [ptx.Classes]int64
		for class, n := range c.Instructions {
			block[class] = n / int64(c.Blocks)
			run[class] += n * int64(c.blocks) / int64(c.Blocks)
		}
		line(c.name, c.launches, c.blocks, c.Warps/c.Blocks, block[:])
		launches, blocks = launches+c.launches, blocks+c.blocks
	}
	line("a run", launches, blocks, 0, run[:])
	w.Flush()
	return text.String()
}

// memoryTable writes the cycles that bank conflicts add to those of shared memory without
// any; the sectors that a request of global memory touches, and which part of them it asks for.
func memoryTable(list []*counted) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	shared := []ptx.Class{ptx.LoadMatrix, ptx.CopyAsync, ptx.LoadShared, ptx.StoreShared}
	global := []ptx.Class{ptx.CopyAsync, ptx.LoadGlobal, ptx.StoreGlobal}
	fmt.Fprint(w, "\nconflicts, sectors\t")
	for _, class := range shared {
		fmt.Fprintf(w, "%v\t", class)
	}
	for _, class := range global {
		fmt.Fprintf(w, "%v\tused\t", class)
	}
	fmt.Fprintln(w)
	for _, c := range list {
		fmt.Fprintf(w, "%s\t", c.name)
		for _, class := range shared {
			if b := &c.Shared[class]; b.Parts == 0 {
				fmt.Fprint(w, "-\t")
			} else {
				fmt.Fprintf(w, "+%.0f%%\t", 100*float64(b.Conflicts())/float64(b.Parts))
			}
		}
		for _, class := range global {
			if s := &c.Global[class]; s.Requests == 0 {
				fmt.Fprint(w, "-\t-\t")
			} else {
				fmt.Fprintf(w, "%.1f\t%.0f%%\t", float64(s.Sectors)/float64(s.Requests), 100*s.Efficiency())
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return text.String()
}
