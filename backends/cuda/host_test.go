package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/ir"
)

// TestNamesInC gives the package names that mean something in C, in C++, in their
// libraries, or in the files for C themselves.
func TestNamesInC(t *testing.T) {
	plan, err := Plan(chain(t), FP32)
	if err != nil {
		t.Fatal(err)
	}
	gcc, noGCC := exec.LookPath("gcc")
	gxx, noGXX := exec.LookPath("g++")
	for name, want := range map[string]string{
		"net": "net", "tiny": "tiny", "p3d63": "p3d63", "network": "network", "clip": "clip", // a word of comments alone
		"int": "p3dc_int", "float": "p3dc_float", "inline": "p3dc_inline", "class": "p3dc_class", "and": "p3dc_and", "std": "p3dc_std",
		"printf": "p3dc_printf", "log2": "p3dc_log2", "errno": "p3dc_errno", "string": "p3dc_string", "shm": "p3dc_shm", "linux": "p3dc_linux",
		"cuda": "p3dc_cuda", "nvrtc": "p3dc_nvrtc", "span": "p3dc_span", "launch": "p3dc_launch", "code": "p3dc_code", "how": "p3dc_how",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range host([]*ir.Plan{plan}, FP32, codegen.Options{Package: name, Source: "chain.p3d", Version: "v0"}) {
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			header, err := os.ReadFile(filepath.Join(dir, want+".h"))
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range []string{want + " *" + want + "_open(const char *code", "#define " + strings.ToUpper(want) + "_CLIP 120", "or the source " + name + ".cu,", name + "_sm_80.cubin"} {
				if !strings.Contains(string(header), line) {
					t.Errorf("the header lacks %q:\n%s", line, header)
				}
			}
			user := filepath.Join(dir, "user.cc")
			if err := os.WriteFile(user, []byte("#include <cmath>\n#include <cstdio>\n#include <string>\n#include \""+want+".h\"\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			compile := func(compiler string, missing error, args ...string) {
				if missing != nil {
					t.Logf("not compiled: %v", missing)
					return
				}
				if out, err := exec.Command(compiler, append(args, "-fsyntax-only", "-I", dir)...).CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", compiler, err, out)
				}
			}
			compile(gcc, noGCC, "-std=c11", filepath.Join(dir, want+"_host.c"))
			compile(gcc, noGCC, "-D_GNU_SOURCE", filepath.Join(dir, want+"_host.c"))
			compile(gxx, noGXX, user)
		})
	}
}
