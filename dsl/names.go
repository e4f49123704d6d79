package dsl

import (
	"embed"
	"fmt"
	"path"
	"regexp"
	"strings"
)

//go:embed names/*.p3d
var nameFiles embed.FS

// nameVars lists, for each key of a names clause, the placeholders that its
// template may use, in the order in which a scheme is written.
var nameVars = []struct {
	key  string
	vars []string
}{
	{"conv", layerVars}, {"conv-norm", layerVars}, {"linear", layerVars},
	{"block", []string{"name", "stage", "index", "number", "letter"}},
	{"reduce", blockVars}, {"reduce-norm", blockVars},
	{"spatial", middleVars}, {"spatial-norm", middleVars},
	{"temporal", middleVars}, {"temporal-norm", middleVars},
	{"full", middleVars}, {"full-norm", middleVars},
	{"flat", middleVars}, {"flat-norm", middleVars},
	{"expand", blockVars}, {"expand-norm", blockVars},
	{"project", blockVars}, {"project-norm", blockVars},
	{"weight", paramVars}, {"bias", paramVars},
	{"gamma", paramVars}, {"beta", paramVars}, {"mean", paramVars}, {"variance", paramVars},
}

// The placeholders by what they belong to.
var (
	layerVars  = []string{"n", "name", "slot"} // a layer outside of stages: its number among its like, from 1; its own name; its place among all
	blockVars  = []string{"block"}             // a module in a block: the block's name
	middleVars = []string{"block", "n"}        // a block's convolution in space or time: the block's name; its number in the block
	paramVars  = []string{"module"}            // a parameter: its module's name
)

// lettered is the most blocks of a stage that letters tell apart.
const lettered = 3

// letter returns what the names of the first residual networks in Caffe call a
// stage's block: a, b and c, or in longer stages a, b1, b2 and so on.
func letter(index, blocks int) string {
	if index > 0 && blocks > lettered {
		return fmt.Sprintf("b%d", index)
	}
	return string(rune('a' + index))
}

// number returns the digits at the end of a stage's name.
func (s *Stage) number() string {
	return s.Name[len(strings.TrimRight(s.Name, "0123456789")):]
}

// nameKeys returns the keys of a names clause.
func nameKeys() []string {
	var keys []string
	for _, v := range nameVars {
		keys = append(keys, v.key)
	}
	return keys
}

// schemes returns the names of the embedded schemes.
func schemes() []string { return embedded(nameFiles, "names") }

// scheme returns the templates of an embedded scheme by key.
func scheme(name string) map[string]string {
	file := path.Join("names", name+".p3d")
	src, err := nameFiles.ReadFile(file)
	if err != nil {
		panic("BUG: no scheme " + name)
	}
	p := newParser(file, string(src))
	p.above()
	p.next() // names
	n := &Names{}
	if !p.names(n) {
		panic(fmt.Sprintf("BUG: embedded scheme: %v", p.errs))
	}
	templates := map[string]string{}
	for _, e := range n.Entries {
		templates[e.Key] = e.Template
	}
	return templates
}

// namer makes the names of modules and parameters from templates.
type namer map[string]string

// newNamer returns the names of a network: its scheme's, replaced by its own.
func newNamer(n *Names) namer {
	if n == nil {
		return scheme(DefaultNames)
	}
	base := n.Scheme
	if base == "" {
		base = DefaultNames
	}
	templates := scheme(base)
	for _, e := range n.Entries {
		templates[e.Key] = e.Template
	}
	return templates
}

// name fills a key's template. Values come in the order of the placeholders
// in nameVars.
func (t namer) name(key string, values ...any) string {
	var pairs []string
	for i, v := range templateVars(key) {
		pairs = append(pairs, "{"+v+"}", fmt.Sprint(values[i]))
	}
	return strings.NewReplacer(pairs...).Replace(t[key])
}

// uses reports whether a key's template has a placeholder.
func (t namer) uses(key, placeholder string) bool {
	return strings.Contains(t[key], "{"+placeholder+"}")
}

func templateVars(key string) []string {
	for _, v := range nameVars {
		if v.key == key {
			return v.vars
		}
	}
	panic("BUG: no name key " + key)
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// templateFault says what is wrong with a template, "" if nothing is.
func templateFault(key, template string) string {
	vars := templateVars(key)
	for _, m := range placeholder.FindAllString(template, -1) {
		if name := m[1 : len(m)-1]; !contains(vars, name) {
			return unknown("placeholder", name, vars)
		}
	}
	literal := placeholder.ReplaceAllString(template, "")
	switch {
	case strings.ContainsAny(literal, "{}"):
		return "a brace without its partner; expected placeholders such as {" + vars[0] + "}"
	case template == "":
		return "the name is empty"
	case len(template) > MaxName:
		return fmt.Sprintf("the name has %d characters; expected at most %d", len(template), MaxName)
	case strings.ContainsFunc(literal, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "a space or a character that is not ASCII; expected a name without"
	}
	return ""
}

func contains[T comparable](list []T, one T) bool {
	for _, v := range list {
		if v == one {
			return true
		}
	}
	return false
}
