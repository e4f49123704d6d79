package mutants

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/p3dc/p3dc/tests/internal/suite"
)

var (
	long = flag.Bool("long", false, "run the suites on every mutant, which takes half a minute each")
	only = flag.String("only", "", "with -long: run the mutants whose names match this expression")
	jobs = flag.Int("jobs", 2, "with -long: mutants at a time")
)

// mutant is an edit of one file that makes the program wrong. What it replaces
// occurs there once.
type mutant struct {
	name, file, old, new string
	first                string // the suite that is asked first; "" for random
}

// suites are asked one after another until one fails, beside the tests of the
// package that is mutated.
var suites = []struct {
	name string
	args []string
}{
	{"random", []string{"./tests/random", "-args", "-n", "20", "-shrink", "0"}},
	{"kernels", []string{"./tests/kernels"}},
	{"own", nil},
	{"asmforms", []string{"./tests/asmforms"}},
}

// TestTable checks that every mutant can be made.
func TestTable(t *testing.T) {
	if len(table) < 40 {
		t.Errorf("%d mutants, want 40 and more", len(table))
	}
	seen := map[string]bool{}
	for _, m := range table {
		text, err := os.ReadFile(filepath.Join(suite.Root(t), m.file))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), m.old); n != 1 || seen[m.name] || m.new == m.old {
			t.Errorf("%s: %s has %d times %q, want one", m.name, m.file, n, m.old)
		}
		seen[m.name] = true
	}
}

// TestMutants runs the suites on each mutant. One that none notices is a failure
// unless the table of survivors has a reason for it.
//
//	go test ./tests/mutants -v -timeout 2h -args -long
func TestMutants(t *testing.T) {
	if !*long {
		t.Skip("takes half an hour; run it with -args -long")
	}
	match := regexp.MustCompile(*only)
	var run []mutant
	for _, m := range table {
		if match.MatchString(m.name) {
			run = append(run, m)
		}
	}
	killers := make([]string, len(run))
	next := make(chan int)
	var wg sync.WaitGroup
	for range *jobs {
		wg.Go(func() {
			cache := warm(t)
			for i := range next {
				start := time.Now()
				var how string
				killers[i], how = killer(t, run[i], cache)
				if err := cache.Prune(); err != nil {
					t.Error(err)
				}
				t.Logf("%-9s %s (%v)%s", killers[i], run[i].name, time.Since(start).Round(time.Second), how)
			}
		})
	}
	for i := range run {
		next <- i
	}
	close(next)
	wg.Wait()
	by, alive := map[string]int{}, 0
	for i, m := range run {
		by[killers[i]]++
		reason, excused := survivors[m.name]
		switch {
		case killers[i] == "":
			alive++
			if !excused {
				t.Errorf("no suite notices: %s", m.name)
			}
		case excused:
			t.Errorf("%s notices: %s, which is said to survive: %s", killers[i], m.name, reason)
		}
	}
	t.Logf("%d of %d mutants are noticed: %v", len(run)-alive, len(run), by)
}

// message matches what a test says first, or why its program ended, in short.
var message = regexp.MustCompile(`\n +\w+_test\.go:\d+: (\w+:|[^0-9\n]|the generated program.*\n).{0,150}|\npanic: .{0,150}`)

// warm returns a build cache that has what all suites share, once it is pruned.
func warm(t *testing.T) *suite.Cache {
	cache := suite.NewCache(t)
	cmd := exec.Command("go", "test", "-vet=off", "-run=^$", "./ir", "./dsl", "./backends/avx", "./codegen/support", "./tests/random", "./tests/kernels", "./tests/asmforms")
	cmd.Dir, cmd.Env = suite.Root(t), append(os.Environ(), "GOCACHE="+cache.Dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if err := cache.Prune(); err != nil {
		t.Error(err)
	}
	return cache
}

// killer returns the name of the first suite that fails on a mutant, "" if all
// pass, and what the suite says.
func killer(t *testing.T, m mutant, cache *suite.Cache) (name, how string) {
	dir := t.TempDir()
	overlay := apply(t, m, dir)
	order := suites
	for i, s := range suites {
		if s.name == m.first {
			order = append(append(suites[i:i+1:i+1], suites[:i]...), suites[i+1:]...)
		}
	}
	for _, s := range order {
		args := s.args
		if s.name == "own" {
			args = []string{"./" + path.Dir(m.file)}
		}
		cmd := exec.Command("go", append([]string{"test", "-vet=off", "-failfast", "-timeout=10m", "-overlay=" + overlay}, args...)...)
		cmd.Dir, cmd.Env = suite.Root(t), append(os.Environ(), "GOCACHE="+cache.Dir)
		out, err := cmd.CombinedOutput()
		if strings.Contains(string(out), "[build failed]") || strings.Contains(string(out), "[setup failed]") {
			t.Errorf("%s does not compile:\n%s", m.name, out)
			return "compiler", ""
		}
		if err != nil {
			return s.name, message.FindString(string(out))
		}
	}
	return "", ""
}

// apply writes the mutated file, and the list of files that go replaces.
func apply(t *testing.T, m mutant, dir string) (overlay string) {
	original := filepath.Join(suite.Root(t), m.file)
	text, err := os.ReadFile(original)
	if err != nil {
		t.Error(err)
	}
	mutated := filepath.Join(dir, path.Base(m.file))
	list, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		t.Error(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	for name, content := range map[string]string{mutated: strings.Replace(string(text), m.old, m.new, 1), overlay: string(list)} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Error(fmt.Errorf("%s: %w", m.name, err))
		}
	}
	return overlay
}
