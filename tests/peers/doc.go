// Package peers tests that the comparison's document is what its raw figures
// give. The comparison itself is never part of the tests: see README.md.
package peers
