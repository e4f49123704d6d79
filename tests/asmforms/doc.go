// Package asmforms tests the assembly that the compiler emits: which forms of
// instructions it consists of, that the assembler takes each, and that none
// needs more than its instruction set has. It holds tests alone.
package asmforms
