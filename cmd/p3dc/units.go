package main

import "github.com/p3dc/p3dc/internal/units"

// countOrBlank is units.Count that leaves out zero.
func countOrBlank[T int | int64](n T) string {
	if n == 0 {
		return ""
	}
	return units.Count(n)
}

// floatBytes is the size of a float32.
const floatBytes = 4
