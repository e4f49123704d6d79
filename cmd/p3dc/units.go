package main

import (
	"github.com/p3dc/p3dc/internal/units"
	"github.com/p3dc/p3dc/ir"
)

// Short names for how the commands print figures; units says what each looks
// like.

func bytesText(n int) string              { return units.Bytes(n) }
func countText[T int | int64](n T) string { return units.Count(n) }
func shapeText(s ir.Shape) string         { return units.Shape(s) }
func plural(n int, thing string) string   { return units.Plural(n, thing) }

// countOrBlank is countText that leaves out zero.
func countOrBlank[T int | int64](n T) string {
	if n == 0 {
		return ""
	}
	return countText(n)
}

// floatBytes is the size of a float32.
const floatBytes = 4
