// Package triangle tests that the three ways to run a network agree: the
// graph interpreter, which is the meaning, the plan interpreter, and the
// generated package on every instruction set. It holds tests alone.
package triangle
