package weights

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// errNoPersistent is what a pickle gets that refers to a storage where none
// can be.
var errNoPersistent = errors.New("a reference to a storage, expected plain values")

// unpickle runs the pickle that data begins with and returns the object, made
// of Go's and gopickle's plain values and of this package's pyTensor,
// *pyStorage and *pyOpaque, and the number of bytes that the pickle takes.
// load, which may be nil, turns a persistent id into an object.
func unpickle(data []byte, load func(id any) (any, error)) (obj any, size int, err error) {
	program, size, err := checkPickle(data)
	if err != nil {
		return nil, 0, err
	}
	// The unpickler panics on some malformed programs; this is the one place
	// where that becomes an error.
	defer func() {
		if r := recover(); r != nil {
			obj, size, err = nil, 0, fmt.Errorf("pickle: malformed: %s", shorten(fmt.Sprint(r)))
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(program))
	classes := classes{entries: maxPickleOps}
	u.FindClass = classes.find
	u.PersistentLoad = func(id any) (any, error) {
		if load == nil {
			return nil, errNoPersistent
		}
		return load(id)
	}
	obj, err = u.Load()
	if err != nil {
		return nil, 0, fmt.Errorf("pickle: %s", shorten(err.Error()))
	}
	return obj, size, nil
}

// shorten cuts a message of the unpickler, which may print whole objects.
func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// pyDict is a Python dict, in order.
type pyDict []types.DictEntry

// asDict returns obj as a dict, if it is a dict or an OrderedDict.
func asDict(obj any) (pyDict, bool) {
	switch d := obj.(type) {
	case *types.Dict:
		return pyDict(*d), true
	case *types.OrderedDict:
		entries := make(pyDict, 0, d.Len())
		for e := d.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			entries = append(entries, types.DictEntry{Key: entry.Key, Value: entry.Value})
		}
		return entries, true
	}
	return nil, false
}

// get returns the value of a string key; the last one, where a key repeats.
func (d pyDict) get(key string) (any, bool) {
	for i := len(d) - 1; i >= 0; i-- {
		if d[i].Key == key {
			return d[i].Value, true
		}
	}
	return nil, false
}

// asSequence returns the items of a list or tuple.
func asSequence(obj any) ([]any, bool) {
	switch s := obj.(type) {
	case *types.List:
		return *s, true
	case *types.Tuple:
		return *s, true
	}
	return nil, false
}
