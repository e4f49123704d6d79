package units

import (
	"testing"

	"github.com/p3dc/p3dc/ir"
)

func TestFormats(t *testing.T) {
	axis := func(k, s int) ir.Axis { return ir.Axis{Kernel: k, Stride: s} }
	for _, tc := range []struct{ got, want string }{
		{Bytes(1023), "1023 B"},
		{Bytes(1536), "1.5 KiB"},
		{Bytes(3 << 19), "1.5 MiB"},
		{Bytes(5 << 29), "2.5 GiB"},
		{Count(999), "999"},
		{Count(25_800), "25.80 K"},
		{Count(25_800_000), "25.80 M"},
		{Count(int64(16_884_000_000)), "16.88 G"},
		{Shape(ir.Shape{T: 16, H: 112, W: 96, C: 3}), "3x16x112x96"},
		{Window(ir.Window{T: axis(1, 1), H: axis(7, 2), W: axis(7, 2)}), "1x7x7/1x2x2"},
		{Window(ir.Window{T: axis(3, 1), H: axis(1, 1), W: axis(1, 1)}), "3x1x1"},
		{Numbers(0.485, 104, 1e-5), "0.485 104 1e-05"},
		{Plural(1, "clip"), "1 clip"},
		{Plural(0, "clip"), "0 clips"},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}
