// Package cuda turns a plan for blocks of threads into CUDA source: device
// functions that are the same for every network, and for each kernel of the plan
// its constants. The source includes nothing, so that NVRTC takes it as it is.
package cuda
