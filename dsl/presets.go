package dsl

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

//go:embed presets/*.p3d
var presetFiles embed.FS

// Presets returns the names of the networks that ship with the tool, in
// alphabetical order but for numbers, of which the smaller comes first.
func Presets() []string { return embedded(presetFiles, "presets") }

// embedded lists the descriptions in an embedded folder without their
// extension, in order.
func embedded(files embed.FS, dir string) []string {
	entries, err := files.ReadDir(dir)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".p3d"))
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(inOrder(a), inOrder(b)) })
	return names
}

var digits = regexp.MustCompile(`[0-9]+`)

// inOrder returns a name with its numbers made as long as one another.
func inOrder(name string) string {
	return digits.ReplaceAllStringFunc(name, func(n string) string { return fmt.Sprintf("%08s", n) })
}

// Preset returns a network that ships with the tool. Each call returns a tree
// of its own, which [Set] may change.
func Preset(name string) (*Network, error) {
	src, err := presetFiles.ReadFile(path.Join("presets", name+".p3d"))
	if err != nil {
		return nil, errors.New(unknown("preset", name, Presets()))
	}
	return Parse(name+".p3d", src)
}

// Load returns the preset of the given name or else the network in the file
// of that name. To read a file that has the name of a preset, write ./ before
// it.
func Load(nameOrPath string) (*Network, error) {
	if contains(Presets(), nameOrPath) {
		return Preset(nameOrPath)
	}
	src, err := readFile(nameOrPath)
	switch {
	case err == nil:
		return Parse(nameOrPath, src)
	case errors.Is(err, fs.ErrNotExist) && filepath.Base(nameOrPath) == nameOrPath:
		return nil, fmt.Errorf("%s, or a description's file, and there is no such file", unknown("network", nameOrPath, Presets()))
	}
	return nil, fmt.Errorf("cannot read the description: %w", err)
}

// readFile reads a description, and no more of a huge file than shows that it
// is none.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, MaxSource+1))
}
