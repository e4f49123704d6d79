package avx

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run the test with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; run the test with -update if that is meant (-want +got):\n%s", path, diff)
	}
}

var isas = []*isa{avx512(), avx2()}

// emit returns what f writes, or the panic it ends with.
func emit(s *isa, f func(*emitter)) (text []byte, panicked any) {
	e := &emitter{Printer: new(codegen.Printer), isa: s}
	defer func() { panicked = recover() }()
	f(e)
	return e.Bytes(), nil
}

// temporalConv is a 3x1x1 convolution with everything an epilogue has: 2
// pixels x 2 vectors, 5 channels in.
func temporalConv() *ir.Kernel {
	return &ir.Kernel{
		Name: "conv", Kind: ir.KernelConv, Rows: 1, Cols: 2, Vectors: 2, K: 5,
		TapsT: 3, TapsH: 1, TapsW: 1, StepT: 1600,
		In: ir.Pitch{Pixel: 16}, Out: ir.Pitch{Pixel: 32}, Res: ir.Pitch{Pixel: 48}, Epi: "bias relu add relu",
	}
}

// spatialConv is a 1x3x3 convolution whose tile is two rows high and one
// vector wide, which lets AVX-512 broadcast in the multiply-add.
func spatialConv() *ir.Kernel {
	return &ir.Kernel{
		Name: "conv", Kind: ir.KernelConv, Rows: 2, Cols: 3, Vectors: 1, K: 48,
		TapsT: 1, TapsH: 3, TapsW: 3, StepH: 640, StepW: 64,
		In: ir.Pitch{Pixel: 64, Row: 640}, Out: ir.Pitch{Pixel: 16, Row: 160}, Epi: "bias",
	}
}

// products is what multiplies points by their weights: nothing but a sum, whose
// first terms need nothing to be added to.
func products() *ir.Kernel {
	return &ir.Kernel{
		Name: "conv", Kind: ir.KernelConv, Rows: 1, Cols: 1, Vectors: 1, K: 48,
		TapsT: 1, TapsH: 1, TapsW: 1, In: ir.Pitch{Pixel: 48}, Out: ir.Pitch{Pixel: 16},
	}
}

// longConv has sums of so many products that it makes them in parts.
func longConv() *ir.Kernel {
	k := temporalConv()
	k.K = longestSum/3 + 1
	return k
}

func maxPool() *ir.Kernel {
	return &ir.Kernel{
		Name: "pool", Kind: ir.KernelPool, Pool: ir.PoolMax, Rows: 1, Cols: 1, Vectors: 2,
		TapsT: 2, TapsH: 3, TapsW: 3, StepT: 4000, StepH: 400, StepW: 32,
		In: ir.Pitch{Pixel: 64}, Out: ir.Pitch{Pixel: 32},
	}
}

func averagePool() *ir.Kernel {
	k := maxPool()
	k.Pool, k.Vectors = ir.PoolAverage, 3
	return k
}

// TestKernelText compares kernels line by line.
func TestKernelText(t *testing.T) {
	for _, k := range []struct {
		name   string
		kernel *ir.Kernel
	}{{"temporal", temporalConv()}, {"spatial", spatialConv()}, {"products", products()}, {"long", longConv()}, {"maxpool", maxPool()}, {"averagepool", averagePool()}} {
		for _, s := range isas {
			name := k.name + "_" + s.machine.Name
			t.Run(name, func(t *testing.T) {
				text, panicked := emit(s, func(e *emitter) {
					if k.kernel.Kind == ir.KernelConv {
						e.conv(k.kernel)
					} else {
						e.pool(k.kernel)
					}
				})
				if panicked != nil {
					t.Fatal(panicked)
				}
				golden(t, name+".s", text)
			})
		}
	}
}

// TestConvTooLarge tries every register tile up to beyond the register file:
// the emitter takes those that the machine's own rule takes, in registers that
// it has, and refuses the others.
func TestConvTooLarge(t *testing.T) {
	for _, s := range isas {
		taken := 0
		for pixels := 1; pixels <= s.machine.Registers+1; pixels++ {
			for vectors := 1; vectors <= 8; vectors++ {
				k := temporalConv()
				k.Cols, k.Vectors = pixels, vectors
				text, panicked := emit(s, func(e *emitter) { e.conv(k) })
				fits := s.machine.Fits(pixels, vectors)
				switch {
				case fits && panicked != nil:
					t.Errorf("%s: %d pixels x %d vectors: %v", s.machine.Name, pixels, vectors, panicked)
				case fits:
					taken++
					if bytes.Contains(text, s.beyond()) {
						t.Errorf("%s: %d pixels x %d vectors use %s", s.machine.Name, pixels, vectors, s.beyond())
					}
				case !bug(panicked):
					t.Errorf("%s: %d pixels x %d vectors: %v, want a panic with BUG:", s.machine.Name, pixels, vectors, panicked)
				}
			}
		}
		if taken < 20 {
			t.Errorf("%s takes %d register tiles only", s.machine.Name, taken)
		}
	}
}

// beyond names the register behind the machine's last.
func (s *isa) beyond() []byte { return fmt.Appendf(nil, "%s%d", s.prefix, s.machine.Registers) }

// bug reports whether a recovered value is a broken invariant.
func bug(panicked any) bool {
	return panicked != nil && strings.HasPrefix(fmt.Sprint(panicked), "BUG: ")
}

// TestConvBadEpilogue gives the emitter epilogues that no plan has.
func TestConvBadEpilogue(t *testing.T) {
	for _, epi := range []string{"relu bias", "bias bias", "tanh"} {
		for _, s := range isas {
			k := temporalConv()
			k.Epi = epi
			if _, panicked := emit(s, func(e *emitter) { e.conv(k) }); !bug(panicked) {
				t.Errorf("%s: the epilogue %q: %v, want a panic with BUG:", s.machine.Name, epi, panicked)
			}
		}
	}
}

// TestPoolTooLarge tries every number of vectors: as many as plans have fit both
// register files, with what the pool needs besides.
func TestPoolTooLarge(t *testing.T) {
	for kind, most := range map[ir.PoolKind]int{ir.PoolMax: 8, ir.PoolAverage: 4} {
		for _, s := range isas {
			for vectors := 1; vectors <= s.machine.Registers+1; vectors++ {
				k := maxPool()
				k.Pool, k.Vectors = kind, vectors
				text, panicked := emit(s, func(e *emitter) { e.pool(k) })
				if vectors <= most && panicked != nil {
					t.Errorf("%s: %v pool of %d vectors: %v", s.machine.Name, kind, vectors, panicked)
				}
				if panicked == nil && bytes.Contains(text, s.beyond()) {
					t.Errorf("%s: %v pool of %d vectors uses %s", s.machine.Name, kind, vectors, s.beyond())
				} else if panicked != nil && !bug(panicked) {
					t.Errorf("%s: %v pool of %d vectors: %v, want a panic with BUG:", s.machine.Name, kind, vectors, panicked)
				}
			}
		}
	}
}

// TestUnroll checks that the unrolled body and what is left over make up the
// reduction, for all lengths.
func TestUnroll(t *testing.T) {
	for _, s := range isas {
		for k := 1; k <= 70; k++ {
			kernel := temporalConv()
			kernel.K, kernel.TapsT, kernel.Epi = k, 1, ""
			c := convEmitter{emitter: &emitter{Printer: new(codegen.Printer), isa: s}, k: kernel}
			u := c.unroll(k)
			if u < 1 || u > k || u > 16 {
				t.Errorf("%s: %d steps are unrolled %d times", s.machine.Name, k, u)
			}
			// One loop of k/u rounds where there are several, one of them apart if it
			// sets the accumulators, then the rest.
			c.reduction(k, kernel.In, "channel", false)
			body := strings.Count(string(c.Bytes()), "VBROADCASTSS") / kernel.Pixels()
			if want := u + k%u; body != want {
				t.Errorf("%s: %d steps unrolled %d times have %d in the text, want %d", s.machine.Name, k, u, body, want)
			}
			c.Printer = new(codegen.Printer)
			c.reduction(k, kernel.In, "channel", true)
			text := string(c.Bytes())
			body = strings.Count(text, "VBROADCASTSS") / kernel.Pixels()
			if want := u + min(k/u-1, 1)*u + k%u; body != want {
				t.Errorf("%s: %d steps unrolled %d times, the first apart, have %d in the text, want %d", s.machine.Name, k, u, body, want)
			}
			if sets := strings.Count(text, "VMULPS"); sets != kernel.Pixels()*kernel.Vectors {
				t.Errorf("%s: %d steps set %d accumulators", s.machine.Name, k, sets)
			}
		}
	}
}
