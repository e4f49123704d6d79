package cuda

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
)

// TestMutants breaks the device code in one place after another, and checks
// that the emulator or the comparison would have seen it.
func TestMutants(t *testing.T) {
	g := lower(t, `network mutant {
    input rgb 3x2x9x7
    block bottleneck expansion 2 mix A
    conv 40 kernel 1x3x3
    stage res2 width 24 blocks 1
    pool average
}`)
	c := newComparison(t, g, 1)
	source := prepare(t, g, cuda.BF16, c.weights)
	for _, m := range []struct{ name, old, new, want string }{
		{"no barrier", "block_barrier();  // all", "// all", "race on byte"},
		{"waits for too few copies", "copy_wait<L::STAGES - 2>()", "copy_wait<L::STAGES - 1>()", "has not been waited for"},
		{"a stage too early", "start(step + L::STAGES - 1);", "start(step + L::STAGES);", "has not been waited for"},
		{"copies from padding", " && (unsigned)(s.h[i] + kh) < E::H", "", "reads 8 bytes at byte -"},
		{"stores beyond the last position", "if (p < count && c", "if (c", "of the result"},
		{"stores half of the channels", "c < L::Out::PIXEL) finish", "c < L::Out::PIXEL / 2) finish", "is never written"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			b := source.copy(t)
			if strings.Count(source.source, m.old) != 1 {
				t.Fatalf("the device code has not one %q", m.old)
			}
			b.write(t, "network.cu", []byte(strings.Replace(source.source, m.old, m.new, 1)))
			compile(t, b.dir, "main.cpp", "program", "-O0")
			b.job(t, input{clips: 1, floats: c.floats})
			cmd := exec.Command("./program", "job")
			cmd.Dir = b.dir
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), m.want) {
				t.Errorf("got %v: %s\nwant %s", err, out, m.want)
			}
		})
	}
}
