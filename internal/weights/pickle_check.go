package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The opcodes of the pickle machine that the code below names. The others are
// in the table pickleArgs.
const (
	opBuild   = 'b'
	opGlobal  = 'c'
	opPop     = '0'
	opStop    = '.'
	opBinInt1 = 'K'
	opProto   = 0x80
	opLong1   = 0x8a
	opLong4   = 0x8b
	opFrame   = 0x95
)

// pickleArg is the form of an opcode's argument.
type pickleArg uint8

const (
	argRefused pickleArg = iota // an opcode that no checkpoint needs
	argNone                     // no argument
	argFixed1                   // 1, 2, 4 or 8 bytes
	argFixed2
	argFixed4
	argFixed8
	argLine     // a line of text
	argTwoLines // two lines
	argCounted1 // a count of 1, 4 or 8 bytes, then as many bytes
	argCounted4
	argCounted8
)

// pickleArgs holds the form of every opcode's argument. Left out, and thereby
// refused, are extension codes, out-of-band buffers, byte arrays, and
// persistent ids written as text.
var pickleArgs = [256]pickleArg{
	// Protocols 0 and 1.
	'(': argNone, '.': argNone, '0': argNone, '1': argNone, '2': argNone,
	'N': argNone, 'Q': argNone, 'R': argNone, 'a': argNone, 'b': argNone,
	'd': argNone, '}': argNone, 'e': argNone, 'l': argNone, ']': argNone,
	'o': argNone, 's': argNone, 't': argNone, ')': argNone, 'u': argNone,
	'K': argFixed1, 'h': argFixed1, 'q': argFixed1,
	'M': argFixed2,
	'J': argFixed4, 'j': argFixed4, 'r': argFixed4,
	'G': argFixed8,
	'F': argLine, 'I': argLine, 'L': argLine, 'S': argLine, 'V': argLine,
	'g': argLine, 'p': argLine,
	'c': argTwoLines, 'i': argTwoLines,
	'U': argCounted1,
	'T': argCounted4, 'X': argCounted4,
	// Protocol 2.
	opProto: argFixed1,
	0x81:    argNone,                                                             // NEWOBJ
	0x85:    argNone, 0x86: argNone, 0x87: argNone, 0x88: argNone, 0x89: argNone, // tuples, True, False
	opLong1: argCounted1, opLong4: argCounted4,
	// Protocol 3.
	'B': argCounted4, 'C': argCounted1,
	// Protocol 4.
	0x8c: argCounted1, 0x8d: argCounted8, 0x8e: argCounted8, // strings, bytes
	0x8f: argNone, 0x90: argNone, 0x91: argNone, // sets
	0x92: argNone, 0x93: argNone, 0x94: argNone, // NEWOBJ_EX, STACK_GLOBAL, MEMOIZE
	opFrame: argFixed8,
}

const (
	// maxPickleOps bounds the memory that a pickle can claim: the machine
	// allocates a few hundred bytes for an opcode at most. A checkpoint needs
	// about fifty for a tensor.
	maxPickleOps = 1 << 20
	// maxPickleLine is the longest text argument, in bytes.
	maxPickleLine = 4096
	// maxPickleLong is the longest integer, in bytes: decoding one takes time
	// quadratic in its length.
	maxPickleLong = 64
)

// checkedOrderedDict is the module that checkPickle writes for that of
// collections.OrderedDict, which the unpickler would else replace by a class
// that cannot be called with items, as Python 2 does.
const checkedOrderedDict = "p3dc.collections"

// checkPickle walks over the pickle that data begins with, without running it,
// and returns an equivalent program that is safe to run, and the number of
// bytes that the original takes.
//
// Every argument is known to lie inside data, and no opcode is one that no
// checkpoint needs. Four things are rewritten for the sake of the unpickler:
//
//   - frames are dropped: they only cut the stream into blocks;
//   - BUILD, which sets attributes of an object, becomes POP: nothing here has
//     any, and the stack ends up the same;
//   - the integer without bytes, which is Python 2's long zero, becomes a 0;
//   - collections.OrderedDict gets the name that checkedOrderedDict explains.
func checkPickle(data []byte) (program []byte, size int, err error) {
	at := 0
	for ops := 0; ; ops++ {
		if ops == maxPickleOps {
			return nil, 0, fmt.Errorf("pickle: more than %d instructions", maxPickleOps)
		}
		if at == len(data) {
			return nil, 0, errors.New("pickle: it ends without STOP: the file is truncated")
		}
		op := data[at]
		arg, err := pickleArgument(op, data[at+1:])
		if err != nil {
			return nil, 0, fmt.Errorf("pickle: instruction 0x%02x at byte %d: %w", op, at, err)
		}
		next := at + 1 + len(arg)
		switch {
		case op == opFrame:
		case op == opBuild:
			program = append(program, opPop)
		case op == opLong1 && len(arg) == 1, op == opLong4 && len(arg) == 4:
			program = append(program, opBinInt1, 0)
		case op == opGlobal && string(arg) == "collections\nOrderedDict\n":
			program = append(program, "c"+checkedOrderedDict+"\nOrderedDict\n"...)
		default:
			program = append(program, data[at:next]...)
		}
		at = next
		if op == opStop {
			return program, at, nil
		}
	}
}

// pickleArgument returns the argument of op, with its count where it has one,
// from the bytes that follow it.
func pickleArgument(op byte, rest []byte) ([]byte, error) {
	form := pickleArgs[op]
	switch form {
	case argRefused:
		return nil, errors.New("not one that a checkpoint uses")
	case argNone:
		return nil, nil
	case argLine, argTwoLines:
		n := 0
		for range int(form-argLine) + 1 {
			line := rest[n:min(len(rest), n+maxPickleLine)]
			end := bytes.IndexByte(line, '\n')
			if end < 0 {
				return nil, fmt.Errorf("no line ends within %d bytes", len(line))
			}
			n += end + 1
		}
		return rest[:n], nil
	case argFixed1, argFixed2, argFixed4, argFixed8:
		n := 1 << (form - argFixed1)
		if n > len(rest) {
			return nil, fmt.Errorf("%d bytes expected, %d left: the file is truncated", n, len(rest))
		}
		return rest[:n], nil
	}
	width := map[pickleArg]int{argCounted1: 1, argCounted4: 4, argCounted8: 8}[form]
	if width > len(rest) {
		return nil, fmt.Errorf("%d bytes expected, %d left: the file is truncated", width, len(rest))
	}
	var count [8]byte
	copy(count[:], rest[:width])
	n := binary.LittleEndian.Uint64(count[:])
	if n > uint64(len(rest)-width) {
		return nil, fmt.Errorf("%d bytes claimed, %d left: the file is truncated", n, len(rest)-width)
	}
	if (op == opLong1 || op == opLong4) && n > maxPickleLong {
		return nil, fmt.Errorf("an integer of %d bytes, expected at most %d", n, maxPickleLong)
	}
	return rest[:width+int(n)], nil
}
