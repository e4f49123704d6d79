package cuda

import (
	"errors"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/backends/cuda"
)

// ptxMutants break the primitives, which the emulator has others of: where the source
// says old, it says new. What is wrong then is a fault with the text, or the results.
var ptxMutants = []struct {
	name      string
	precision cuda.Precision
	old, new  string
	want      string
}{
	{"columns' halves swapped", cuda.BF16, `"r"(b0), "r"(b1)`, `"r"(b1), "r"(b0)`, ""},
	{"rows' quarters swapped", cuda.FP16, `{%4, %5, %6, %7}`, `{%4, %6, %5, %7}`, ""},
	{"sums swapped", cuda.TF32, `{%0, %1, %2, %3}, {%4`, `{%0, %2, %1, %3}, {%4`, ""},
	{"sums start elsewhere", cuda.BF16, `{%8, %9}, {%0, %1, %2, %3};`, `{%8, %9}, {%2, %3, %0, %1};`, ""},
	{"matrices swapped", cuda.BF16, `"=r"(m[1]), "=r"(m[2])`, `"=r"(m[2]), "=r"(m[1])`, ""},
	{"no wait", cuda.BF16, `asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");`, ``, "has not been waited for"},
	{"waits for one group less", cuda.BF16, `::"n"(LEFT) : "memory"`, `::"n"(LEFT + 1) : "memory"`, "has not been waited for"},
	{"no commit", cuda.BF16, `asm volatile("cp.async.commit_group;" ::: "memory");`, ``, "has not been waited for"},
	{"no barrier", cuda.BF16, `__syncthreads();`, ``, "without a barrier"},
	{"no zeros", cuda.BF16, `there ? ACCESS : 0`, `ACCESS`, "reads 16 bytes at byte -"},
	{"half of the zeros", cuda.BF16, `there ? ACCESS : 0`, `there ? ACCESS : ACCESS / 2`, "reads 8 bytes at byte -"},
	{"narrow copies", cuda.BF16, `cp.async.cg.shared.global [%0], [%1], 16`, `cp.async.ca.shared.global [%0], [%1], 8`, "copies 16 bytes of 8"},
	{"address not converted", cuda.BF16, `cvta.to.shared.u64 wide, %1;`, `mov.u64 wide, %1;`, "of shared memory"},
	{"pairs the wrong way round, bf16", cuda.BF16, `"cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low)`, `"cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(low), "f"(high)`, ""},
	{"pairs the wrong way round, f16", cuda.FP16, `"cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low)`, `"cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(low), "f"(high)`, ""},
	{"not rounded to tf32", cuda.FP32, `cvt.rna.tf32.f32 %0, %1;`, `mov.b32 %0, %1;`, ""},
	{"half of the lanes shuffled", cuda.BF16, `%2, 0x1f, 0xffffffff`, `%2, 0x0f, 0xffffffff`, ""},
	{"no power", cuda.TF32, `ex2.approx.ftz.f32`, `mov.f32`, ""},
}

// TestPTXMutants checks that the interpreter of PTX or the comparison would have seen
// each mutant.
func TestPTXMutants(t *testing.T) {
	library := nvrtc(t)
	t.Parallel()
	g := lower(t, `network mutant {
    input rgb 3x2x5x7
    conv 12 kernel 1x3x3
    conv 16 kernel 3x1x1
    pool average
    linear 5
    softmax
}`)
	c := newComparison(t, g, 1)
	in := input{clips: 1, floats: c.floats}
	for _, m := range ptxMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			b := prepare(t, plan(t, g, m.precision), m.precision, c.weights)
			c.check(t, b, b.runPTX(t, in))
			source := strings.ReplaceAll(b.source, m.old, m.new)
			if source == b.source {
				t.Fatalf("the device code has no %q", m.old)
			}
			module, err := translate(library, source, "sm_80")
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.interpret(module, in, nil)
			if err == nil {
				err = errors.Join(c.errors(b, got)...)
			}
			if err == nil || !strings.Contains(err.Error(), m.want) || m.want == "" && !strings.Contains(err.Error(), "is off by") {
				t.Errorf("got %v, want %s", err, m.want)
			}
		})
	}
}
