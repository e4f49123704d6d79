package weights

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/p3dc/p3dc/internal/protobuf"
)

// A caffemodel is a protobuf message, NetParameter, with a message for each
// layer, which holds its parameters as blobs. Only these fields are read:
//
//	NetParameter      name 1, layer 100 (LayerParameter), layers 2 (V1LayerParameter)
//	LayerParameter    name 1, blobs 7
//	V1LayerParameter  name 4, blobs 6, and layer 1 of what came before it
//	BlobProto         num 1, channels 2, height 3, width 4, data 5, shape 7, double_data 8
//	BlobShape         dim 1
//
// https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto
const (
	netName   = 1
	netLayers = 2
	netLayer  = 100

	v1Older = 1
)

// caffeLayerFields holds the numbers of a layer's fields by the number of its
// own: those of the current message and of V1.
var caffeLayerFields = map[protowire.Number]struct{ name, blobs protowire.Number }{
	netLayer:  {name: 1, blobs: 7},
	netLayers: {name: 4, blobs: 6},
}

// caffeNetKinds holds the wire types of the fields that may stand before the
// first layer: name, input, input_dim, force_backward, state, debug_info and
// input_shape.
var caffeNetKinds = map[protowire.Number]protowire.Type{
	netName: protowire.BytesType,
	3:       protowire.BytesType,
	4:       protowire.VarintType,
	5:       protowire.VarintType,
	6:       protowire.BytesType,
	7:       protowire.VarintType,
	8:       protowire.BytesType,
}

const (
	// maxCaffeBlobs and maxCaffeName, in bytes, bound what the tensors' names
	// take: each has its layer's.
	maxCaffeBlobs = 1 << 16
	maxCaffeName  = 1 << 10
)

// looksLikeCaffe reports whether data begins with fields of a NetParameter, up
// to the first layer.
func looksLikeCaffe(data []byte) bool {
	for {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return false
		}
		if _, ok := caffeLayerFields[number]; ok {
			return kind == protowire.BytesType
		}
		if want, ok := caffeNetKinds[number]; !ok || kind != want {
			return false
		}
		size := protowire.ConsumeFieldValue(number, kind, data[n:])
		if size < 0 {
			return false
		}
		data = data[n+size:]
	}
}

// parseCaffe reads a caffemodel. A blob is named by its layer and its place
// there, as in conv1.0. The tensors alias data where the values of a blob lie
// in one piece.
func parseCaffe(data []byte) (*File, error) {
	var (
		tensors  []Tensor
		metadata map[string]string
	)
	err := protobuf.EachField(data, func(f protobuf.Field) error {
		if f.Number == netName && f.Type == protowire.BytesType && len(f.Bytes) <= maxCaffeName && utf8.Valid(f.Bytes) {
			metadata = map[string]string{"name": string(f.Bytes)}
			return nil
		}
		fields, ok := caffeLayerFields[f.Number]
		if !ok {
			return nil
		}
		if err := f.Want(protowire.BytesType); err != nil {
			return err
		}
		if f.Number == netLayers && isOldestLayer(f.Bytes) {
			return errors.New("a layer of the kind before V1; Caffe's upgrade_net_proto_binary makes a current one of it")
		}
		layer, err := parseCaffeLayer(f.Bytes, fields.name, fields.blobs)
		if err != nil {
			return err
		}
		tensors = append(tensors, layer...)
		if len(tensors) > maxCaffeBlobs {
			return fmt.Errorf("more than %d blobs", maxCaffeBlobs)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("caffemodel: %w", err)
	}
	if len(tensors) == 0 {
		return nil, errors.New("caffemodel: no layer has blobs: the file is truncated, or describes a network without its weights")
	}
	return newFile(FormatCaffe, tensors, metadata)
}

// isOldestLayer reports whether a layer is one of Caffe's first format, in
// which V1's message was a shell around another.
func isOldestLayer(message []byte) bool {
	old := false
	protobuf.EachField(message, func(f protobuf.Field) error { // its faults are parseCaffeLayer's
		old = old || f.Number == v1Older && f.Type == protowire.BytesType
		return nil
	})
	return old
}

// parseCaffeLayer returns the blobs of a layer, named; name and blobs are the
// numbers of the fields.
func parseCaffeLayer(message []byte, name, blobs protowire.Number) ([]Tensor, error) {
	var (
		layer   string
		tensors []Tensor
	)
	err := protobuf.EachField(message, func(f protobuf.Field) error {
		switch f.Number {
		case name:
			if err := f.Want(protowire.BytesType); err != nil {
				return err
			}
			if len(f.Bytes) > maxCaffeName {
				return fmt.Errorf("a name of %d bytes, expected at most %d", len(f.Bytes), maxCaffeName)
			}
			layer = string(f.Bytes)
		case blobs:
			if err := f.Want(protowire.BytesType); err != nil {
				return err
			}
			if len(tensors) == maxCaffeBlobs {
				return fmt.Errorf("more than %d blobs", maxCaffeBlobs)
			}
			t, err := parseCaffeBlob(f.Bytes)
			if err != nil {
				return fmt.Errorf("blob %d: %w", len(tensors), err)
			}
			tensors = append(tensors, t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("layer %q: %w", shorten(layer), err)
	}
	for i := range tensors {
		tensors[i].Name = layer + "." + strconv.Itoa(i)
	}
	return tensors, nil
}
