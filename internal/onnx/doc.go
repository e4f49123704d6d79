// Package onnx reads and writes networks as ONNX files.
//
// [ReadFile] and [Model.WriteFile] go between a file and a [Model]: the fields
// of ONNX's protobuf messages that a network of this module can need, and no
// others. [Export] makes a model of a lowered graph and its weights, [Import] a
// graph and weights of a model. What a description can say of that graph is the
// business of package describe.
//
// A file is data from somebody else. Nothing in one is executed, no length or
// number in it is believed before it is compared with what is there, and
// memory stays proportional to the file's size.
package onnx
