package avx

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
)

// TestPeakFiles looks at the text; the harness compiles and runs it.
func TestPeakFiles(t *testing.T) {
	o := codegen.Options{Package: "peak", Source: "a test", Version: "v0"}
	files := PeakFiles(o)
	for i, f := range PeakFiles(o) {
		if f.Name != files[i].Name || !bytes.Equal(f.Content, files[i].Content) {
			t.Errorf("%s is not the same the second time", f.Name)
		}
		if !bytes.HasPrefix(f.Content, []byte("// "+o.Header())) {
			t.Errorf("%s lacks the header", f.Name)
		}
		if !strings.HasSuffix(f.Name, ".go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.Name, f.Content, 0)
		if err != nil {
			t.Error(err)
		} else if parsed.Name.Name != "peak" {
			t.Errorf("%s is of package %s", f.Name, parsed.Name.Name)
		}
	}
}

// TestPeakAssembly counts instructions, and checks that AVX2 code keeps to the
// registers that it has.
func TestPeakAssembly(t *testing.T) {
	functions := strings.Split(string(peakAssembly(codegen.Options{})), "TEXT ")[1:]
	if len(functions) != 2*len(peakLoops()) {
		t.Fatalf("%d functions, want two for each of %d instruction sets", len(functions), len(peakLoops()))
	}
	for i, s := range peakLoops() {
		text, read := functions[2*i], functions[2*i+1]
		name, _, _ := strings.Cut(text, "(SB)")
		if name != "·"+s.symbol() {
			t.Errorf("function %s, want %s", name, s.symbol())
		}
		if readName, _, _ := strings.Cut(read, "(SB)"); readName != "·"+s.readSymbol() {
			t.Errorf("function %s, want %s", readName, s.readSymbol())
		}
		checkReads(t, s, read)
		text += read
		fmas := strings.Count(text, "VFMADD231PS")
		if fmas < 12 || 2*fmas*s.machine.Lanes != s.flops() {
			t.Errorf("%s has %d multiply-adds and counts %d operations", name, fmas, s.flops())
		}
		if strings.Count(text, "VZEROUPPER\n\tRET") != strings.Count(text, "RET") {
			t.Errorf("%s returns without VZEROUPPER", name)
		}
		if other := regexp.MustCompile(`\b(Z\d+|Y(1[6-9]|2\d|3\d))\b`).FindString(text); other != "" && s.machine.Name == "avx2" {
			t.Errorf("%s uses %s, which AVX2 lacks", name, other)
		}
		for v := range s.machine.Registers {
			if uses := strings.Count(text, s.reg(0)+", "+s.reg(v)+"\n"); v > 0 && v <= s.accumulators() && uses != 2 { // start and sum
				t.Errorf("%s writes %s %d times, want 2", name, s.reg(v), uses)
			}
		}
	}
}

// checkReads wants a loop to load every byte of a block once, each vector into
// a register of its own.
func checkReads(t *testing.T, s peakISA, text string) {
	t.Helper()
	for i := range readBlock / s.bytes() {
		if load := fmt.Sprintf("\tVMOVUPS %d(SI), %s\n", i*s.bytes(), s.reg(i)); strings.Count(text, load) != 1 {
			t.Errorf("%s lacks %q, or has it twice", s.readSymbol(), load)
		}
	}
	if n := strings.Count(text, "VMOVUPS"); n*s.bytes() != readBlock {
		t.Errorf("%s has %d loads of %d bytes for a block of %d", s.readSymbol(), n, s.bytes(), readBlock)
	}
}
