//go:build harness && !cuda

package main

import (
	"p3dcharness/net"
	"p3dcharness/wire"
)

// pack packs weights for an instruction set.
func pack(q *wire.Pack) error { return net.Pack(q.Weights, q.Packed, q.ISA) }
