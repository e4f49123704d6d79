package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// kernel parses a kernel with the given body, which has in %in and %out the addresses of
// two operands, %tid in %t, and some registers more.
func kernel(t *testing.T, body string) *Kernel {
	t.Helper()
	m, err := Parse(source(body))
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.Kernel("test")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func source(body string) string {
	return `.version 8.8
.target sm_80
.address_size 64
.extern .shared .align 128 .b8 memory[];
.visible .entry test(
	.param .u64 test_param_0,
	.param .u64 test_param_1
)
.maxntid 128, 1, 1
{
	.reg .pred %p<8>;
	.reg .f32 %f<16>;
	.reg .b32 %r<32>;
	.reg .b64 %rd<16>;
	.reg .b64 %in;
	.reg .b64 %out;
	.reg .b32 %t;
	.reg .b16 %h;
	ld.param.u64 %in, [test_param_0];
	ld.param.u64 %out, [test_param_1];
	mov.u32 %t, %tid.x;
` + body + `
	ret;
}
`
}

const inAt, outAt = 1 << 40, 2 << 40

// run runs a kernel on words and returns those that it writes, so many.
func run(k *Kernel, blocks, threads int, in []uint32, results int) ([]uint32, error) {
	from, to := make([]byte, 4*len(in)), make([]byte, 4*results)
	for i, w := range in {
		binary.LittleEndian.PutUint32(from[4*i:], w)
	}
	err := k.Run(Launch{Blocks: blocks, Threads: threads, Shared: 1024, Args: []uint64{inAt, outAt}, Memory: []Range{
		{Name: "the input", Address: inAt, Data: from}, {Name: "the result", Address: outAt, Data: to, Writes: true},
	}})
	out := make([]uint32, results)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(to[4*i:])
	}
	return out, err
}

// byLane makes rd0 the thread's place in an input of so many words for each thread of each
// block of 32, and rd1 that in a result.
func byLane(words, results int) string {
	return fmt.Sprintf(`
	mov.u32 %%r0, %%ctaid.x;
	shl.b32 %%r0, %%r0, 5;
	add.s32 %%r0, %%r0, %%t;
	mul.lo.s32 %%r1, %%r0, %d;
	mul.wide.u32 %%rd0, %%r1, 4;
	add.s64 %%rd0, %%in, %%rd0;
	mul.lo.s32 %%r1, %%r0, %d;
	mul.wide.u32 %%rd1, %%r1, 4;
	add.s64 %%rd1, %%out, %%rd1;
`, words, results)
}

// TestMultiply multiplies each matrix A that is a single one by a B of different numbers. Where
// elements lie is what the manual's figures show, row by row.
func TestMultiply(t *testing.T) {
	for _, format := range []struct {
		opcode string
		depth  int
		bits   func(x float32) uint32
	}{
		{"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 16, func(x float32) uint32 { return math.Float32bits(x) >> 16 }},
		{"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", 16, func(x float32) uint32 { return uint32(toF16(x)) }},
		{"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 8, func(x float32) uint32 { return math.Float32bits(x) | 0x1fff }}, // ignored
	} {
		const words, results = 10, 4
		body := byLane(words, results)
		for i := range words {
			body += fmt.Sprintf("ld.global.u32 %%r%d, [%%rd0+%d];\n", 10+i, 4*i)
		}
		body += format.opcode + ` {%f0, %f1, %f2, %f3}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%r16, %r17, %r18, %r19};
	st.global.v2.f32 [%rd1], {%f0, %f1};
	st.global.v2.f32 [%rd1+8], {%f2, %f3};`
		var in []uint32
		b := func(k, col int) float32 { return float32(1 + k*8 + col) }
		c := func(row, col int) float32 { return float32(1000 * (row*8 + col)) }
		for one := range 16 * format.depth {
			var lanes [32][words]uint32
			put := func(lane, first, element int, x float32) {
				if format.depth == 16 {
					lanes[lane][first+element/2] |= format.bits(x) << (element % 2 * 16)
				} else {
					lanes[lane][first+element] = format.bits(x)
				}
			}
			half := format.depth / 2 // of the reduction; four lanes share it
			each := half / 4
			for k := range format.depth {
				for row := range 16 {
					x := float32(0)
					if one == row*format.depth+k {
						x = 1
					}
					put(row%8*4+k%half/each, 0, k%each+row/8*each+k/half*each*2, x)
				}
				for col := range 8 {
					put(col*4+k%half/each, 4, k%each+k/half*each, b(k, col))
				}
			}
			for row := range 16 {
				for col := range 8 {
					lanes[row%8*4+col/2][6+row/8*2+col%2] = math.Float32bits(c(row, col))
				}
			}
			for _, l := range lanes {
				in = append(in, l[:]...)
			}
		}
		blocks := 16 * format.depth
		out, err := run(kernel(t, body), blocks, 32, in, blocks*32*results)
		if err != nil {
			t.Fatal(err)
		}
		for one := range blocks {
			for row := range 16 {
				for col := range 8 {
					want := c(row, col)
					if row == one/format.depth {
						want += b(one%format.depth, col)
					}
					got := math.Float32frombits(out[(one*32+row%8*4+col/2)*results+row/8*2+col%2])
					if got != want {
						t.Fatalf("%s with a one in row %d, column %d: row %d, column %d is %v, want %v",
							format.opcode, one/format.depth, one%format.depth, row, col, got, want)
					}
				}
			}
		}
	}
}

// TestLoadMatrices has rows in an order of their own, of words that say where they are.
func TestLoadMatrices(t *testing.T) {
	out, err := run(kernel(t, byLane(0, 4)+`
	mov.u64 %rd2, memory;
	mul.wide.u32 %rd3, %t, 16;
	add.s64 %rd3, %rd2, %rd3;
	shl.b32 %r2, %t, 2;
	st.shared.u32 [%rd3], %r2;
	add.s32 %r3, %r2, 1;
	st.shared.u32 [%rd3+4], %r3;
	add.s32 %r3, %r2, 2;
	st.shared.u32 [%rd3+8], %r3;
	add.s32 %r3, %r2, 3;
	st.shared.u32 [%rd3+12], %r3;
	bar.sync 0;
	mul.lo.s32 %r4, %t, 5;
	and.b32 %r4, %r4, 31;
	shl.b32 %r4, %r4, 4;
	cvta.shared.u64 %rd4, %rd2;
	{ .reg .u64 wide; cvta.to.shared.u64 wide, %rd4; cvt.u32.u64 %r5, wide; }
	add.s32 %r4, %r4, %r5;
	ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r6, %r7, %r8, %r9}, [%r4];
	st.global.u32 [%rd1], %r6;
	st.global.u32 [%rd1+4], %r7;
	st.global.u32 [%rd1+8], %r8;
	st.global.u32 [%rd1+12], %r9;`), 1, 32, nil, 128)
	if err != nil {
		t.Fatal(err)
	}
	for lane := range 32 {
		for matrix := range 4 {
			row := (matrix*8 + lane/4) * 5 % 32
			if want := uint32(row*4 + lane%4); out[lane*4+matrix] != want {
				t.Errorf("lane %d has word %d of matrix %d, want %d", lane, out[lane*4+matrix], matrix, want)
			}
		}
	}
}

// TestShuffle exchanges values of lanes, in the whole warp and in segments of 8.
func TestShuffle(t *testing.T) {
	for _, tc := range []struct {
		mask, control int
		want          func(lane int) int
	}{
		{16, 0x1f, func(lane int) int { return lane ^ 16 }},
		{3, 0x1f, func(lane int) int { return lane ^ 3 }},
		{1, 0x181f, func(lane int) int { return lane ^ 1 }},
		{8, 0x181f, func(lane int) int { return lane &^ 8 }}, // upwards that is another segment
		{16, 0x0f, func(lane int) int { return lane & 15 }},
	} {
		out, err := run(kernel(t, byLane(0, 1)+fmt.Sprintf(`
	mov.u32 %%r2, %d;
	shfl.sync.bfly.b32 %%r3, %%t, %%r2, %d, 0xffffffff;
	st.global.u32 [%%rd1], %%r3;`, tc.mask, tc.control)), 1, 32, nil, 32)
		if err != nil {
			t.Fatal(err)
		}
		for lane, got := range out {
			if want := tc.want(lane); int(got) != want {
				t.Errorf("mask %d, control %#x: lane %d has %d, want %d", tc.mask, tc.control, lane, got, want)
			}
		}
	}
}

// copying16 begins a kernel that copies 16 bytes for each thread, of which it reads some.
const copying16 = `
	mul.wide.u32 %rd2, %t, 16;
	add.s64 %rd3, %in, %rd2;
	shl.b32 %r2, %t, 4;
	mov.u64 %rd4, memory;
	cvt.u32.u64 %r3, %rd4;
	add.s32 %r2, %r2, %r3;
	add.s64 %rd4, %rd4, %rd2;
`

// TestCopies copies with and without zeros.
func TestCopies(t *testing.T) {
	for _, bytes := range []int{16, 8, 0} {
		var in []uint32
		for i := range uint32(128) {
			in = append(in, 100+i)
		}
		out, err := run(kernel(t, byLane(0, 2)+copying16+fmt.Sprintf(`
	mov.u32 %%r4, %d;
	cp.async.cg.shared.global [%%r2], [%%rd3], 16, %%r4;
	cp.async.commit_group;
	cp.async.wait_group 0;
	ld.shared.v2.f32 {%%f0, %%f1}, [%%rd4+8];
	ld.shared.u32 %%r5, [%%rd4+4];
	st.global.u32 [%%rd1], %%r5;
	st.global.f32 [%%rd1+4], %%f1;`, bytes)), 1, 32, in, 64)
		if err != nil {
			t.Fatal(err)
		}
		for lane := range 32 {
			want := []uint32{uint32(100 + lane*4 + 1), uint32(100 + lane*4 + 3)}
			if bytes < 16 {
				want[1] = 0
			}
			if bytes < 8 {
				want[0] = 0
			}
			if got := out[lane*2 : lane*2+2]; got[0] != want[0] || got[1] != want[1] {
				t.Errorf("%d bytes: lane %d has %v, want %v", bytes, lane, got, want)
			}
		}
	}
}

// TestFaults checks that what kernels do wrong is found, and said.
func TestFaults(t *testing.T) {
	const start = copying16 + "mov.u32 %r4, 16;\ncp.async.cg.shared.global [%r2], [%rd3], 16, %r4;\n"
	for _, tc := range []struct {
		name, body string
		threads    int
		want       string
	}{
		{"right", start + "cp.async.commit_group; cp.async.wait_group 0; ld.shared.u32 %r5, [%rd4];", 32, ""},
		{"not waited for", start + "cp.async.commit_group; ld.shared.u32 %r5, [%rd4];", 32, "block 0, thread 0: line 33: ld.shared.u32 reads byte 0 of shared memory, which thread 0's copy has not been waited for"},
		{"waited for too few", start + "cp.async.commit_group; cp.async.wait_group 1; ld.shared.u32 %r5, [%rd4];", 32, "has not been waited for"},
		{"not committed", start + "cp.async.wait_group 0; ld.shared.u32 %r5, [%rd4];", 32, "has not been waited for"},
		{"waited for at the end", start + "cp.async.commit_group;", 32, "thread 0: line 34: ret ends with copies that nobody waited for"},
		{"no barrier behind a copy", start + "cp.async.commit_group; cp.async.wait_group 0; ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r6, %r7, %r8, %r9}, [%r2];", 32,
			"ldmatrix.sync.aligned.m8n8.x4.shared.b16 reads byte 0 of shared memory, which thread 0 writes, without a barrier between them"},
		{"more than there is", copying16 + "mov.u32 %r4, 8; cp.async.ca.shared.global [%r2], [%rd3], 4, %r4;", 32, "copies 8 bytes of 4"},
		{"a size that is none", copying16 + "mov.u32 %r4, 8; cp.async.cg.shared.global [%r2], [%rd3], 8, %r4;", 32, "copies 8 bytes of 8"},
		{"copied from out of line", copying16 + "mov.u32 %r4, 16; add.s64 %rd3, %rd3, 8; cp.async.cg.shared.global [%r2], [%rd3], 16, %r4;", 32, "which is no multiple of it"},
		{"copied to out of line", copying16 + "mov.u32 %r4, 16; add.s32 %r2, %r2, 8; cp.async.cg.shared.global [%r2], [%rd3], 16, %r4;", 32, "writes 16 bytes of shared memory at 8, which is no multiple of it"},
		{"never written", "mov.u64 %rd2, memory; ld.shared.u32 %r5, [%rd2];", 32, "reads byte 0 of shared memory, which nobody wrote"},
		{"two writers", "mov.u64 %rd2, memory; st.shared.u32 [%rd2], %t;", 32, "thread 1: line 23: st.shared.u32 writes byte 0 of shared memory, which thread 0 writes, without a barrier between them"},
		{"written while others read", copying16 + "st.shared.u32 [%rd4], %t; bar.sync 0; mov.u64 %rd5, memory; ld.shared.u32 %r5, [%rd5]; st.shared.u32 [%rd4], %t;", 32,
			"writes byte 0 of shared memory, which others read, without a barrier"},
		{"beyond shared memory", "mov.u64 %rd2, memory; st.shared.u32 [%rd2+1024], %t;", 32, "writes bytes 1024 to 1027 of 1024 bytes of shared memory"},
		{"shared memory by its generic address", "mov.u64 %rd2, memory; cvta.shared.u64 %rd2, %rd2; st.shared.u32 [%rd2], %t;", 32, "of 1024 bytes of shared memory"},
		{"beyond the input", "ld.global.u32 %r5, [%in+512];", 32, "reads 4 bytes at byte 512 of the 512 of the input"},
		{"before the input", "ld.global.u32 %r5, [%in+-4];", 32, "reads 4 bytes at byte -4 of the 512 of the input"},
		{"out of line", "ld.global.u32 %r5, [%in+2];", 32, "reads 4 bytes at 0x10000000002, which is no multiple of it"},
		{"the result is no input", "ld.global.u32 %r5, [%out];", 32, "reads 4 bytes at byte 0 of the 4 of the result"},
		{"the input is no result", "st.global.u32 [%in], %t;", 32, "writes 4 bytes at byte 0 of the 512 of the input"},
		{"written twice", "st.global.u32 [%out], %t;", 32, "thread 1: line 23: st.global.u32 writes byte 0 of the result, which was written before"},
		{"left out", "", 32, "kernel test: byte 0 of the 4 of the result is never written"},
		{"apart at a product", "setp.lt.s32 %p0, %t, 7; @%p0 bra $L; ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r6, %r7, %r8, %r9}, [%r2]; $L:", 32,
			"thread 7: line 23: ldmatrix.sync.aligned.m8n8.x4.shared.b16 waits for lanes 0x7f, which have ended"},
		{"at two barriers", "setp.lt.s32 %p0, %t, 7; @%p0 bra $L; bar.sync 0; bra $M; $L: bar.sync 0; $M:", 32,
			"waits for lanes 0x7f, of which lane 0 is at bar.sync of line 23"},
		{"a warp has ended", "setp.lt.s32 %p0, %t, 32; @%p0 bra $L; bar.sync 0; $L:", 64, "waits for 1 warps, which have ended"},
		{"no end", "$L: bra $L;", 32, "which does not seem to end"},
		{"half a warp", "", 16, "whole warps: 16 are neither"},
		{"too many threads", "", 256, "up to 128 threads"},
	} {
		body := tc.body
		if tc.name != "left out" {
			body += "setp.eq.s32 %p7, %t, 0; @!%p7 bra $END; st.global.u32 [%out], %t; $END:"
		}
		body = "\n" + body
		_, err := run(kernel(t, body), 1, tc.threads, make([]uint32, 128), 1)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
}

// TestHalfWords writes two bytes at a time.
func TestHalfWords(t *testing.T) {
	out, err := run(kernel(t, `
	mul.wide.u32 %rd1, %t, 2;
	add.s64 %rd1, %out, %rd1;
	cvt.u16.u32 %h, %t;
	st.global.u16 [%rd1], %h;`), 1, 32, nil, 16)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range out {
		if want := uint32(2*i + (2*i+1)<<16); got != want {
			t.Errorf("word %d is %#x, want %#x", i, got, want)
		}
	}
}

// TestBranches has lanes go separate ways and meet again.
func TestBranches(t *testing.T) {
	out, err := run(kernel(t, byLane(0, 1)+`
	mov.u32 %r2, 0;
	mov.u32 %r3, 0;
$LOOP:
	add.s32 %r2, %r2, 2;
	setp.lt.s32 %p0, %r3, %t;
	add.s32 %r3, %r3, 1;
	@%p0 bra $LOOP;
	and.b32 %r4, %t, 1;
	setp.eq.s32 %p1, %r4, 0;
	@%p1 bra $EVEN;
	add.s32 %r2, %r2, 1000;
	bra.uni $MEET;
$EVEN:
	add.s32 %r2, %r2, 2000;
$MEET:
	shfl.sync.bfly.b32 %r5, %r2, 1, 0x1f, 0xffffffff;
	st.global.u32 [%rd1], %r5;`), 2, 32, nil, 64)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range out {
		lane := i%32 ^ 1
		want := uint32(2*(lane+1) + 1000 + 1000*(1-lane%2))
		if got != want {
			t.Errorf("lane %d has %d, want %d", i%32, got, want)
		}
	}
}

// TestUnknown checks that nothing is ignored that is not understood.
func TestUnknown(t *testing.T) {
	for _, tc := range []struct{ body, want string }{
		{"add.sat.s32 %r0, %r1, %r2;", "PTX line 23: instruction add.sat.s32 is not implemented"},
		{"ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r0, %r1, %r2, %r3}, [%r4];", "is not implemented"},
		{"add.s32 %r0, %r1, %r99;", "there is no register %r99"},
		{"add.s32 %r0, %r1, wide;", "there is no register wide"},
		{"mov.u32 %r0, %laneid;", "there is no register %laneid"},
		{"add.s32 %r0, %r1;", `";", expected ","`},
		{"@%p1 add.s32 %r0, %r1, %r2;", "a predicate of add.s32 is not implemented"},
		{"bra $NOWHERE;", "there is no label $NOWHERE"},
		{"ld.param.u64 %rd0, [test_param_2];", "the kernel has no parameter test_param_2"},
		{".reg .b128 %q<2>;", "register type .b128 is not implemented"},
		{".pragma \"unroll\";", "is not implemented"},
		{".local .b8 stack[16];", "instruction .local is not implemented"},
		{"mov.f32 %f0, 0fGG;", "expected a float32 value's bits"},
	} {
		if _, err := Parse(source("\n" + tc.body)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.body, err, tc.want)
		}
	}
	for text, want := range map[string]string{
		".visible .func f()":               "expected \".entry\"",
		".weak .entry f()":                 "directive .weak is not implemented",
		".visible .entry f() .reqntid 32 ": "directive .reqntid is not implemented",
		".visible .entry f() { ret;":       "the text ends here",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, err := new(Module).Kernel("test"); err == nil {
		t.Error("a kernel that is not there was found")
	}
}
