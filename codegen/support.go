package codegen

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed support/*.go
var supportFS embed.FS

// tapsFile holds the support code that only packages with taps carry.
const tapsFile = "taps.go"

// cudaPrefix begins the files that only packages for GPUs carry.
const cudaPrefix = "cuda_"

// Support returns the support code's files for a package of the given name.
// Its own tests and package comment stay behind, and what GPUs need.
func Support(o Options, taps bool) []File {
	return support(o, func(name string) bool {
		return !strings.HasPrefix(name, cudaPrefix) && (name != tapsFile || taps)
	})
}

// SupportCUDA returns the files that a package for GPUs has besides.
func SupportCUDA(o Options) []File {
	return support(o, func(name string) bool { return strings.HasPrefix(name, cudaPrefix) })
}

// SupportCUDAPack returns those of SupportCUDA's files that pack weights, and open
// no library.
func SupportCUDAPack(o Options) []File {
	return support(o, func(name string) bool {
		return slices.Contains([]string{"cuda_plan.go", "cuda_pack.go", "cuda_packed.go", "cuda_values.go"}, name)
	})
}

// support returns the files that are asked for.
func support(o Options, has func(name string) bool) []File {
	entries, err := fs.ReadDir(supportFS, "support")
	if err != nil {
		panic(fmt.Sprintf("BUG: embedded support code: %v", err))
	}
	var files []File
	for _, e := range entries {
		name := e.Name()
		if name == "doc.go" || strings.HasSuffix(name, "_test.go") || !has(name) {
			continue
		}
		src, err := supportFS.ReadFile("support/" + name)
		if err != nil {
			panic(fmt.Sprintf("BUG: embedded support code: %v", err))
		}
		files = append(files, File{Name: "support_" + name, Content: rename(src, o)})
	}
	return slices.Clip(files)
}

// rename puts the header first and replaces the package clause.
func rename(src []byte, o Options) []byte {
	clause := []byte("package support\n")
	if bytes.Count(src, clause) != 1 {
		panic("BUG: support code without one package clause")
	}
	src = bytes.Replace(src, clause, fmt.Appendf(nil, "package %s\n", o.Package), 1)
	return append(fmt.Appendf(nil, "// %s\n\n", o.Header()), src...)
}
