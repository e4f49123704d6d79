// Package soak keeps a generated package under load: several sessions at once,
// runs of every kind, cancelled ones, sessions that are dropped, a garbage collector
// that never rests. Every result must be the same bits, and nothing may grow.
package soak
