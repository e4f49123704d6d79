package ptx

import "fmt"

// Where shared memory lies: in its own space behind what the system keeps there, and in
// the space of all memories at a place whose lower half says nothing, so that an address
// that was not converted lies nowhere.
const (
	sharedBase   = 1024
	sharedWindow = 0x7f5a_4100_0000
)

// shared is a block's shared memory. It knows of every word who touched it since the
// last barrier.
type shared struct {
	bytes []byte
	marks []mark
	epoch int32 // counts barriers
	born  int32 // the block's first epoch
}

// wordBytes are what accesses of shared memory are multiples of.
const wordBytes = 4

// mark is who touched a word of 4 bytes, and in which epoch.
type mark struct {
	written, read  int32
	writer, reader int16
	copier         int16 // a thread's number and 1, while a copy of its is under way
}

// many is the reader of what several threads have read.
const many = -1

// start makes it the memory of a new block, which nobody wrote.
func (s *shared) start(size int) {
	if len(s.bytes) != size {
		s.bytes, s.marks = make([]byte, size), make([]mark, (size+wordBytes-1)/wordBytes)
	}
	for i := range s.bytes {
		s.bytes[i] = 0xff // no number in any format
	}
	s.epoch++
	s.born = s.epoch
}

// barrier orders what was before it and what comes behind it.
func (s *shared) barrier() { s.epoch++ }

// inside returns the offset of an address, which must be aligned to what is accessed.
func (s *shared) inside(address uint64, bytes int, does string) (int, error) {
	at := int64(address - sharedBase)
	if at < 0 || at+int64(bytes) > int64(len(s.bytes)) {
		return 0, fmt.Errorf("%s bytes %d to %d of %d bytes of shared memory", does, at, at+int64(bytes)-1, len(s.bytes))
	}
	if at%int64(bytes) != 0 {
		return 0, fmt.Errorf("%s %d bytes of shared memory at %d, which is no multiple of it", does, bytes, at)
	}
	return int(at), nil
}

// read returns what a thread, or many, reads.
func (s *shared) read(address uint64, bytes, thread int) ([]byte, error) {
	at, err := s.inside(address, bytes, "reads")
	if err != nil {
		return nil, err
	}
	for i := at / wordBytes; i < (at+bytes)/wordBytes; i++ {
		m := &s.marks[i]
		switch {
		case m.copier != 0:
			return nil, fmt.Errorf("reads byte %d of shared memory, which thread %d's copy has not been waited for", i*wordBytes, m.copier-1)
		case m.written < s.born:
			return nil, fmt.Errorf("reads byte %d of shared memory, which nobody wrote", i*wordBytes)
		case m.written == s.epoch && int(m.writer) != thread:
			return nil, fmt.Errorf("reads byte %d of shared memory, which thread %d writes, without a barrier between them", i*wordBytes, m.writer)
		}
		if m.read == s.epoch && int(m.reader) != thread {
			m.reader = many
		} else {
			m.reader = int16(thread)
		}
		m.read = s.epoch
	}
	return s.bytes[at : at+bytes], nil
}

// write returns what a thread is about to write.
func (s *shared) write(address uint64, bytes, thread int) ([]byte, error) {
	at, err := s.inside(address, bytes, "writes")
	if err != nil {
		return nil, err
	}
	for i := at / wordBytes; i < (at+bytes)/wordBytes; i++ {
		m := &s.marks[i]
		switch {
		case m.copier != 0:
			return nil, fmt.Errorf("writes byte %d of shared memory, which thread %d's copy has not been waited for", i*wordBytes, m.copier-1)
		case m.written == s.epoch && int(m.writer) != thread:
			return nil, fmt.Errorf("writes byte %d of shared memory, which thread %d writes, without a barrier between them", i*wordBytes, m.writer)
		case m.read == s.epoch && int(m.reader) != thread:
			return nil, fmt.Errorf("writes byte %d of shared memory, which %s, without a barrier between them", i*wordBytes, m.readers())
		}
		m.written, m.writer = s.epoch, int16(thread)
	}
	return s.bytes[at : at+bytes], nil
}

func (m *mark) readers() string {
	if m.reader == many {
		return "others read"
	}
	return fmt.Sprintf("thread %d reads", m.reader)
}

// begin takes the place of a copy away from everybody.
func (s *shared) begin(address uint64, bytes, thread int) error {
	to, err := s.write(address, bytes, thread)
	if err != nil {
		return err
	}
	for i := range to {
		to[i] = 0xff
	}
	s.copying(address, bytes, thread+1)
	return nil
}

// end gives it back with what was copied, as if the thread had just written it.
func (s *shared) end(address uint64, data []byte, thread int) {
	at := int(address - sharedBase)
	copy(s.bytes[at:], data)
	s.copying(address, len(data), 0)
	for i := at / wordBytes; i < (at+len(data))/wordBytes; i++ {
		s.marks[i].written, s.marks[i].writer = s.epoch, int16(thread)
	}
}

func (s *shared) copying(address uint64, bytes, copier int) {
	at := int(address - sharedBase)
	for i := at / wordBytes; i < (at+bytes)/wordBytes; i++ {
		s.marks[i].copier = int16(copier)
	}
}
