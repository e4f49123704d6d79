package dsl

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestHugeTexts feeds texts near the size limit that make naive front ends
// quadratic.
func TestHugeTexts(t *testing.T) {
	body := func(s string) string { return "network x {\ninput rgb 3x1x1x1\nblock bottleneck mix A\n" + s + "\n}" }
	fill := func(s string) string { return strings.Repeat(s, (MaxSource-100)/len(s)) }
	tests := []struct{ name, src string }{
		{"faulty lines", body(fill("a\n"))},
		{"faults in one line", "network x {\nblock bottleneck mix " + fill("D ") + "\n}"},
		{"layers", body(fill("pool max\n"))},
		{"layers in one line", body("pool max" + fill(" then pool max"))},
		{"repeated names", body(fill("stage a width 1 blocks 1\n"))},
		{"repeated statements", body(fill("names port\n"))},
		{"deep work", body(strings.Repeat("pool max\n", MaxLayers-2) + "stage a width 64 blocks 1024 then pool max")},
		{"no clip fits", strings.Replace(body(strings.Repeat("pool max 1x1x1\n", MaxLayers-1)+"pool max 1x2x2"), "3x1x1x1", "3x4000x1x1", 1)},
		{"misspelt words", body(fill("statementstatement\n"))},
		{"braces", body(fill("a {\n"))},
		{"closing braces", body(fill("}"))},
		{"one number", body("linear " + fill("9"))},
		{"one size", body("conv 1 kernel 1" + fill("x1"))},
		{"one word", body(fill("a"))},
		{"one string", body("names { linear \"" + fill("{n}") + "\"")},
		{"comments", body(fill("#\n"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			start := time.Now()
			n, err := Parse("huge.p3d", []byte(tt.src))
			if err == nil {
				_ = Format(n)
				err = Check(n)
			}
			var list ErrorList
			if errors.As(err, &list) && len(list) > MaxFaults+1 {
				t.Errorf("%d faults are reported, want at most %d", len(list), MaxFaults+1)
			}
			if err != nil && len(err.Error()) > 1<<20 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
}
