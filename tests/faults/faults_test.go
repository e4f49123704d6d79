package faults

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// network is what the commands work on.
const network = `network tiny {
    input rgb 3x4x16x16
    block bottleneck expansion 2 mix A B
    conv 8 kernel 1x3x3 stride 1x2x2 pad 0x1x1
    stage res2 width 8 blocks 2
    pool average
    linear CLASSES
}`

// A command writes a file or a folder anew, over an old one.
type command struct {
	name string
	out  string
	args []string
}

var commands = []command{
	{"compile", "tiny", []string{"compile", "-q", "tiny.p3d"}},
	{"convert", "w.safetensors", []string{"weights", "convert", "synthetic", "w.safetensors", "--net", "tiny.p3d"}},
}

// A fault is what happens at a system call.
type fault struct {
	name   string
	inject string // of strace
	kills  bool   // nobody can tidy up
	signal bool
}

var (
	diskFull = fault{name: "ENOSPC", inject: "error=ENOSPC"}
	broken   = fault{name: "EIO", inject: "error=EIO"}
	told     = fault{name: "SIGTERM", inject: "signal=SIGTERM", signal: true}
	killed   = fault{name: "SIGKILL", inject: "signal=SIGKILL", signal: true, kills: true}
)

// calls are the system calls that touch files, with the faults that they can meet.
// A read that fails is broken hardware; the rest fail on a full or a read-only
// disk.
var calls = []struct {
	names  string // the variants that systems have
	faults []fault
}{
	{"openat", []fault{diskFull, told, killed}},
	{"mkdirat", []fault{diskFull, told, killed}},
	{"write", []fault{diskFull, told, killed}},
	{"read,pread64", []fault{broken}},
	{"fsync", []fault{broken, killed}},
	{"close", []fault{broken, told, killed}},
	{"fchmod,fchmodat", []fault{broken, killed}},
	{"renameat,renameat2", []fault{broken, told, killed}},
	{"unlinkat", []fault{broken, told, killed}},
}

// every is how far apart the calls are that fail, behind the first few.
var every = flag.Int("every", 9, "let every so manieth call of a kind fail")

const first = 4

// TestFaults has calls of each kind fail in each way. For all of them, in some minutes:
//
//	go test ./tests/faults -args -every 1
//
// strace counts the calls of a thread, so that a fault may meet several threads'
// calls of one number.
func TestFaults(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace, to let system calls fail")
	}
	tool := filepath.Join(t.TempDir(), "p3dc")
	if out, err := exec.Command("go", "build", "-o", tool, "github.com/p3dc/p3dc/cmd/p3dc").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range commands {
		old, fresh := states(t, tool, c)
		for _, call := range calls {
			for _, f := range call.faults {
				t.Run(fmt.Sprintf("%s/%s/%s", c.name, call.names, f.name), func(t *testing.T) {
					t.Parallel()
					met := 0
					for n := 1; try(t, tool, c, call.names, f, n, old, fresh); met++ {
						if n++; n > first {
							n += *every - 1
						}
					}
					t.Logf("%d faults", met)
				})
			}
		}
	}
}

// prepare returns a folder with what a command reads, and the network of so many
// classes.
func prepare(t *testing.T, tool string, classes string) string {
	t.Helper()
	dir := t.TempDir()
	text := strings.Replace(network, "CLASSES", classes, 1)
	if err := os.WriteFile(filepath.Join(dir, "tiny.p3d"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

func run(t *testing.T, tool, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// A state is a folder's files and what they hold.
type state map[string]string

// states returns what a command's folder holds before and after it ran: before, its
// output is that for a network of other classes.
func states(t *testing.T, tool string, c command) (old, fresh state) {
	t.Helper()
	before, after := prepare(t, tool, "5"), prepare(t, tool, "7")
	run(t, tool, before, c.args...)
	out := read(t, before)
	run(t, tool, after, c.args...)
	fresh = read(t, after)
	old = state{}
	for name, content := range fresh {
		if made := name == c.out || strings.HasPrefix(name, c.out+"/"); made {
			content = out[name]
		}
		old[name] = content
	}
	return old, fresh
}

// read returns a folder's state.
func read(t *testing.T, dir string) state {
	t.Helper()
	s := state{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		s[filepath.ToSlash(name)] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write makes a folder with a state.
func (s state) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range s {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(content), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
}

// try runs a command whose n-th calls fail, and checks what is left. It returns
// whether there was such a call.
func try(t *testing.T, tool string, c command, names string, f fault, n int, old, fresh state) bool {
	t.Helper()
	dir, trace := t.TempDir(), filepath.Join(t.TempDir(), "trace")
	defer os.RemoveAll(dir)
	old.write(t, dir)
	args := []string{"-f", "-qq", "-o", trace, "-e", "trace=" + names, "-e", fmt.Sprintf("inject=%s:%s:when=%d", names, f.inject, n), tool}
	cmd := exec.Command("strace", append(args, c.args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	failed := cmd.Run()
	log, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	met := bytes.Contains(log, []byte("(INJECTED)"))
	if f.signal {
		met = bytes.Contains(log, []byte("--- SIGTERM {")) || bytes.Contains(log, []byte("killed by SIGKILL"))
	}
	// Who asks twice does not want to wait.
	twice := bytes.Count(log, []byte("--- SIGTERM {si_signo=SIGTERM, si_code=SI_KERNEL}")) > 1
	got := read(t, dir)
	left := hidden(got)
	cannotTidy := f.kills || twice || crashed(log) || strings.Contains(names, "unlinkat") ||
		strings.Contains(stderr.String(), "is left behind") // what removes opens folders, too
	cannotSay := f.signal || crashed(log) || injected(log, "write(2,")
	what := fmt.Sprintf("%s fails by %s at number %d: %v\n%s", names, f.name, n, failed, stderr.String())
	switch {
	case len(left) > 0 && !cannotTidy:
		t.Errorf("%s\nleaves %v", what, left)
	case failed == nil && !same(got, fresh):
		t.Errorf("%s\nno error, but the output is not that of the command", what)
	case failed != nil && !same(got, old) && !same(got, fresh):
		t.Errorf("%s\nthe output is neither the old one nor the new", what)
	case failed != nil && !cannotSay && !strings.Contains(stderr.String(), "p3dc: "):
		t.Errorf("%s\nan error without a message of its own", what)
	}
	return met && !t.Failed()
}

// injected returns whether a call that begins so was made to fail.
func injected(log []byte, call string) bool {
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, call) && strings.Contains(line, "(INJECTED)") {
			return true
		}
	}
	return false
}

// crashed returns whether the fault met Go's runtime where it wakes its poller by a
// write, which it holds to be impossible.
func crashed(log []byte) bool { return injected(log, `"\1\0\0\0\0\0\0\0", 8)`) }

// hidden takes names that begin with a dot out of a state, and returns them.
func hidden(s state) []string {
	var names []string
	for name := range s {
		if strings.HasPrefix(name, ".") {
			names = append(names, name)
			delete(s, name)
		}
	}
	return names
}

func same(a, b state) bool {
	if len(a) != len(b) {
		return false
	}
	for name, content := range a {
		if other, ok := b[name]; !ok || other != content {
			return false
		}
	}
	return true
}
