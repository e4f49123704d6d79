package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/p3dc/p3dc/dsl"
)

// place is a file that a command reads or writes.
type place struct {
	arg  string // the argument or flag that names it, such as -o
	name string // "" for none
}

// netFile returns the file of a network, none for one that ships with the
// tool.
func netFile(arg, net string) place {
	if slices.Contains(dsl.Presets(), net) {
		net = ""
	}
	return place{arg, net}
}

// weightsFile returns the file of weights, none for made-up ones.
func weightsFile(arg, weights string) place {
	if weights == syntheticWeights {
		weights = ""
	}
	return place{arg, weights}
}

// distinct returns a usage error where a file that is to be written is one that
// is read, or is to be written twice.
func distinct(read, written []place) error {
	for i, w := range written {
		for _, r := range read {
			if sameFile(w.name, r.name) {
				return usageError{fmt.Errorf("%s %s: that file is %s, and would be lost; name another file to write", w.arg, w.name, r.arg)}
			}
		}
		for _, other := range written[:i] {
			if sameFile(w.name, other.name) {
				return usageError{fmt.Errorf("%s %s: %s writes that file, too; name another one", w.arg, w.name, other.arg)}
			}
		}
	}
	return nil
}

// sameFile reports whether two names are those of one file, which need not be
// there yet. "" is the name of none.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	dirA, a := filepath.Split(destination(a))
	dirB, b := filepath.Split(destination(b))
	infoA, errA = os.Stat(cmp.Or(dirA, "."))
	infoB, errB = os.Stat(cmp.Or(dirB, "."))
	return errA == nil && errB == nil && a == b && os.SameFile(infoA, infoB)
}

// destination returns the name of the file that a link leads to, be it there or
// not.
func destination(name string) string {
	const maxLinks = 255 // those that lead in a circle lead to no file
	for range maxLinks {
		target, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			dir, _ := filepath.Split(name)
			target = dir + target // not joined, which would drop "link/.."
		}
		name = target
	}
	return name
}
