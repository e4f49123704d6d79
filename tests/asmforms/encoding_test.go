package asmforms

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

// instruction is one that objdump has decoded.
type instruction struct {
	bytes []string // hexadecimal
	text  string
}

// disassemble decodes the assembly functions of an executable whose names have
// a suffix, with GNU objdump.
func disassemble(t *testing.T, executable, suffix string) [][]instruction {
	t.Helper()
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("needs objdump (GNU binutils)")
	}
	code := code(t, executable, suffix)
	if len(code) == 0 {
		t.Fatalf("no function of %s has a name with %q at its end", executable, suffix)
	}
	var list [][]instruction
	raw := filepath.Join(t.TempDir(), "code")
	for _, c := range code {
		if err := os.WriteFile(raw, c, 0o666); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(objdump, "-D", "-w", "-z", "-b", "binary", "-m", "i386:x86-64", raw).CombinedOutput()
		if err != nil {
			t.Fatalf("objdump: %v\n%s", err, out)
		}
		list = append(list, decoded(string(out)))
	}
	return list
}

var decodedLine = regexp.MustCompile(`^\s*[0-9a-f]+:\t((?:[0-9a-f]{2} )+)\s*\t(.*)$`)

func decoded(text string) []instruction {
	var list []instruction
	for _, line := range strings.Split(text, "\n") {
		if m := decodedLine.FindStringSubmatch(line); m != nil {
			list = append(list, instruction{strings.Fields(m[1]), strings.Join(strings.Fields(m[2]), " ")})
		}
	}
	return list
}

// abi0 is what the linker appends to the names of assembly functions. Without
// it, the name is that of the wrapper through which Go calls one.
const abi0 = ".abi0"

// code returns the machine code of an ELF executable's functions.
func code(t *testing.T, executable, suffix string) [][]byte {
	t.Helper()
	program, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	symbols = slices.DeleteFunc(symbols, func(s elf.Symbol) bool {
		return elf.ST_TYPE(s.Info) != elf.STT_FUNC || !strings.HasSuffix(s.Name, suffix+abi0)
	})
	slices.SortFunc(symbols, func(a, b elf.Symbol) int { return strings.Compare(a.Name, b.Name) })
	section := f.Section(".text")
	data, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for _, s := range symbols {
		at := s.Value - section.Addr
		list = append(list, data[at:at+s.Size])
	}
	return list
}

// evex begins every instruction in the encoding of AVX-512.
const evex = "62"

// checkAVX2 checks that code has no instruction of AVX-512. The older
// encodings cannot name a register above 15, so this covers registers too.
func checkAVX2(t *testing.T, code []instruction) {
	t.Helper()
	for _, in := range code {
		if in.bytes[0] == evex || strings.Contains(in.text, "(bad)") || strings.Contains(in.text, "zmm") || strings.Contains(in.text, "%k") {
			t.Errorf("%s (%s) is not AVX2", in.text, strings.Join(in.bytes, " "))
			return
		}
	}
}

// TestFormsEncoding decodes every form: the assembler must have made of each
// the instruction that it says, and of AVX2's none in the newer encoding.
func TestFormsEncoding(t *testing.T) {
	executable := buildForms(t)
	for isa := range limits {
		functions := disassemble(t, executable, "main.forms_"+isa)
		if len(functions) != 1 {
			t.Fatalf("%d functions of %s, want one", len(functions), isa)
		}
		code := functions[0]
		var want []string
		for _, line := range strings.Split(allForms(t, isa), "\n") {
			if strings.HasPrefix(line, "\t") {
				name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
				name, _, _ = strings.Cut(name, ".") // suffixes show in the operands
				want = append(want, strings.ToLower(name))
			}
		}
		var got []string
		for _, in := range code {
			name, _, _ := strings.Cut(in.text, " ")
			got = append(got, name)
		}
		if len(got) < len(want) {
			t.Fatalf("%s: %d instructions, want %d", isa, len(got), len(want))
		}
		for i := range want {
			if !same(want[i], got[i]) {
				t.Errorf("%s: instruction %d is %q, want %s", isa, i, code[i].text, want[i])
			}
		}
		if isa == "avx2" {
			checkAVX2(t, code)
		}
	}
}

// same reports whether objdump's name of an instruction is that of Go's
// assembler: Go appends an operand size to the general ones, and objdump says
// the predicate of a comparison.
func same(gos, objdumps string) bool {
	switch gos {
	case "movq", "addq", "incq", "decq", "cmpq", "leaq":
		return strings.TrimSuffix(gos, "q") == strings.TrimSuffix(objdumps, "q")
	case "movl":
		return objdumps == "mov"
	case "jgt":
		return objdumps == "jg"
	case "cmovqhi": // Go's HI is above, unsigned
		return objdumps == "cmova"
	case "vcmpps":
		return regexp.MustCompile(`^vcmp\w*ps$`).MatchString(objdumps)
	}
	return gos == objdumps
}

// TestAVX2Encoding decodes every AVX2 kernel of networks as they are linked.
func TestAVX2Encoding(t *testing.T) {
	if _, err := exec.LookPath("objdump"); err != nil {
		t.Skip("needs objdump (GNU binutils)")
	}
	all, err := networks()
	if err != nil {
		t.Fatal(err)
	}
	var nets []*suite.Net
	for _, n := range all {
		if !strings.HasPrefix(n.Name, "p3d199") {
			nets = append(nets, n)
		}
	}
	if testing.Short() {
		nets = nets[len(nets)-3:]
	}
	p := suite.BuildFor(t, nets, "linux", "amd64")
	functions := disassemble(t, p.Path, "_avx2")
	for _, code := range functions {
		checkAVX2(t, code)
		// The assembler pads functions behind their end.
		for len(code) > 0 && (code[len(code)-1].text == "int3" || strings.HasPrefix(code[len(code)-1].text, "nop")) {
			code = code[:len(code)-1]
		}
		if n := len(code); n < 2 || code[n-2].text != "vzeroupper" || code[n-1].text != "ret" {
			t.Errorf("a kernel ends with %v", code[max(0, len(code)-2):])
		}
	}
	t.Logf("%d kernels", len(functions))
}
