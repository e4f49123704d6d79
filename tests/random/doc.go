// Package random tests that all ways to compute a network agree on networks that
// are drawn at random from the whole description language: the interpreters of
// the graph, before and after the passes, and of the plans, and the generated
// package on every instruction set. It holds tests alone.
package random
