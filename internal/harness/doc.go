// Package harness builds a generated package into a program of its own and
// talks to it, to verify and to measure the code that users get.
//
// [Build] writes the package into a temporary module beside a small main
// program (the sources in program), and compiles it with the go command. A
// [Program] can be started several times; each [Process] opens the model on
// one instruction set and then answers requests over its standard input and
// output (see package wire).
package harness
