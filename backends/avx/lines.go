package avx

import (
	"slices"

	"github.com/dave/jennifer/jen"

	"github.com/p3dc/p3dc/ir"
)

// linesOf lists the lines of all transforms in some plans.
func linesOf(plans []*ir.Plan) []ir.Line {
	var lines []ir.Line
	for _, p := range plans {
		for i := range p.Packs {
			if p.Packs[i].Transform == (ir.Transform{}) {
				continue
			}
			for _, l := range p.Packs[i].Transform.Lines() {
				if !slices.Contains(lines, l) {
					lines = append(lines, l)
				}
			}
		}
	}
	return lines
}

// transform refers to the table's lines.
func (t *tables) transform(f ir.Transform) jen.Code {
	return jen.Op("&").Id("transform").ValuesFunc(func(g *jen.Group) {
		for _, l := range f.Lines() {
			g.Op("&").Id("lines").Index(jen.Lit(slices.Index(t.lines, l)))
		}
	})
}

// lineTable writes the lines with their matrices.
func (t *tables) lineTable() *jen.File {
	f := t.file()
	var items []jen.Code
	for i, l := range t.lines {
		m := l.Matrices()
		name := l.String()
		if l == (ir.Line{}) {
			name = "an axis that is left as it is"
		}
		fields := fields{
			field("results", jen.Lit(l.Size())), field("inputs", jen.Lit(l.Inputs())),
			field("points", jen.Lit(l.Points())), field("phases", jen.Lit(l.Phases())),
			field("parts", jen.Lit(l.Parts())),
			field("in", phases(m.In)), field("weights", phases(m.Weights)),
			field("out", jen.Index().Index().Float64().Add(matrix(m.Out))),
		}
		if l.Late {
			fields.add("late", jen.True())
		}
		items = append(items, jen.Commentf("%d: %s", i, name).Line().Add(rows(fields)))
	}
	f.Comment("lines are what the plans' transforms are made of: Winograd's algorithm along")
	f.Comment("one axis.")
	f.Var().Id("lines").Op("=").Add(table("line", items))
	return f
}

func phases(ms [][][]float64) jen.Code {
	return jen.Index().Index().Index().Float64().Add(rows(each(ms, func(m [][]float64) jen.Code { return matrix(m) })))
}

func matrix(m [][]float64) *jen.Statement {
	return rows(each(m, func(row []float64) jen.Code {
		return jen.Values(each(row, func(x float64) jen.Code { return jen.Lit(x) })...)
	}))
}

// each maps a slice.
func each[T any](xs []T, f func(T) jen.Code) []jen.Code {
	var ys []jen.Code
	for _, x := range xs {
		ys = append(ys, f(x))
	}
	return ys
}
