// Package describe writes the description of a graph: it finds the stages and
// blocks of residual networks in a list of operations, and says them in the
// language of package dsl.
//
// What it finds it does not trust: the description is lowered again, and every
// operation of the result is paired with one of the given graph. A graph that no description lowers to is an error that names the operation.
package describe
