package weights

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Convert reads the checkpoint in, of any format that [Open] takes, and writes
// it to w as safetensors, once all of it is found right. Names are cleaned as
// [CleanName] does, floating-point elements become float32, num_batches_tracked
// is left out, and everything else stays as it is; the file's metadata are
// kept, and origin added to them.
//
// Where want is not nil, the checkpoint has to fit it as [Match] says, and
// tensors get the shapes of their parameters. Infinities, NaN, and float64 too
// large for float32 are errors, since no network could use the result.
func Convert(w io.Writer, in string, want []Param, origin Origin) (err error) {
	f, err := Open(in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if want != nil {
		if _, err := Match(f, want); err != nil {
			return err
		}
	}
	tensors, err := f.cleaned()
	if err != nil {
		return fmt.Errorf("%s: %w", in, err)
	}
	reshape(tensors, want)
	return WriteSafetensors(w, tensors, origin.Metadata(f.metadata))
}

// reshape gives tensors the shapes of the parameters that they are.
func reshape(tensors []Tensor, params []Param) {
	shapes := make(map[string][]int, len(params))
	for _, p := range params {
		shapes[p.Name] = p.Shape
	}
	for i := range tensors {
		// Only those of a caffemodel differ, in dimensions of 1, and none of
		// them is strided.
		if shape, ok := shapes[tensors[i].Name]; ok {
			tensors[i].Shape = shape
		}
	}
}

// cleaned returns the file's tensors as Convert writes them, after checking
// their values. The error has the faults, of many the first ones.
func (f *File) cleaned() ([]Tensor, error) {
	tensors := make([]Tensor, 0, len(f.tensors))
	original := map[string]string{}
	var errs []error
	for _, t := range f.tensors {
		name := CleanName(t.Name)
		if isBookkeeping(name) {
			continue
		}
		if other, dup := original[name]; dup {
			errs = append(errs, fmt.Errorf("%s and %s both become %s", other, t.Name, name))
		}
		original[name] = t.Name
		t.Name = name
		tensors = append(tensors, t.asFloat32())
	}
	faults := make([]error, len(tensors))
	parallel(len(tensors), func(i int) { faults[i] = tensors[i].checkFinite() })
	errs = slices.DeleteFunc(append(errs, faults...), func(err error) bool { return err == nil })
	if more := len(errs) - maxListed; more > 0 {
		errs = append(errs[:maxListed], fmt.Errorf("and %d more", more))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return tensors, nil
}
