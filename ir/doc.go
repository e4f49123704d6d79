// Package ir holds the two intermediate representations of a network and
// everything that is done to them.
//
// A [Graph] says what is computed: convolutions, pools and sums on feature
// maps of static shape, in topological order. A Plan says how: regions of
// tiles, each an ordered list of kernel calls on buffers whose place in
// memory is fixed. Both are plain data with a text dump, both have a naive
// interpreter in float64, and both interpreters must agree.
//
// The package imports nothing else of the module.
package ir
