package main

import (
	"fmt"

	"github.com/p3dc/p3dc/ir"
)

// bytesText formats a size with a binary unit, such as 54.7 MiB.
func bytesText(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// countText formats a number of parameters or operations with a decimal unit,
// such as 25.80 M.
func countText[T int | int64](n T) string {
	switch {
	case n < 1e3:
		return fmt.Sprint(n)
	case n < 1e6:
		return fmt.Sprintf("%.2f K", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f G", float64(n)/1e9)
}

// countOrBlank is countText that leaves out zero.
func countOrBlank[T int | int64](n T) string {
	if n == 0 {
		return ""
	}
	return countText(n)
}

// shapeText formats a shape as descriptions write it: channels x frames x
// height x width.
func shapeText(s ir.Shape) string { return fmt.Sprintf("%dx%dx%dx%d", s.C, s.T, s.H, s.W) }

// floatBytes is the size of a float32.
const floatBytes = 4

// plural formats a count of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
