// Package mutants tests the tests: it breaks the compiler, its support code or
// the code that it emits in one place after another, and looks which suite
// notices. It holds tests alone.
package mutants
