// Package units formats sizes, counts and shapes for people.
package units

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/p3dc/p3dc/ir"
)

// Bytes formats a size with a binary unit, such as 54.7 MiB.
func Bytes(n int) string {
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

// Count formats a number of parameters or operations with a decimal unit, such
// as 25.80 M.
func Count[T int | int64](n T) string {
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

// Shape formats a shape as descriptions write it: channels x frames x height x
// width.
func Shape(s ir.Shape) string { return fmt.Sprintf("%dx%dx%dx%d", s.C, s.T, s.H, s.W) }

// Window formats a window's extent as frames x height x width, and behind a
// slash its stride where it is not 1.
func Window(w ir.Window) string {
	s := fmt.Sprintf("%dx%dx%d", w.T.Kernel, w.H.Kernel, w.W.Kernel)
	if w.T.Stride*w.H.Stride*w.W.Stride != 1 {
		s += fmt.Sprintf("/%dx%dx%d", w.T.Stride, w.H.Stride, w.W.Stride)
	}
	return s
}

// Numbers writes numbers in their shortest form, with spaces between.
func Numbers(list ...float64) string {
	var words []string
	for _, v := range list {
		words = append(words, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return strings.Join(words, " ")
}

// Plural formats a count of things.
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
