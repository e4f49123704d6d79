// Package ptx interprets PTX, the assembly that NVIDIA's compiler makes of CUDA
// source, as far as the kernels of this module use it: NVIDIA's "Parallel Thread
// Execution ISA" says what every instruction does, and where a warp's instructions
// have their values in its lanes. What is not implemented is an error that names it.
//
// A warp's threads run in step; where they branch apart, those that are furthest
// behind go first. Besides results there are faults: an access outside of an operand or
// of shared memory, or out of line; shared memory that nobody wrote, that two threads
// touch without a barrier between them, or whose copy nobody waited for; a warp that is
// not together where an instruction wants it to be.
package ptx
