// Package generated holds the packages that p3dc writes for the networks it
// ships with, and for small networks that its tests run.
//
// Everything below this folder but nets is written by "go generate ./...",
// which must leave no difference behind: change the tool, never its output.
// The small networks are between them every block kind, sizes that no tile
// divides, clips that are long, and channels that fill no vector.
package generated

//go:generate go run ../cmd/p3dc compile -q p3d63 -o p3d63
//go:generate go run ../cmd/p3dc compile -q p3d131 -o p3d131
//go:generate go run ../cmd/p3dc compile -q p3d199 -o p3d199

//go:generate go run ../cmd/p3dc compile -q nets/small.p3d --set mix=A --package smalla -o smalla
//go:generate go run ../cmd/p3dc compile -q nets/small.p3d --set mix=B --package smallb -o smallb
//go:generate go run ../cmd/p3dc compile -q nets/small.p3d --set mix=C --package smallc -o smallc
//go:generate go run ../cmd/p3dc compile -q nets/small.p3d --package smallmix -o smallmix
//go:generate go run ../cmd/p3dc compile -q nets/small.p3d --set input=2x8x32x32 --set stem-pool=caffe --package smallflow -o smallflow
//go:generate go run ../cmd/p3dc compile -q nets/odd.p3d -o odd
//go:generate go run ../cmd/p3dc compile -q nets/long.p3d -o long
//go:generate go run ../cmd/p3dc compile -q nets/thin.p3d -o thin
