package card

import (
	"fmt"
	"html/template"

	"github.com/p3dc/p3dc/internal/units"
)

// floatBytes is the size of a float32.
const floatBytes = 4

// functions are what the page's template calls to format figures.
func functions() template.FuncMap {
	return template.FuncMap{
		"count":   units.Count[int],
		"flops":   func(n int64) string { return units.Count(n) },
		"mega":    func(n int64) string { return amount(float64(n) / 1e6) },
		"kilo":    func(n int64) string { return amount(float64(n) / 1e3) },
		"percent": percentText,
	}
}

// amount formats a number with as many digits as tell something, and zero as
// nothing.
func amount(v float64) string {
	switch {
	case v == 0:
		return ""
	case v < 10:
		return fmt.Sprintf("%.3f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// percentText formats a part in percent: what is more than nothing is not called
// nothing.
func percentText(p float64) string {
	switch {
	case p == 0:
		return ""
	case p < 0.05:
		return "<0.1 %"
	}
	return fmt.Sprintf("%.1f %%", p)
}
