// Package support is the part of a generated package that is the same for
// every network: it opens the weights, keeps the sessions and their workers,
// and walks the plan. A generated package holds a copy of these files beside
// its own tables and kernels.
package support
