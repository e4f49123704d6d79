package onnx_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/internal/onnx"
)

// TestCheckSize counts the weights of a linear layer of 3*16*32*32 values, and
// its biases.
func TestCheckSize(t *testing.T) {
	for classes, want := range map[int]string{
		10922: "",
		10923: "the weights take 2147592876 bytes; expected less than 2147483647",
	} {
		g := parse(t, fmt.Sprintf("network test {\ninput rgb 3x16x32x32\nflatten\nlinear %d\n}", classes))
		err := onnx.CheckSize(g)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%d classes: got %v, want %q", classes, err, want)
		}
	}
}
