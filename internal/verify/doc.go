// Package verify checks a network's generated code: it builds the package,
// runs it on every instruction set that this processor has, and compares what
// comes out with the float64 interpreter or with a file of reference values.
package verify
