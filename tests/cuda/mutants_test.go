package cuda

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
	"github.com/p3dc/p3dc/ir"
)

// mutants break the device code, each in one place: where it says old within a
// text that it has once, it says new. Blocks run at once, and which one is the first
// to see the fault differs: want is what all of them say, or else results differ.
var mutants = []struct{ name, within, old, new, want string }{
	{"no barrier", "block_barrier();  // all have copied this step, and", "block_barrier();", ";", "of shared memory"},
	{"waits for too few copies", "copy_wait<L::STAGES - 2>();", "", "copy_wait<L::STAGES - 1>();", "has not been waited for"},
	{"a stage too early", "step < L::STAGES - 1; step++) start();", "L::STAGES - 1", "L::STAGES", "has not been waited for"},
	{"copies from padding", "(unsigned)(s.h[i] + k.h) < E::H", "", "true", "reads 16 bytes at byte"},
	{"stores beyond the last position", "if (has(row + half * 8)) Together", "has(row + half * 8)", "true", "writes"},
	{"stores half of the channels", "if (c >= L::Out::PIXEL) continue", "c >= L::Out::PIXEL", "c >= L::Out::PIXEL / 2", "is never written"},
	{"columns in another order", "column % 8 / 2 * CHANNELS", "", "(column % 8 / 2 ^ (column % 8 > 1)) * CHANNELS", ""},
	{"block: no barrier", "block_barrier();  // all have copied this step, are", "block_barrier();", ";", "of shared memory"},
	{"block: waits for too few copies", "copy_wait<B::STAGES - 2>();", "", "copy_wait<B::STAGES - 1>();", "has not been waited for"},
	{"block: a stage too early", "step < B::STAGES - 1; step++) start();", "B::STAGES - 1", "B::STAGES", "has not been waited for"},
	{"block: loads rows of padding", "(unsigned)h < B::In::H", "", "true", " reads "},
	{"block: no zeros", "copy_async(B::ZEROS_AT, in, false);", "", ";", "of shared memory, which nobody wrote"},
	{"block: frames before the first", "(unsigned)(frame[i] + tap.t) < F::T", "", "true", "of shared memory"},
	{"block: stores beyond the map", "h < B::Out::H && w < B::Out::W));", "h < B::Out::H && w < B::Out::W", "true", "writes"},
	{"block: stores idle rows", "t < L::To::T &&", "t < L::To::T", "true", "of shared memory"},
	{"pairs: the other frame is ignored", "larger(first[i], second[i])", "", "second[i]", ""},
	{"pairs: neighbours as frames", "return row / 16 * 8 + row % 8;", "row / 16 * 8 + row % 8", "row / 2", "written before"},
	{"pool: no barrier", "block_barrier();  // the map is complete", "block_barrier();", ";", "of shared memory"},
	{"pool: stores beyond the map", "h >= Out::H || w >= Out::W) continue;", "h >= Out::H || w >= Out::W", "false", "writes"},
}

// TestMutants checks that the emulator or the comparison would have seen each
// mutant. One program has them all and is told which one to be.
func TestMutants(t *testing.T) {
	t.Parallel()
	g := lower(t, `network mutant {
    input rgb 3x2x5x23
    block bottleneck expansion 2 mix A
    conv 40 kernel 1x7x7
    pool max 1x3x3 stride 1x1x1 pad 0x1x1
    conv 40 kernel 1x3x3
    stage res2 width 24 blocks 1 then pool max 2x1x1
    pool average
}`)
	g.Taps = nil
	c := newComparison(t, g, 1)
	always, err := ir.ScheduleBlocks(g, cuda.BF16.Machine(), ir.FuseAlways)
	if err != nil {
		t.Fatal(err)
	}
	b := prepare(t, always, cuda.BF16, c.weights)
	source := b.source
	for i, m := range mutants {
		if m.old == "" {
			m.old = m.within
		}
		if strings.Count(source, m.within) != 1 || strings.Count(m.within, m.old) != 1 {
			t.Fatalf("the device code has not one %q", m.within)
		}
		form := "(mutant == %d ? %s : %s)"
		if strings.HasSuffix(m.old, ";") {
			form = "{ if (mutant == %d) { %s } else { %s } }"
		}
		source = strings.Replace(source, m.within, strings.Replace(m.within, m.old, fmt.Sprintf(form, i, m.new, m.old), 1), 1)
	}
	b.write(t, "network.cu", []byte(source))
	b.write(t, "main.cpp", append([]byte("#include <cstdlib>\nstatic const int mutant = atoi(getenv(\"MUTANT\"));\n"), b.main...))
	compile(t, b.dir, "main.cpp", "program")
	b.job(t, input{clips: 1, floats: c.floats})
	run := func(i int) (results []byte, out string, err error) {
		cmd := exec.Command("./program", "job")
		cmd.Dir, cmd.Env = b.dir, append(os.Environ(), fmt.Sprint("MUTANT=", i))
		text, err := cmd.CombinedOutput()
		if err == nil {
			results, err = os.ReadFile(filepath.Join(b.dir, "results"))
		}
		return results, string(text), err
	}
	right, out, err := run(-1)
	if err != nil {
		t.Fatalf("without a mutant: %v: %s", err, out)
	}
	for i, m := range mutants {
		results, out, err := run(i)
		if m.want == "" && (err != nil || bytes.Equal(results, right)) {
			t.Errorf("%s: got %v: %s, want other results", m.name, err, out)
		} else if m.want != "" && (err == nil || !strings.Contains(out, m.want)) {
			t.Errorf("%s: got %v: %s\nwant %s", m.name, err, out, m.want)
		}
	}
}
