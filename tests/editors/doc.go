// Package editors tests what colours descriptions in editors: that it knows
// every word of the language and every part of every text. It holds tests
// alone.
package editors
