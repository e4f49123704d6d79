// Package avx writes the Go package of a network for CPUs: assembly for
// AVX-512 and for AVX2 with FMA, tables of the plans, and the API. One loop
// generator serves both instruction sets; an [ISA] supplies registers and
// vector operations.
package avx
