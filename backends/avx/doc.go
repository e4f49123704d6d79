// Package avx writes the Go package of a network for CPUs: assembly for
// AVX-512 and for AVX2 with FMA, tables of the plans, and the API. One loop
// generator serves both instruction sets, which differ in registers and a few
// operations.
package avx
