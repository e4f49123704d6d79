package support

import "cmp"

// cudaGraphs are the driver's functions for graphs: launches that were recorded
// once and then run with a single call.
type cudaGraphs struct {
	begin       func(stream uintptr, mode int32) int32
	end         func(stream uintptr, graph *uintptr) int32
	instantiate func(ready *uintptr, graph uintptr, flags uint64) int32
	launch      func(ready, stream uintptr) int32
	destroy     func(graph uintptr) int32
	release     func(ready uintptr) int32
}

// bindGraphs returns nil where the driver, an old one, lacks something.
func bindGraphs(lib *sharedLibrary) *cudaGraphs {
	g := new(cudaGraphs)
	err := lib.bind([]cFunc{
		{&g.begin, "cuStreamBeginCapture_v2"}, {&g.end, "cuStreamEndCapture"},
		{&g.instantiate, "cuGraphInstantiateWithFlags"}, {&g.launch, "cuGraphLaunch"},
		{&g.destroy, "cuGraphDestroy"}, {&g.release, "cuGraphExecDestroy"},
	})
	if err != nil {
		return nil
	}
	return g
}

// captureThread lets other threads of the process use the driver as they like
// while this one records.
const captureThread = 1

// record makes a graph of what a function launches on a stream.
func (d *device) record(stream uintptr, launches func() error) (ready uintptr, err error) {
	const doing = "recording the network's launches"
	g := d.graphs
	if err := d.check(doing, g.begin(stream, captureThread)); err != nil {
		return 0, err
	}
	var graph uintptr
	err = launches()
	// Also after a fault: until then the stream takes nothing else.
	err = cmp.Or(err, d.check(doing, g.end(stream, &graph)))
	if err == nil {
		err = d.check("preparing the network's launches", g.instantiate(&ready, graph, 0))
	}
	if graph != 0 {
		err = cmp.Or(err, d.check(doing, g.destroy(graph)))
	}
	return ready, err
}
