// Package draw makes random networks for tests: valid texts over the whole
// description language, small enough to be interpreted in a moment, and smaller
// texts of one that shows a fault.
package draw
