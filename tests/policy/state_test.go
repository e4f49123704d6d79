package policy

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"testing"
)

// TestNoInit checks that importing a package does nothing: what there is, is
// listed where it is used.
func TestNoInit(t *testing.T) {
	for _, f := range sources(t) {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: a function init", f.at(d))
			}
		}
	}
}

// noImports lets a package be checked without those that it imports: the names
// that it declares itself are resolved all the same.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) {
	return nil, errors.New("imports are not followed")
}

// TestNoGlobalState checks that no function writes to a package's variable, as
// a whole or in part, or takes its address to let others do so.
func TestNoGlobalState(t *testing.T) {
	for _, files := range packages(sources(t)) {
		if files[0].generated() {
			continue // its tables are taken by address, and checked in codegen/support
		}
		names := uses(files)
		for _, f := range files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				for _, x := range written(n) {
					if v := variable(x); v != nil && isGlobal(names[v]) {
						t.Errorf("%s: the package's variable %s is written to", f.at(n), v.Name)
					}
				}
				return true
			})
		}
	}
}

// uses resolves the identifiers of a package, one platform's and another's
// files alike.
func uses(files []*file) map[*ast.Ident]types.Object {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	// Errors, such as names that two platforms' files both have, are let pass.
	var trees []*ast.File
	for _, f := range files {
		trees = append(trees, f.ast)
	}
	conf := types.Config{Importer: noImports{}, Error: func(error) {}}
	_, _ = conf.Check(files[0].dir(), files[0].fset, trees, info)
	return info.Uses
}

// written returns the expressions that a statement writes to.
func written(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	}
	return nil
}

// variable returns the variable that an expression is or is a part of, or nil.
// What a pointer points to is no part.
func variable(x ast.Expr) *ast.Ident {
	for {
		switch e := x.(type) {
		case *ast.Ident:
			return e
		case *ast.SelectorExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		default:
			return nil
		}
	}
}

// isGlobal reports whether an object is a variable of its package.
func isGlobal(o types.Object) bool {
	v, ok := o.(*types.Var)
	return ok && v.Parent() != nil && v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}

// TestStateIsSeen checks that TestNoGlobalState sees what it is there for.
func TestStateIsSeen(t *testing.T) {
	const source = `package p

var table = map[string]int{}
var list []int
var count int

func f(x int) { table["a"] = x }
func g() { list[0]++ }
func h() *int { return &count }
func local() { count := 1; count = 2; _ = count; _ = table["b"] }
`
	f := parseText(t, source)
	names := uses([]*file{f})
	found := map[string]int{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		for _, x := range written(n) {
			if v := variable(x); v != nil && isGlobal(names[v]) {
				found[v.Name]++
			}
		}
		return true
	})
	if len(found) != 3 || found["table"] != 1 || found["list"] != 1 || found["count"] != 1 {
		t.Errorf("writes to %v, want one to each of table, list and count", found)
	}
}
