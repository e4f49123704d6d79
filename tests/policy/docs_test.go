package policy

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// TestPackageComments checks that every package says what it is, once, in the
// usual words.
func TestPackageComments(t *testing.T) {
	for dir, files := range packages(sources(t)) {
		var docs []string
		for _, f := range files {
			if f.ast.Doc != nil {
				docs = append(docs, f.ast.Doc.Text())
			}
		}
		if len(docs) != 1 {
			t.Errorf("%s has %d package comments, want one", dir, len(docs))
			continue
		}
		name := files[0].ast.Name.Name
		ok := strings.HasPrefix(docs[0], "Package "+name+" ")
		if name == "main" {
			ok = len(docs[0]) > 0
		}
		if !ok {
			t.Errorf("the package comment of %s begins with %.40q, want \"Package %s ...\"", dir, docs[0], name)
		}
	}
}

// TestExportedComments checks that all that is exported has a comment: of its
// own, at the end of its line, or that of its group.
func TestExportedComments(t *testing.T) {
	for _, f := range sources(t) {
		if f.isTest() {
			continue
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
					t.Errorf("%s: %s has no comment", f.at(d), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, name := range bare(d) {
					t.Errorf("%s: %s has no comment", f.at(name), name.Name)
				}
			}
		}
	}
}

// exportedReceiver reports whether a function is none, or one that users see.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// bare returns the exported names of a declaration that have no comment.
func bare(d *ast.GenDecl) []*ast.Ident {
	if d.Tok == token.IMPORT {
		return nil
	}
	var list []*ast.Ident
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
				list = append(list, s.Name)
			}
		case *ast.ValueSpec:
			for _, name := range s.Names {
				if name.IsExported() && s.Doc == nil && d.Doc == nil && s.Comment == nil {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

// maxLines is what a file may have: one that outgrows it usually holds two
// ideas.
const maxLines = 500

func TestFileLengths(t *testing.T) {
	for _, f := range sources(t) {
		if n := f.fset.File(f.ast.FileStart).LineCount(); n > maxLines && !f.generated() {
			t.Errorf("%s has %d lines, want at most %d", f.name, n, maxLines)
		}
	}
}
