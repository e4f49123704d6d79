package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Before 1.6 torch.save wrote a stream: five pickles (a magic number, the
// version of the format, facts about the machine, the object, and the keys of
// the storages) and then, for every key, the number of elements (8 bytes) and
// the elements.

// legacyMagic is how the magic number 0x1950a86a20f9469cfc6c is pickled by
// protocol 2 and up, legacyMagicText how it is by protocols 0 and 1.
var (
	legacyMagic     = []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.")
	legacyMagicText = []byte("L119547037146038801333356L\n.")
)

// legacyVersion is the only version of the format that there has been.
const legacyVersion = 1001

// parseLegacy reads a stream of torch.save. The tensors alias data.
func parseLegacy(data []byte) (*File, error) {
	s := legacyStream{rest: data}
	if _, err := s.next("magic number", nil); err != nil {
		return nil, err
	}
	version, err := s.next("format version", nil)
	if err != nil {
		return nil, err
	}
	if version != legacyVersion {
		return nil, fmt.Errorf("its format version is %s, expected %d", describe(version), legacyVersion)
	}
	system, err := s.next("system", nil)
	if err != nil {
		return nil, err
	}
	facts, _ := asDict(system)
	if little, ok := facts.get("little_endian"); ok && little != true {
		return nil, errors.New("its byte order is big-endian, expected little-endian; save it again on a little-endian machine")
	}
	var storages storageTable
	obj, err := s.next("object", storages.load)
	if err != nil {
		return nil, err
	}
	keys, err := s.next("storage keys", nil)
	if err != nil {
		return nil, err
	}
	if err := s.readStorages(&storages, keys); err != nil {
		return nil, err
	}
	return stateDict(FormatPyTorchLegacy, obj)
}

// legacyStream is what is left of a stream.
type legacyStream struct{ rest []byte }

// next runs the next pickle; what names it in errors.
func (s *legacyStream) next(what string, load func(any) (any, error)) (any, error) {
	obj, size, err := unpickle(s.rest, load)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	s.rest = s.rest[size:]
	return obj, nil
}

// readStorages finds the elements of all storages.
func (s *legacyStream) readStorages(storages *storageTable, keys any) error {
	list, ok := asSequence(keys)
	if !ok {
		return fmt.Errorf("the storage keys are %s, expected a list", describe(keys))
	}
	for _, item := range list {
		key, ok := item.(string)
		if !ok {
			return fmt.Errorf("a storage key is %s, expected a string", describe(item))
		}
		storage := storages.byKey[key]
		if storage == nil || storage.data != nil {
			return fmt.Errorf("storage %s comes twice or belongs to no tensor", shorten(key))
		}
		const countSize = 8
		if len(s.rest) < countSize {
			return fmt.Errorf("storage %s: the file is truncated", shorten(key))
		}
		n := binary.LittleEndian.Uint64(s.rest)
		s.rest = s.rest[countSize:]
		if n != uint64(storage.elements) {
			return fmt.Errorf("storage %s has %d elements, expected %d", shorten(key), n, storage.elements)
		}
		size := storage.elements * storage.dtype.Size()
		if size > len(s.rest) {
			return fmt.Errorf("storage %s: %d bytes expected, %d left: the file is truncated", shorten(key), size, len(s.rest))
		}
		storage.data, s.rest = s.rest[:size:size], s.rest[size:]
	}
	return nil
}
