// Package codegen holds what all backends need to turn a plan into files: the
// printer of assembly, the support code that generated packages carry, and
// writing a package so that a failure leaves the old one as it was.
package codegen
