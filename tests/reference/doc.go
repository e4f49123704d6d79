// Package reference tests generated packages against what PyTorch computes in
// float64 for the same networks, weights and clip. It holds tests alone.
package reference
