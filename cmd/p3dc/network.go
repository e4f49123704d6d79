package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/p3dc/p3dc/backends/avx"
	"github.com/p3dc/p3dc/codegen"
	"github.com/p3dc/p3dc/dsl"
	"github.com/p3dc/p3dc/ir"
)

// netArgs are the arguments that name a network.
type netArgs struct {
	Net string `arg:"" help:"Name of a network (${presets}) or file of a description."`
	setArgs
	tuningArgs
}

// setArgs are the flags that change a network.
type setArgs struct {
	Set []string `sep:"none" placeholder:"KEY=VALUE" help:"Change the network: mix=A,B, depths=3,4,6,3, input=2x16x160x160, classes=101 or stem-pool=caffe|pytorch. Repeatable."`
}

// network is a description, and the graph that it lowers to.
type network struct {
	*dsl.Network
	source string    // the description's name and what was changed, in one line
	graph  *ir.Graph // as lowered, with the named layers as taps
	tuning *tuning   // nil to schedule by the cost model
}

// load reads the network of the arguments, and its tuning. Faults of --set are
// usage errors.
func (a *netArgs) load(ctx context.Context) (*network, error) {
	n, err := loadNetwork(ctx, a.Net, a.Set)
	if err != nil {
		return nil, err
	}
	return n, n.tune(ctx, a.tuningFile(a.Net))
}

// loadNetwork reads a network and changes it. Faults of the changes are usage
// errors.
func loadNetwork(ctx context.Context, name string, set []string) (*network, error) {
	n, err := await(ctx, func() (*dsl.Network, error) { return dsl.Load(name) })
	if err != nil {
		return nil, err
	}
	var unchanged error // the network's faults before it is changed
	if len(set) > 0 {
		_, unchanged = dsl.Lower(n)
	}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, usageError{fmt.Errorf("--set %s: expected KEY=VALUE, such as classes=101", s)}
		}
		if err := dsl.Set(n, key, value); err != nil {
			return nil, usageError{err}
		}
	}
	g, err := dsl.Lower(n)
	if inOverrides(err) {
		return nil, usageError{err}
	}
	if err != nil {
		return nil, blame(err, unchanged, name, set)
	}
	return &network{Network: n, source: sourceName(name, set), graph: g}, nil
}

// blame says with which changes a network has faults that it has not without
// them: those lie in places of the description that are right as they stand.
func blame(err, unchanged error, name string, set []string) error {
	if len(set) == 0 || unchanged != nil {
		return err
	}
	return fmt.Errorf("%s with --set %s: %w", name, strings.Join(set, " --set "), err)
}

// inOverrides reports whether all faults of a network are in --set.
func inOverrides(err error) bool {
	var faults dsl.ErrorList
	return errors.As(err, &faults) && !slices.ContainsFunc(faults, func(e *dsl.Error) bool { return e.Pos.Line > 0 })
}

// sourceName returns how generated files call their description: its base
// name, which does not depend on the folder the tool ran in, and the changes.
func sourceName(name string, set []string) string {
	s := filepath.Base(name)
	if slices.Contains(dsl.Presets(), name) {
		s += ".p3d"
	}
	for _, kv := range set {
		s += " --set " + strings.Join(strings.Fields(kv), "")
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// fused returns the graph that is deployed: without taps, after all passes.
func (n *network) fused() (*ir.Graph, error) {
	g := n.graph.Clone()
	g.Taps = nil
	return ir.RunPasses(g, ir.Passes())
}

// identity names the network in what is made for it: its description's name and
// the beginning of the SHA-256 of what it computes, in hexadecimal digits.
func (n *network) identity() string {
	g := n.graph.Clone()
	g.Taps = nil
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v\n%v", g.Input, g))
	return fmt.Sprintf("%s %x", n.Name, sum[:8])
}

// plans returns how the network runs on each instruction set.
func (n *network) plans() ([]*ir.Plan, error) {
	g, err := n.fused()
	if err != nil {
		return nil, err
	}
	return avx.Plans(g, n.schedule())
}

// generate returns the files of the network's package.
func (n *network) generate(plans []*ir.Plan, pkg string) []codegen.File {
	return avx.Generate(plans, codegen.Options{Package: pkg, Source: n.source, Version: version})
}

// packageName checks the name given to a package, or makes one of the
// network's where none is given.
func (n *network) packageName(given string) (string, error) {
	if given == "" {
		name, err := codegen.PackageName(n.Name)
		if err != nil {
			return "", fmt.Errorf("%w: --package NAME", err)
		}
		return name, nil
	}
	if name, err := codegen.PackageName(given); err != nil || name != given {
		return "", usageError{fmt.Errorf("--package %s: expected lower-case letters and digits, no keyword and not main, such as p3d63", given)}
	}
	return given, nil
}

// isaNames returns the instruction sets that packages have code for.
func isaNames() []string {
	var names []string
	for _, m := range avx.Machines() {
		names = append(names, m.Name)
	}
	return names
}
