package codegen

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pkg returns the files of a made-up package.
func pkg(text string, names ...string) []File {
	var files []File
	for _, name := range names {
		files = append(files, File{name, []byte(generatedMark + text + ".\n\npackage x\n")})
	}
	return files
}

// tree lists what is in a folder and below: contents of files, "dir" of
// folders, "-> target" of links.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case e.IsDir():
			all[name] = "dir"
		case e.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			all[name] = "-> " + target
			return err
		default:
			data, err := os.ReadFile(path)
			all[name] = string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// want is the tree of a package in a folder.
func want(dir string, files []File) map[string]string {
	all := map[string]string{dir: "dir"}
	for _, f := range files {
		all[filepath.Join(dir, f.Name)] = string(f.Content)
	}
	return all
}

func mustWrite(t *testing.T, dir string, files []File) {
	t.Helper()
	if err := Write(dir, files); err != nil {
		t.Fatal(err)
	}
}

func checkTree(t *testing.T, root string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, root)); diff != "" {
		t.Errorf("folders and files (-want +got):\n%s", diff)
	}
}

// TestWrite writes to all sorts of places, twice: the second package has
// other files, and nothing of the first may stay.
func TestWrite(t *testing.T) {
	for _, dir := range []string{
		"p3d63", "./p3d63", "a/b/c", "a b/ünïcödé 動画", "x/../p3d63", "p3d63/", "-o", "star*", ".hidden", "new", "%d",
	} {
		t.Run(dir, func(t *testing.T) {
			t.Chdir(t.TempDir())
			first, second := pkg("1", "a.go", "b.go", "k_amd64.s"), pkg("2", "b.go", "c.go")
			for _, files := range [][]File{first, second, nil, second} {
				mustWrite(t, dir, files)
				all := want(filepath.Clean(dir), files)
				for p := filepath.Dir(filepath.Clean(dir)); p != "."; p = filepath.Dir(p) {
					all[p] = "dir"
				}
				checkTree(t, ".", all)
			}
		})
	}
	t.Run("absolute", func(t *testing.T) {
		root := t.TempDir()
		mustWrite(t, filepath.Join(root, "p"), pkg("1", "a.go"))
		checkTree(t, root, want("p", pkg("1", "a.go")))
	})
	t.Run("an empty folder", func(t *testing.T) {
		root := t.TempDir()
		mkdir(t, root, "p")
		mustWrite(t, filepath.Join(root, "p"), pkg("1", "a.go"))
		checkTree(t, root, want("p", pkg("1", "a.go")))
	})
}

func mkdir(t *testing.T, path ...string) string {
	t.Helper()
	dir := filepath.Join(path...)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

// TestWriteFails provokes failures. Each must leave all there is as it was.
func TestWriteFails(t *testing.T) {
	refused := "not written by p3dc; the package's folder is replaced as a whole, so give one of its own"
	for _, tc := range []struct {
		name  string
		setUp func(t *testing.T)
		dir   string
		files []File
		want  string // a part of the error
	}{
		{"a foreign file", func(t *testing.T) { writeFile(t, "p/main.go", "package main\n") }, "p", nil, "main.go: " + refused},
		{"a hidden file", func(t *testing.T) { writeFile(t, "p/.env", "") }, "p", nil, ".env: " + refused},
		{"a folder", func(t *testing.T) { mkdir(t, "p/testdata") }, "p", nil, "testdata: " + refused},
		{"a link to a package's file", func(t *testing.T) { symlink(t, "a.go", "p/link.go") }, "p", nil, "link.go: " + refused},
		{"a file almost as the tool writes", func(t *testing.T) { writeFile(t, "p/x.go", " "+generatedMark) }, "p", nil, "x.go: " + refused},
		{"a file in the folder's place", func(t *testing.T) { writeFile(t, "q", "precious") }, "q", nil, "q"},
		{"a file above the folder", func(t *testing.T) { writeFile(t, "q", "precious") }, "q/r", nil, "q"},
		{"a file further above", func(t *testing.T) { writeFile(t, "q", "precious") }, "q/r/s", nil, "q"},
		{"a link to nowhere", func(t *testing.T) { symlink(t, "gone", "link") }, "link", nil, "a symbolic link to gone, which is not there; make that or remove the link"},
		{"links in a circle", func(t *testing.T) { symlink(t, "two", "one"); symlink(t, "one", "two") }, "one", nil, "one"},
		{"a folder that takes nothing", func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("no /proc here")
			}
		}, "/proc/p", nil, "/proc/p: cannot be written; give a folder that can: "},
		{"a mount point", func(t *testing.T) {
			if runtime.GOOS != "linux" {
				t.Skip("nothing is mounted at /proc")
			}
		}, "/proc", nil, "/proc: a mount point; the package's folder is replaced as a whole, so give a folder inside"},
		{"a name too long", func(*testing.T) {}, strings.Repeat("x", 250), nil, "xxx"},
		{"a file in a folder that is not there", func(*testing.T) {}, "p", append(pkg("2", "b.go"), pkg("2", "sub/c.go")...), "sub/c.go"},
		{"a file that has no name", func(*testing.T) {}, "p", append(pkg("2", "b.go"), File{}), "new"},
		{"no room above", func(t *testing.T) {
			if os.Geteuid() == 0 || runtime.GOOS == "windows" {
				t.Skip("this user may write anywhere")
			}
			mkdir(t, "above/p")
			if err := os.Chmod("above", 0o555); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.Chmod("above", 0o777) })
		}, "above/p", nil, "above"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			mustWrite(t, "p", pkg("1", "a.go", "b.go"))
			tc.setUp(t)
			before := tree(t, ".")
			if tc.files == nil { // the place is at fault, which can be told before
				tc.files = pkg("2", "b.go", "c.go")
				if err := Replaceable(tc.dir); err == nil || !strings.Contains(filepath.ToSlash(err.Error()), tc.want) {
					t.Errorf("Replaceable: %v, want it to say %q", err, tc.want)
				}
			}
			err := Write(tc.dir, tc.files)
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), tc.want) {
				t.Errorf("got %v, want it to say %q", err, tc.want)
			}
			checkTree(t, ".", before)
		})
	}
}

// TestWriteFollowsLinks checks that a link stays and its folder is replaced.
func TestWriteFollowsLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	mustWrite(t, "real", pkg("1", "a.go"))
	symlink(t, "real", "link")
	mkdir(t, "elsewhere")
	symlink(t, "../link", "elsewhere/again")
	files := pkg("2", "b.go")
	mustWrite(t, "elsewhere/again", files)
	all := want("real", files)
	all["link"], all["elsewhere"], all["elsewhere/again"] = "-> real", "dir", "-> ../link"
	checkTree(t, ".", all)
}

// TestWriteThroughLinkedParent writes below a link to a folder.
func TestWriteThroughLinkedParent(t *testing.T) {
	t.Chdir(t.TempDir())
	mkdir(t, "real")
	symlink(t, "real", "link")
	for _, text := range []string{"1", "2"} {
		mustWrite(t, "link/p", pkg(text, "a.go"))
		all := want("real/p", pkg(text, "a.go"))
		all["real"], all["link"] = "dir", "-> real"
		checkTree(t, ".", all)
	}
}

// TestConcurrentWrites lets several Writes meet, at a folder that is there or
// not, while others read: one whole package stays, and once there, there is
// always one.
func TestConcurrentWrites(t *testing.T) {
	root := t.TempDir()
	names := []string{"a.go", "b.go", "c.go", "d.go"}
	for round := range 20 {
		dir := filepath.Join(root, "p", fmt.Sprint(round/2)) // every other time it is there already
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if err := Write(dir, pkg(fmt.Sprint(i), names...)); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		var versions []string
		for path, text := range tree(t, dir) {
			if !slices.Contains(names, path) {
				t.Errorf("round %d: left %s behind", round, path)
			}
			versions = append(versions, text)
		}
		if len(versions) != len(names) || len(slices.Compact(versions)) != 1 {
			t.Errorf("round %d: a mixed package: %q", round, versions)
		}
	}
	for path := range tree(t, root) {
		if strings.Contains(path, "-new-") {
			t.Errorf("left %s behind", path)
		}
	}
}

// TestReplaceInOneStep looks at a folder while packages replace one another
// there: it must never be missing.
func TestReplaceInOneStep(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system cannot")
	}
	dir := filepath.Join(t.TempDir(), "p")
	mustWrite(t, dir, pkg("0", "a.go"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 {
			if err := Write(dir, pkg(fmt.Sprint(i), "a.go")); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if _, err := os.Stat(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReplaceInTwoSteps lets packages meet where the system cannot exchange
// folders: one stays, whole, and nothing else.
func TestReplaceInTwoSteps(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a folder that is read cannot be moved here")
	}
	cannot := func(string, string) error { return errors.ErrUnsupported }
	for range 20 {
		root := t.TempDir()
		dir := filepath.Join(root, "p")
		var wg sync.WaitGroup
		for i := range 4 {
			fresh := mkdir(t, root, fmt.Sprintf("tmp%d", i), "new")
			writeFile(t, filepath.Join(fresh, "a.go"), fmt.Sprint(i))
			wg.Go(func() {
				if err := replace(fresh, dir, cannot); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := tree(t, root)
		if len(got) != 6 || len(got[filepath.Join("p", "a.go")]) != 1 {
			t.Errorf("left behind: %q", got)
		}
	}
}

// TestSwap takes the two steps of systems that have not the one.
func TestSwap(t *testing.T) {
	one, two := pkg("1", "a.go"), pkg("2", "b.go")
	put := func(t *testing.T, dir string, files []File) {
		mkdir(t, dir)
		for _, f := range files {
			writeFile(t, filepath.Join(dir, f.Name), string(f.Content))
		}
	}
	for _, tc := range []struct {
		name  string
		setUp func(t *testing.T)
		fails bool
		want  []map[string]string
	}{
		{"over a package", func(t *testing.T) { put(t, "new", two); put(t, "p", one) }, false, []map[string]string{want("p", two)}},
		{"to an empty place", func(t *testing.T) { put(t, "new", two) }, false, []map[string]string{want("p", two)}},
		{"no new package", func(t *testing.T) { put(t, "p", one) }, true, []map[string]string{want("p", one)}},
		{"neither", func(*testing.T) {}, true, nil},
		{"no room for the old one", func(t *testing.T) { put(t, "new", two); put(t, "p", one); put(t, "old", one) }, true,
			[]map[string]string{want("p", one), want("new", two), want("old", one)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			tc.setUp(t)
			if err := swap("new", "p", "old"); (err != nil) != tc.fails {
				t.Errorf("got %v", err)
			}
			all := map[string]string{}
			for _, part := range tc.want {
				maps.Copy(all, part)
			}
			checkTree(t, ".", all)
		})
	}
}

func TestDiff(t *testing.T) {
	t.Chdir(t.TempDir())
	files := pkg("1", "a.go", "b.go", "c.go")
	diff := func(want ...string) {
		t.Helper()
		got, err := Diff("p", files)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	diff("a.go: missing", "b.go: missing", "c.go: missing")
	mustWrite(t, "p", files)
	diff()
	writeFile(t, "p/b.go", "changed")
	writeFile(t, "p/.swp", "an editor's")
	writeFile(t, "p/z.go", "package x")
	mkdir(t, "p/old")
	if err := os.Remove("p/a.go"); err != nil {
		t.Fatal(err)
	}
	diff("a.go: missing", "b.go: differs", "old: not part of the package", "z.go: not part of the package")
	writeFile(t, "file", "")
	if lines, err := Diff("file", files); err == nil {
		t.Errorf("a file in the folder's place: %q", lines)
	}
	if lines, err := Diff("file", nil); err == nil {
		t.Errorf("a file in the folder's place, no files: %q", lines)
	}
}

// The folder that somebody stands in is not taken from under them.
func TestWriteWorkingDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write(".", []File{{Name: "a.go"}}); err == nil || !strings.Contains(err.Error(), "the working directory") {
		t.Errorf("got %v", err)
	}
	if err := Replaceable("."); err == nil {
		t.Error("replaceable")
	}
}

// Nor is it under the name of a link, by which a shell that went there calls it.
func TestWriteLinkedWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	mkdir(t, root, "far", "real")
	link := filepath.Join(root, "link")
	symlink(t, "far/real", link)
	t.Chdir(link)
	for _, dir := range []string{".", link, "../real"} {
		if err := Write(dir, pkg("1", "a.go")); err == nil || !strings.Contains(err.Error(), "the working directory") {
			t.Errorf("%s: got %v", dir, err)
		}
	}
	// What is read from .. is beside the folder and not beside the link.
	mustWrite(t, "../p", pkg("1", "a.go"))
	checkTree(t, "..", map[string]string{"real": "dir", "p": "dir", "p/a.go": string(pkg("1", "a.go")[0].Content)})
}

// Looking whether a folder can be made leaves nothing, not even the folders above.
func TestReplaceable(t *testing.T) {
	t.Chdir(t.TempDir())
	mustWrite(t, "old", pkg("1", "a.go"))
	before := tree(t, ".")
	for _, dir := range []string{"new", "old", "some/where/new", filepath.Join(t.TempDir(), "some/where")} {
		if err := Replaceable(dir); err != nil {
			t.Error(err)
		}
	}
	checkTree(t, ".", before)
}

// A folder keeps its permissions.
func TestWritePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders have none here")
	}
	t.Chdir(t.TempDir())
	mustWrite(t, "p", pkg("1", "a.go"))
	for _, mode := range []os.FileMode{0o700, 0o770 | os.ModeSetgid, 0o755} {
		if err := os.Chmod("p", mode); err != nil {
			t.Fatal(err)
		}
		mustWrite(t, "p", pkg("2", "a.go"))
		if info, err := os.Stat("p"); err != nil || info.Mode() != mode|os.ModeDir {
			t.Errorf("%v became %v (%v)", mode|os.ModeDir, info.Mode(), err)
		}
	}
}

// A mount point can be written to but not replaced.
func TestReplaceMountPoint(t *testing.T) {
	busy := func(a, b string) error { return &os.LinkError{Op: "exchange", Old: a, New: b, Err: syscall.EBUSY} }
	err := replace("new", "p", busy)
	if want := "p: a mount point, or in use, which cannot be replaced; give a folder inside: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// What cannot be removed is named.
func TestRemoveAll(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x") + "/." // which no system removes
	if err := RemoveAll(dir); err == nil || !strings.HasPrefix(err.Error(), dir+" is left behind and may be removed: ") {
		t.Errorf("got %v", err)
	}
}

// Of a file that somebody else put there, however large, little is read.
func TestWriteReadsLittle(t *testing.T) {
	for _, name := range []string{"video.mkv", "video.cubin"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, name), "\x00")
			if err := os.Truncate(filepath.Join(dir, name), 256<<20); err != nil {
				t.Skip(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := Replaceable(dir)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), name+": not written by p3dc") {
				t.Errorf("got %v", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("%d bytes allocated", n)
			}
		})
	}
}
