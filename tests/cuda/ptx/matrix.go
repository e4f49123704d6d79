package ptx

import "fmt"

// warpwide returns the instructions that a warp executes as one.
func warpwide() map[string]form {
	const product = "D4 S4 S2 S4"
	return map[string]form{
		"ldmatrix.sync.aligned.m8n8.x4.shared.b16": {kind: collective, class: LoadMatrix, operands: "D4 a", access: loadMatrices},

		"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32": {kind: collective, class: MMA, operands: product, access: multiply16(fromBF16, rounded)},
		"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32":   {kind: collective, class: MMA, operands: product, access: multiply16(fromF16, rounded)},
		"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32":  {kind: collective, class: MMA, operands: product, access: multiplyTF32(rounded)},

		"shfl.sync.bfly.b32": {kind: collective, class: Other, operands: "d s s s s", access: shuffle},
	}
}

// loadMatrices loads four matrices of 8 by 8 values of 16 bits. The lanes 8m to 8m+7 have
// the addresses of the rows of matrix m, 16 bytes each; each lane gets of each matrix the
// values 2(lane%4) and the next of row lane/4.
func loadMatrices(w *warp, in *instruction, _ uint32) error {
	at := w.addresses(in, 0)
	for matrix, to := range in.to {
		for row := range 8 {
			from := matrix*8 + row
			data, err := w.block.shared.read(uint64(uint32(at[from])), 16, many)
			if err != nil {
				return w.fault(in, from, err)
			}
			for pair := range 4 {
				w.registers[to][row*4+pair] = decode(data[pair*4:], 4)
			}
		}
	}
	w.count(in, true, at, ^uint32(0), 16)
	return nil
}

// The manual says where the elements of A, 16 rows by K, of B, K by 8 columns, and of the sums,
// 16 by 8, are by lane: group is lane/4 and inner is lane%4.

// place is a row and a column.
type place struct{ row, col int }

// place16A is where element i of a lane's eight of A belongs, of 16 bits each, K = 16.
func place16A(lane, i int) place {
	group, inner := lane>>2, lane&3
	p := place{group, inner*2 + i&1}
	if i >= 2 && i < 4 || i >= 6 {
		p.row += 8
	}
	if i >= 4 {
		p.col += 8
	}
	return p
}

// place16B is the same for a lane's four of B.
func place16B(lane, i int) place {
	p := place{lane&3*2 + i&1, lane >> 2}
	if i >= 2 {
		p.row += 8
	}
	return p
}

// place32A and place32B are those of tf32, K = 8: four of A, two of B.
func place32A(lane, i int) place {
	p := place{lane >> 2, lane & 3}
	if i == 1 || i == 3 {
		p.row += 8
	}
	if i >= 2 {
		p.col += 4
	}
	return p
}

func place32B(lane, i int) place { return place{lane&3 + 4*i, lane >> 2} }

// placeSum is that of a lane's four sums.
func placeSum(lane, i int) place {
	p := place{lane >> 2, lane&3*2 + i&1}
	if i >= 2 {
		p.row += 8
	}
	return p
}

// fragments are the places of all lanes' elements, reckoned once.
type fragments struct {
	depth int
	a     [warpSize][8]place
	b     [warpSize][4]place
	sum   [warpSize][4]place
}

func newFragments(depth, ofA, ofB int, a, b func(lane, i int) place) *fragments {
	f := &fragments{depth: depth}
	for lane := range warpSize {
		for i := range ofA {
			f.a[lane][i] = a(lane, i)
		}
		for i := range ofB {
			f.b[lane][i] = b(lane, i)
		}
		for i := range f.sum[lane] {
			f.sum[lane][i] = placeSum(lane, i)
		}
	}
	return f
}

var (
	fragments16 = newFragments(16, 8, 4, place16A, place16B)
	fragments32 = newFragments(8, 4, 2, place32A, place32B)
)

// matrices are the operands of a product, B with its columns as rows.
type matrices struct {
	a [16][16]float64
	b [8][16]float64

	sums [warpSize][4]float32
}

// multiply16 multiplies values of 16 bits, two in a register, the first in the lower half.
func multiply16(value func(uint16) float32, add sum) func(w *warp, in *instruction, mask uint32) error {
	return func(w *warp, in *instruction, _ uint32) error {
		var m matrices
		for lane := range warpSize {
			for i, p := range fragments16.a[lane] {
				m.a[p.row][p.col] = float64(value(uint16(w.registers[in.from[i/2]][lane] >> (i % 2 * 16))))
			}
			for i, p := range fragments16.b[lane] {
				m.b[p.col][p.row] = float64(value(uint16(w.registers[in.from[4+i/2]][lane] >> (i % 2 * 16))))
			}
		}
		m.multiply(w, in, fragments16, add)
		return nil
	}
}

// multiplyTF32 multiplies values of which 10 bits of fraction are looked at.
func multiplyTF32(add sum) func(w *warp, in *instruction, mask uint32) error {
	const seen = ^uint64(1<<13 - 1)
	return func(w *warp, in *instruction, _ uint32) error {
		var m matrices
		for lane := range warpSize {
			for i, p := range fragments32.a[lane][:4] {
				m.a[p.row][p.col] = float64(float(w.registers[in.from[i]][lane] & seen))
			}
			for i, p := range fragments32.b[lane][:2] {
				m.b[p.col][p.row] = float64(float(w.registers[in.from[4+i]][lane] & seen))
			}
		}
		m.multiply(w, in, fragments32, add)
		return nil
	}
}

// multiply adds the products to the sums.
func (m *matrices) multiply(w *warp, in *instruction, f *fragments, add sum) {
	for lane := range warpSize {
		for i, p := range f.sum[lane] {
			m.sums[lane][i] = add(float(w.registers[in.from[6+i]][lane]), m.a[p.row][:f.depth], m.b[p.col][:f.depth])
		}
	}
	for lane := range warpSize {
		for i, to := range in.to {
			w.registers[to][lane] = word(m.sums[lane][i])
		}
	}
}

// shuffle gives each lane the value of the lane whose number has the bits of the second
// operand flipped, as far as the third lets it: the last lane of a segment, and the bits
// that segments have in common.
func shuffle(w *warp, in *instruction, _ uint32) error {
	var result lanes
	for lane := range warpSize {
		if members := uint32(w.registers[in.from[3]][lane]); members != ^uint32(0) {
			return w.fault(in, lane, fmt.Errorf("is of members %#x, all others are not implemented", members))
		}
		control := int(w.registers[in.from[2]][lane])
		clamp, segment := control&0x1f, control>>8&0x1f
		last := lane&segment | clamp&^segment
		from := lane ^ int(w.registers[in.from[1]][lane])&0x1f
		if from > last {
			from = lane
		}
		result[lane] = w.registers[in.from[0]][from]
	}
	w.registers[in.to[0]] = result
	return nil
}
