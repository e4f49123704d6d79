package asmforms

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// limits are the registers that each instruction set may use.
var limits = map[string]struct {
	vectors string // the letters of its vector registers
	count   int
	masks   bool
}{
	"avx512": {vectors: "Z", count: 32, masks: true},
	"avx2":   {vectors: "Y", count: 16},
}

var register = regexp.MustCompile(`\b([XYZK])(\d+)\b`)

// TestFunctions checks what must hold of every function: its frame, its end,
// and the registers that it names.
func TestFunctions(t *testing.T) {
	all, err := emitted()
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, f := range all {
		where := f.net + ": " + f.name + "_" + f.isa
		count[f.isa]++
		frame := "NOSPLIT, $0-56" // five pointers, two integers
		if strings.Contains(f.name, "pool") {
			frame = "NOSPLIT, $0-52" // two pointers, four integers, a float32
			count["pool "+f.isa]++
		}
		if f.header != frame {
			t.Errorf("%s: head %q, want %q", where, f.header, frame)
		}
		n := len(f.lines)
		if n < 2 || f.lines[n-2] != "\tVZEROUPPER" || f.lines[n-1] != "\tRET" {
			t.Errorf("%s does not end with VZEROUPPER and RET", where)
		}
		for _, line := range f.lines[:max(0, n-2)] {
			if strings.Contains(line, "RET") || strings.Contains(line, "CALL") {
				t.Errorf("%s: %q before its end", where, line)
			}
		}
		l := limits[f.isa]
		for _, m := range register.FindAllStringSubmatch(strings.Join(f.lines, "\n"), -1) {
			i, _ := strconv.Atoi(m[2])
			ok := m[1] == l.vectors && i < l.count || m[1] == "K" && l.masks && i > 0 && i < 8
			if !ok {
				t.Errorf("%s uses the register %s", where, m[0])
				break
			}
		}
	}
	for _, what := range []string{"avx512", "avx2", "pool avx512", "pool avx2"} {
		if count[what] < 10 {
			t.Errorf("%d functions of %s only", count[what], what)
		}
	}
}

// TestLabels checks that every jump goes back to a label of its function that
// is there once.
func TestLabels(t *testing.T) {
	all, err := emitted()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		seen := map[string]bool{}
		for _, line := range f.lines {
			if name, ok := strings.CutSuffix(line, ":"); ok {
				if seen[name] {
					t.Errorf("%s: %s: two labels %s", f.net, f.name, name)
				}
				seen[name] = true
			} else if target, ok := strings.CutPrefix(line, "\tJNE "); ok && !seen[target] {
				t.Errorf("%s: %s: a jump to %s, which does not stand before it", f.net, f.name, target)
			}
		}
	}
}
