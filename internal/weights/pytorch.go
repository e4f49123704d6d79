package weights

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// pyStorage is a run of elements that tensors are views of.
type pyStorage struct {
	key   string
	dtype DType
	// elements is the length that the pickle claims.
	elements int
	// data is nil until the reader of the format has found the elements.
	data []byte
	// root is nil, or the storage that this one is a part of, from element
	// offset on.
	root   *pyStorage
	offset int
}

// storageTable holds the storages of a file, by key and in the order in which
// the pickle names them.
type storageTable struct {
	byKey map[string]*pyStorage
	list  []*pyStorage
}

// load turns a persistent id into a storage:
// ("storage", class, key, location, elements), in the legacy format with one
// more item, None or (key, offset, elements) of a view.
func (s *storageTable) load(id any) (any, error) {
	items, ok := asSequence(id)
	if !ok || len(items) == 0 {
		return nil, errors.New("a reference that is not a tuple")
	}
	if items[0] == "module" {
		return nil, errors.New("it holds a whole model, whose Python code is needed to read it; " + saveStateDict)
	}
	if items[0] != "storage" || len(items) < 5 {
		return nil, fmt.Errorf("a reference that begins with %v and has %d items, expected a storage's five", items[0], len(items))
	}
	class, ok := items[1].(storageClass)
	if !ok {
		if o, opaque := items[1].(*pyOpaque); opaque {
			return nil, fmt.Errorf("a storage of the type %s is not supported; convert the tensor to float32", o.class)
		}
		return nil, fmt.Errorf("a storage whose type is a %T", items[1])
	}
	key, keyOK := items[2].(string)
	n, nOK := items[4].(int)
	if !keyOK || !nOK || n < 0 || n > math.MaxInt/8 {
		return nil, fmt.Errorf("a storage with the key %v and %v elements", items[2], items[4])
	}
	root, err := s.add(&pyStorage{key: key, dtype: class.dtype, elements: n})
	if err != nil || len(items) == 5 || items[5] == nil {
		return root, err
	}
	return s.loadView(root, items[5])
}

// loadView returns the view of a storage that (key, offset, elements) says.
func (s *storageTable) loadView(root *pyStorage, view any) (any, error) {
	items, ok := asSequence(view)
	if !ok || len(items) != 3 {
		return nil, errors.New("a view of a storage without its key, offset and length")
	}
	key, keyOK := items[0].(string)
	offset, offsetOK := items[1].(int)
	n, nOK := items[2].(int)
	if !keyOK || !offsetOK || !nOK || offset < 0 || n < 0 || offset > root.elements-n {
		return nil, fmt.Errorf("a view of elements %v, %v long, of a storage that has %d", items[1], items[2], root.elements)
	}
	// Keys of views and storages are addresses in one memory, of different
	// objects.
	return s.add(&pyStorage{key: "view " + key, dtype: root.dtype, elements: n, root: root, offset: offset})
}

// add returns the storage with new's key: new, or the same one as before.
func (s *storageTable) add(new *pyStorage) (*pyStorage, error) {
	old, ok := s.byKey[new.key]
	if !ok {
		if s.byKey == nil {
			s.byKey = map[string]*pyStorage{}
		}
		s.byKey[new.key] = new
		s.list = append(s.list, new)
		return new, nil
	}
	if old.dtype != new.dtype || old.elements != new.elements || old.root != new.root || old.offset != new.offset {
		return nil, fmt.Errorf("storage %s is %d elements of %v in one place and %d of %v in another",
			shorten(new.key), old.elements, old.dtype, new.elements, new.dtype)
	}
	return old, nil
}

// bytes returns the storage's elements.
func (s *pyStorage) bytes() []byte {
	if s.root == nil {
		return s.data
	}
	size := s.dtype.Size()
	all := s.root.data
	if all == nil {
		return nil
	}
	return all[s.offset*size : (s.offset+s.elements)*size]
}

// resolve checks the tensor against its storage and returns it as a Tensor.
func (t pyTensor) resolve(name string) (Tensor, error) {
	data := t.storage.bytes()
	if data == nil && t.storage.elements > 0 {
		return Tensor{}, fmt.Errorf("tensor %q: the file lacks its storage %s", name, shorten(t.storage.key))
	}
	n, err := elements(t.shape)
	if err != nil {
		return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
	}
	out := Tensor{Name: name, DType: t.storage.dtype, Shape: t.shape, stored: t.storage.dtype}
	if n == 0 {
		return out, nil
	}
	last, ok := t.lastElement()
	if !ok || last >= t.storage.elements {
		return Tensor{}, fmt.Errorf("tensor %q: shape %s, strides %v and offset %d reach beyond its storage of %d elements",
			name, shapeString(t.shape), t.strides, t.offset, t.storage.elements)
	}
	if n > last-t.offset+1 {
		return Tensor{}, fmt.Errorf("tensor %q: its %d elements (shape %s) repeat the %d that are stored; save tensor.contiguous()",
			name, n, shapeString(t.shape), last-t.offset+1)
	}
	size := out.stored.Size()
	out.data = data[t.offset*size : (last+1)*size]
	if !t.rowMajor() {
		out.strides = t.strides
	}
	return out, nil
}

// lastElement returns the place in the storage of the tensor's last element;
// ok is false if it does not fit an int. No dimension is 0.
func (t pyTensor) lastElement() (last int, ok bool) {
	last = t.offset
	for i, d := range t.shape {
		hi, lo := bits.Mul64(uint64(d-1), uint64(t.strides[i]))
		if hi != 0 || lo > uint64(math.MaxInt-last) {
			return 0, false
		}
		last += int(lo)
	}
	return last, true
}

// rowMajor reports whether the strides are those of C order without gaps.
func (t pyTensor) rowMajor() bool {
	next := 1
	for i := len(t.shape) - 1; i >= 0; i-- {
		if t.shape[i] != 1 && t.strides[i] != next {
			return false
		}
		next *= t.shape[i]
	}
	return true
}

// saveStateDict is the advice for what holds no state dict.
const saveStateDict = "in Python, save only the weights: torch.save(model.state_dict(), path)"

// stateDictKeys are the keys under which training scripts keep the state dict,
// the most specific first.
var stateDictKeys = []string{"state_dict", "model_state_dict", "model"}

// stateDict makes a File of the object that a checkpoint holds: a state dict,
// or a dict that has one under a usual key.
func stateDict(format string, obj any) (*File, error) {
	root, ok := asDict(obj)
	if !ok {
		return nil, fmt.Errorf("it holds %s, expected a state dict; %s", describe(obj), saveStateDict)
	}
	for _, key := range stateDictKeys {
		value, ok := root.get(key)
		if !ok {
			continue
		}
		if inner, ok := asDict(value); ok {
			tensors, err := stateDictTensors(inner)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			return newFile(format, tensors, scalars(root))
		}
	}
	if !slices.ContainsFunc(root, isTensorEntry) {
		return nil, fmt.Errorf("no state dict: it is a dict with %s; expected tensors, or a dict under %s; %s",
			keysOf(root), strings.Join(stateDictKeys, ", "), saveStateDict)
	}
	tensors, err := stateDictTensors(root)
	if err != nil {
		return nil, err
	}
	return newFile(format, tensors, nil)
}
