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
		kind := kindOf(f.name)
		count[kind+" "+f.isa]++
		if want := "NOSPLIT, $0-" + arguments[kind]; f.header != want {
			t.Errorf("%s: head %q, want %q", where, f.header, want)
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
			transform := kind == "spread" || kind == "gather"
			ok := m[1] == l.vectors && i < l.count || m[1] == "K" && l.masks && i > 0 && i < 8 ||
				m[1] == "X" && i < 16 && transform || // a constant's way from a general register
				m[1] == "Y" && i < 16 && kind == "spread" // phases are a vector of eight everywhere
			if !ok {
				t.Errorf("%s uses the register %s", where, m[0])
				break
			}
		}
	}
	for kind := range arguments {
		for isa := range limits {
			if kind == "late" && isa == "avx2" {
				continue // its multiply-adds do not broadcast
			}
			if n := count[kind+" "+isa]; n < 10 {
				t.Errorf("%d functions of %s on %s only", n, kind, isa)
			}
		}
	}
}

// arguments are the bytes of arguments by kind of function.
var arguments = map[string]string{
	"conv":     "56", // five pointers, two integers
	"pool":     "52", // two pointers, four integers, a float32
	"prefetch": "16", // a pointer, an integer
	"spread":   "32", // two pointers, two integers
	"gather":   "64", // four pointers, four integers
	"late":     "64", // five pointers, three integers
}

// kindOf returns the kind of function that a kernel's name begins with.
func kindOf(name string) string {
	for _, kind := range []string{"prefetch", "spread", "gather", "pool", "late"} {
		if strings.Contains(name, kind) {
			return kind
		}
	}
	return "conv"
}

// forward is a jump that goes forward.
var forward = regexp.MustCompile(`^\tJ(?:LE|GT|MP) (\w+)$`)

// TestLabels checks that every loop goes back to a label of its function, that
// every other jump goes forward to one, and that labels are there once.
func TestLabels(t *testing.T) {
	all, err := emitted()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		seen, ahead := map[string]bool{}, map[string]bool{}
		for _, line := range f.lines {
			if name, ok := strings.CutSuffix(line, ":"); ok {
				if seen[name] {
					t.Errorf("%s: %s: two labels %s", f.net, f.name, name)
				}
				seen[name] = true
				delete(ahead, name)
			} else if m := forward.FindStringSubmatch(line); m != nil {
				if seen[m[1]] {
					t.Errorf("%s: %s: a jump back to %s", f.net, f.name, m[1])
				}
				ahead[m[1]] = true
			} else if target, ok := strings.CutPrefix(line, "\tJNE "); ok && !seen[target] {
				t.Errorf("%s: %s: a jump to %s, which does not stand before it", f.net, f.name, target)
			}
		}
		for target := range ahead {
			t.Errorf("%s: %s: a jump to %s, which is nowhere", f.net, f.name, target)
		}
	}
}
