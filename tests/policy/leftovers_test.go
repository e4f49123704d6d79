package policy

import (
	"go/ast"
	"testing"
)

// TestLeftovers checks that the tool removes its folders by the one function whose
// error says what is left and may be removed.
func TestLeftovers(t *testing.T) {
	for _, f := range sources(t) {
		if f.isTest() || f.top() == "tests" || f.name == "codegen/replace.go" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "RemoveAll" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "os" {
					t.Errorf("%s: os.RemoveAll; codegen.RemoveAll says what is left", f.at(n))
				}
			}
			return true
		})
	}
}
