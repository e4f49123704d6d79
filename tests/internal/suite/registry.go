package suite

import (
	"bytes"
	"text/template"
)

// registry is the file of the program that knows the packages: they have
// equal functions on types of their own. A session of a small network runs a
// clip of NaNs first: what a run reads of an earlier one, or writes where
// nobody should, shows in the result. It also runs the clip as the last of a batch.
var registry = template.Must(template.New("registry").Parse(`//go:build suite

package main

import (
	"fmt"
	"slices"
{{range .}}
	{{.Name}} "suite/{{.Name}}"{{end}}
)

var networks = []network{ {{range .}}
	{"{{.Name}}", func(weights string) (runFunc, error) {
		m, err := {{.Name}}.Open(weights)
		if err != nil {
			return nil, err
		}
		return func(threads int, clip []float32, want []value, results [][]float32) error {
			s := m.NewSession({{.Name}}.Threads(threads))
			var out {{.Name}}.Output
			for i, v := range want {
				switch {
				case v.Tap:
				case v.Name == "logits":
					out.Logits = results[i]
				case v.Name == "features":
					out.Features = results[i]
				case v.Name == "probabilities":
					out.Probabilities = results[i]
				default:
					return fmt.Errorf("no output %s", v.Name)
				}
			}
			if {{.Name}}.ClipLen < smallClip {
				if err := s.Run(&out, {{.Name}}.Float32Clip(poison({{.Name}}.ClipLen))); err != nil {
					return err
				}
			}
			if err := s.Run(&out, {{.Name}}.Float32Clip(clip)); err != nil {
				return err
			}
			{{if .Taps}}for i, v := range want {
				if v.Tap {
					if err := s.Tap(v.Name, results[i]); err != nil {
						return err
					}
				}
			}
			{{end}}if {{.Name}}.ClipLen >= smallClip {
				return nil
			}
			// The last clip of a batch computes what it does alone, to the bit.
			other := slices.Clone(clip)
			slices.Reverse(other)
			outs := make([]{{.Name}}.Output, 2)
			for _, o := range []struct{ alone []float32; batch *[]float32 }{ {out.Logits, &outs[1].Logits}, {out.Features, &outs[1].Features} } {
				if o.alone != nil {
					*o.batch = make([]float32, len(o.alone))
				}
			}
			b := m.NewSession({{.Name}}.Threads(threads), {{.Name}}.Batch(2))
			if err := b.RunBatch(outs, []{{.Name}}.Clip{ {{.Name}}.Float32Clip(other), {{.Name}}.Float32Clip(clip)}); err != nil {
				return err
			}
			return sameBits(outs[1].Logits, out.Logits, outs[1].Features, out.Features)
		}, nil
	}, {{if .Guarded}}{{.Name}}.Guard{{else}}nil{{end}} },{{end}}
}
`))

type registered struct {
	Name          string
	Taps, Guarded bool
}

// registryFile returns the file for the given networks.
func registryFile(nets []*Net) []byte {
	var list []registered
	for _, n := range nets {
		list = append(list, registered{n.Name, len(n.Graph.Taps) > 0, n.Guarded})
	}
	var b bytes.Buffer
	if err := registry.Execute(&b, list); err != nil {
		panic("BUG: " + err.Error())
	}
	return b.Bytes()
}
