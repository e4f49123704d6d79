// Package cuda runs the CUDA source of small networks on a host, where an
// emulator under emulator/ gives the primitives of the device code their
// meaning, and compares every value with the float64 interpreter. It needs g++.
package cuda
