// Package figure draws networks and their memory: what is computed, as papers
// draw it, and where a plan keeps its maps.
package figure
