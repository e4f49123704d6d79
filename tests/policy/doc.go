// Package policy tests rules about the source that no compiler knows: which
// package may import which, what is documented, what has no place in a
// library. It holds tests alone.
package policy
