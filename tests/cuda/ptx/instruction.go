package ptx

import "maps"

// instruction is one of a kernel's.
type instruction struct {
	form
	line     int
	opcode   string
	guard    int // the slot of its predicate, or 0
	negated  bool
	to, from []int // slots
	offset   int64 // of its address
	target   int   // of a branch
}

// kind is how a warp executes an instruction.
type kind int

const (
	compute    kind = iota // each lane by itself, on registers
	branch                 // a jump of some lanes
	exit                   // the end of some threads
	access                 // each lane by itself, on memory
	collective             // all lanes of the warp at once
	barrier                // all threads of the block
)

// form is what instructions of one opcode have in common.
type form struct {
	kind
	class    Class
	operands string // see body.operand

	compute func(d, a, b, c *lanes)                           // all lanes' results
	access  func(w *warp, in *instruction, mask uint32) error // by the lanes of mask
}

// forms are all instructions that are implemented.
var forms = func() map[string]form {
	all := map[string]form{
		"bra":     {kind: branch, class: Other, operands: "l"},
		"bra.uni": {kind: branch, class: Other, operands: "l"},
		"ret":     {kind: exit, class: Other},
		// Kernels use one barrier: the 0 is in a register that is not looked at.
		"bar.sync": {kind: barrier, class: Other, operands: "s"},
	}
	for _, more := range []map[string]form{arithmetic(), accesses(), copies(), warpwide()} {
		maps.Copy(all, more)
	}
	return all
}()
