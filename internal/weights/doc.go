// Package weights reads and writes the checkpoints a network is run with.
//
// [Open] reads five formats, told apart by content and never by the file's
// extension: safetensors, the zip archive that torch.save has written since
// PyTorch 1.6, the stream it wrote before, Caffe's caffemodel, and the archive
// of numpy.savez. [Match] checks a checkpoint against the parameters a network
// expects and hands out float32 values, [Convert] turns any of the formats
// into safetensors, and [Synthetic] makes reproducible values for networks
// whose trained weights are not at hand.
//
// A checkpoint is data from somebody else. Nothing in one is executed: the
// pickle inside a PyTorch file is checked instruction by instruction, may name
// only a short list of classes, and can build nothing but numbers, strings,
// containers and descriptions of tensors. No length found in a file is
// believed before it is compared with the size of the file, so memory stays
// proportional to what is really there.
//
// All arrays that are handed out are row-major (C order), and all that are
// written little-endian.
package weights
