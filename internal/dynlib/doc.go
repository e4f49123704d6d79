// Package dynlib opens shared libraries at run time, without cgo.
package dynlib
