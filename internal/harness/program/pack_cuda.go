//go:build harness && cuda

package main

import (
	"p3dcharness/net"
	"p3dcharness/wire"
)

// pack packs weights for GPUs.
func pack(q *wire.Pack) error { return net.PackCUDA(q.Weights, q.Packed) }
