package harness

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/codegen"
)

// sources are the main program and the protocol, which the temporary module
// gets copies of.
//
//go:embed program/*.go wire/wire.go
var sources embed.FS

// programTag is the build constraint of the main program's files. They import
// packages that exist in the temporary module only.
const programTag = "harness"

// cudaTag is set besides for a package that packs weights for GPUs.
const cudaTag = "cuda"

// modulePath is the temporary module's. It is always the same, as are all
// paths that the compiler sees, so that what did not change comes from the
// build cache.
const modulePath = "p3dcharness"

// What go.mod and go.sum of the temporary module say of the one module that
// generated packages import: the version and the checksums that this module
// has itself, so that nothing is downloaded where it was built.
const (
	sysModule  = "golang.org/x/sys"
	sysVersion = "v0.49.0"
	sysSum     = "h1:XbzkgYJHdqh/8m2Uu0W/dQv8nktxx4BFHp1M0gROTXA="
	sysModSum  = "h1:hNLxWAXmnKAxqDtdwIYC4bM9oQPEecfsnNMuSxOs3og="
	goVersion  = "1.26.0" // the least that sysModule asks for
)

// writeModule writes the temporary module into an empty folder.
func writeModule(dir string, files []codegen.File) error {
	m := moduleWriter{dir: dir}
	m.file("go.mod", fmt.Appendf(nil, "module %s\n\ngo %s\n\nrequire %s %s\n", modulePath, goVersion, sysModule, sysVersion))
	m.file("go.sum", fmt.Appendf(nil, "%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", sysModule, sysVersion, sysSum, sysModSum))
	m.folder("program", ".")
	m.folder("wire", "wire")
	for _, f := range avx.PeakFiles(codegen.Options{Package: "peak", Source: "the harness", Version: "(devel)"}) {
		m.file(path.Join("peak", f.Name), f.Content)
	}
	for _, f := range files {
		m.file(path.Join("net", f.Name), f.Content)
	}
	return m.err
}

// moduleWriter writes files until one fails.
type moduleWriter struct {
	dir string
	err error
}

// file writes one file; name is a slash-separated path in the module.
func (m *moduleWriter) file(name string, content []byte) {
	if m.err != nil {
		return
	}
	to := filepath.Join(m.dir, filepath.FromSlash(name))
	if m.err = os.MkdirAll(filepath.Dir(to), 0o777); m.err == nil {
		m.err = os.WriteFile(to, content, 0o666)
	}
}

// folder copies the sources of a folder, tests left out.
func (m *moduleWriter) folder(from, to string) {
	entries, err := fs.ReadDir(sources, from)
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded sources: %v", err))
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		content, err := sources.ReadFile(path.Join(from, e.Name()))
		if err != nil {
			panic(fmt.Sprintf("BUG: embedded sources: %v", err))
		}
		m.file(path.Join(to, e.Name()), content)
	}
}
