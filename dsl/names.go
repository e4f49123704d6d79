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
	{"block", []string{"name", "stage", "index"}},
	{"reduce", blockVars}, {"reduce-norm", blockVars},
	{"spatial", blockVars}, {"spatial-norm", blockVars},
	{"temporal", blockVars}, {"temporal-norm", blockVars},
	{"flat", blockVars}, {"flat-norm", blockVars},
	{"expand", blockVars}, {"expand-norm", blockVars},
	{"project", blockVars}, {"project-norm", blockVars},
	{"weight", paramVars}, {"bias", paramVars},
	{"gamma", paramVars}, {"beta", paramVars}, {"mean", paramVars}, {"variance", paramVars},
}

// The placeholders by what they belong to.
var (
	layerVars = []string{"n"}      // a layer outside of stages: its number among its like, from 1
	blockVars = []string{"block"}  // a module in a block: the block's name
	paramVars = []string{"module"} // a parameter: its module's name
)

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

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}
