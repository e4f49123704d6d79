package weights

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nlpodyssey/gopickle/types"
)

// isTensorEntry reports whether a dict's entry is a tensor.
func isTensorEntry(e types.DictEntry) bool {
	_, ok := e.Value.(pyTensor)
	return ok
}

// stateDictTensors returns the tensors of a state dict. All that is wrong with
// it is in the error.
func stateDictTensors(d pyDict) ([]Tensor, error) {
	if len(d) == 0 {
		return nil, errors.New("the state dict is empty")
	}
	const most = 10 // errors to list
	tensors := make([]Tensor, 0, len(d))
	var errs []error
	for _, e := range d {
		if len(errs) == most {
			break
		}
		name, ok := e.Key.(string)
		if !ok {
			errs = append(errs, fmt.Errorf("a tensor is named by %s, expected a string", describe(e.Key)))
			continue
		}
		described, ok := e.Value.(pyTensor)
		if !ok {
			errs = append(errs, fmt.Errorf("%q is %s, expected a tensor", shorten(name), describe(e.Value)))
			continue
		}
		t, err := described.resolve(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		tensors = append(tensors, t)
	}
	return tensors, errors.Join(errs...)
}

// scalars returns the numbers and the strings, as far as they are text, of a
// checkpoint's dict.
func scalars(d pyDict) map[string]string {
	out := map[string]string{}
	for _, e := range d {
		key, ok := e.Key.(string)
		if !ok || !utf8.ValidString(key) {
			continue
		}
		switch v := e.Value.(type) {
		case string:
			if utf8.ValidString(v) {
				out[key] = v
			}
		case int:
			out[key] = strconv.Itoa(v)
		case float64:
			out[key] = strconv.FormatFloat(v, 'g', -1, 64)
		case bool:
			out[key] = strconv.FormatBool(v)
		}
	}
	return out
}

// describe says what a Python object is.
func describe(obj any) string {
	switch v := obj.(type) {
	case nil:
		return "None"
	case pyTensor:
		return "a tensor of shape " + shapeString(v.shape)
	case *pyStorage:
		return "a storage"
	case *pyOpaque:
		return "an object of " + shorten(v.class)
	case string:
		return fmt.Sprintf("the string %q", shorten(v))
	case bool, int, float64:
		return fmt.Sprintf("the value %v", v)
	case *types.List:
		return fmt.Sprintf("a list of %d items", v.Len())
	case *types.Tuple:
		return fmt.Sprintf("a tuple of %d items", v.Len())
	case *types.Dict, *types.OrderedDict:
		return "a dict"
	}
	return fmt.Sprintf("a %T", obj)
}

// keysOf lists the keys of a dict for a message.
func keysOf(d pyDict) string {
	const most = 8
	if len(d) == 0 {
		return "no keys"
	}
	var keys []string
	for i, e := range d {
		if i == most {
			keys = append(keys, fmt.Sprintf("and %d more", len(d)-most))
			break
		}
		if key, ok := e.Key.(string); ok {
			keys = append(keys, strconv.Quote(shorten(key)))
		} else {
			keys = append(keys, describe(e.Key))
		}
	}
	return "the keys " + strings.Join(keys, ", ")
}
