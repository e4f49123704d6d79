package module

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// machines are processors that qemu emulates, with what the package should choose
// on them. It has AVX2 since version 7.2, and no AVX-512.
var machines = []struct {
	name string
	arch string // GOARCH
	qemu []string
	isa  string
}{
	{"64-bit ARM", "arm64", []string{"qemu-aarch64"}, "generic"},
	{"AVX2 and FMA", "amd64", []string{"qemu-x86_64", "-cpu", "Haswell"}, "avx2"},
	{"AVX2 without FMA", "amd64", []string{"qemu-x86_64", "-cpu", "Haswell,-fma"}, "generic"},
	{"AVX without AVX2", "amd64", []string{"qemu-x86_64", "-cpu", "SandyBridge"}, "generic"},
	{"no AVX", "amd64", []string{"qemu-x86_64", "-cpu", "Nehalem"}, "generic"},
}

// TestMachines runs the user's program on processors other than this one: it must
// choose what they have, refuse what they lack, and compute the same. An instruction
// that a processor lacks ends the program under qemu.
func TestMachines(t *testing.T) {
	for _, name := range []string{"qemu-aarch64", "qemu-x86_64"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs %s, which Debian's package qemu-user has", name)
		}
	}
	n := smallNet(t)
	m := newModule(t, n)
	j := newJob(t, n, m.Dir)
	for _, arch := range []string{"arm64", "amd64"} {
		m.Go(t, []string{"GOOS=linux", "GOARCH=" + arch}, "build", "-trimpath", "-o", filepath.Join(m.Dir, arch), ".")
	}
	for _, machine := range machines {
		t.Run(machine.name, func(t *testing.T) {
			t.Parallel()
			run := func(isa string) (string, error) {
				args := append(machine.qemu[1:len(machine.qemu):len(machine.qemu)], filepath.Join(m.Dir, machine.arch), j.weights, j.frames)
				cmd := exec.Command(machine.qemu[0], args...)
				cmd.Env = append(os.Environ(), "P3DC_ISA="+isa)
				out, err := cmd.Output()
				return string(out), err
			}
			better := true // than what the machine has
			for _, isa := range []string{"", "avx512", "avx2", "generic"} {
				better = better && isa != machine.isa
				out, err := run(isa)
				if isa != "" && better {
					if err == nil || !strings.Contains(out, "this processor runs") {
						t.Errorf("asked for %s: %v, %q, want an error that says what the processor runs", isa, err, out)
					}
					continue
				}
				if err != nil {
					t.Errorf("asked for %q: %v\n%s", isa, err, out)
					continue
				}
				want := isa
				if isa == "" {
					want = machine.isa
				}
				if got := j.check(t, machine.name, []byte(out)); got != want {
					t.Errorf("asked for %q, it ran on %s, want %s", isa, got, want)
				}
			}
		})
	}
}
