// Package kernels tests that every kernel of a generated package computes
// exactly what the interpreter does, on data whose every sum is exact in
// float32: small integers. It holds tests alone.
package kernels
