package weights

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/gopickle/types"
)

// Pieces of pickles, written out by hand.
const (
	proto2 = "\x80\x02"
	mark   = "("
	tuple  = "t"
	reduce = "R"
	stop   = "."
)

// str returns the instruction that pushes a string.
func str(s string) string { return "X" + le32(len(s)) + s }

// le32 returns a number as 4 bytes.
func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// le64 returns a number as 8 bytes.
func le64(n uint64) string { return string(binary.LittleEndian.AppendUint64(nil, n)) }

// number returns the instruction that pushes a number.
func number(n int) string { return "J" + le32(n) }

// legacyFile returns a stream of torch.save with the given object, keys of
// storages, and data of storages.
func legacyFile(object, keys, data string) []byte {
	system := proto2 + "}" + str("little_endian") + "\x88s" + stop
	return []byte(string(legacyMagic) + proto2 + number(legacyVersion) + stop + system +
		proto2 + object + stop + proto2 + keys + stop + data)
}

// storage returns the instructions that push a storage of float32; view is
// what pushes the item that says of what it is a view.
func storage(key string, n int, view string) string {
	return mark + str("storage") + "ctorch\nFloatStorage\n" + str(key) + str("cpu") + number(n) + view + tuple + "Q"
}

// tensorOf returns the instructions that push a one-dimensional tensor.
func tensorOf(storage string, offset, size, stride int) string {
	return "ctorch._utils\n_rebuild_tensor\n" + mark + storage + number(offset) +
		mark + number(size) + tuple + mark + number(stride) + tuple + tuple + reduce
}

// A state dict of tensors that are views of one storage, as PyTorch before 0.4
// wrote them.
func TestLegacyViews(t *testing.T) {
	object := "}" + mark +
		str("a") + tensorOf(storage("1", 6, "N"), 0, 6, 1) +
		str("b") + tensorOf(storage("1", 6, mark+str("7")+number(2)+number(4)+tuple), 1, 2, 2) +
		"u"
	data := le64(6) + string(encodeFloats(nil, []float32{0, 1, 2, 3, 4, 5}))
	f, err := parse(legacyFile(object, "]"+str("1")+"a", data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Match(f, []Param{{Name: "a", Shape: []int{6}}, {Name: "b", Shape: []int{2}}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]float32{"a": {0, 1, 2, 3, 4, 5}, "b": {3, 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a malformed or hostile stream gets is an error.
func TestLegacyRefused(t *testing.T) {
	dict := func(value string) string { return "}" + str("a") + value + "s" }
	one := "]" + str("1") + "a"
	four := le64(4) + strings.Repeat("\x00", 16)
	whole := storage("1", 4, "N")
	tests := []struct {
		name               string
		object, keys, data string
		want               string
	}{
		{"runs a command", "cposix\nsystem\n" + str("touch /tmp/owned") + "\x85R", "]", "", "it names posix.system"},
		{"evaluates", "c__builtin__\neval\n" + str("1") + "\x85R", "]", "", "it names __builtin__.eval"},
		{"evaluates by stack", str("builtins") + str("exec") + "\x93" + str("1") + "\x85R", "]", "", "it names builtins.exec"},
		{"instance", mark + "ios\nsystem\n", "]", "", "it names os.system"},
		{"not a dict", number(3), "]", "", "it holds the value 3, expected a state dict"},
		{"empty dict", "}", "]", "", "no state dict: it is a dict with no keys"},
		{"empty state dict", "}" + str("state_dict") + "}s", "]", "", "state_dict: the state dict is empty"},
		{"whole model", mark + str("module") + str("M") + str("m.py") + str("class M") + tuple + "Q", "]", "", "it holds a whole model"},
		{"name no string", "}" + mark + str("b") + tensorOf(whole, 0, 4, 1) + number(1) + tensorOf(whole, 0, 4, 1) + "u", one, four, "a tensor is named by the value 1"},
		{"value no tensor", "}" + mark + str("b") + tensorOf(whole, 0, 4, 1) + str("c") + "N" + str("d") + "c" + "numpy\nndarray\n" + "u", one, four, "\"c\" is None, expected a tensor\n\"d\" is an object of numpy.ndarray, expected"},
		{"too long", dict(tensorOf(whole, 0, 5, 1)), one, four, "reach beyond its storage of 4 elements"},
		{"offset too far", dict(tensorOf(whole, 1, 4, 1)), one, four, "reach beyond its storage"},
		{"stride too far", dict(tensorOf(whole, 0, 2, 4)), one, four, "reach beyond its storage"},
		{"repeating", dict(tensorOf(whole, 0, 1<<30, 0)), one, four, "its 1073741824 elements (shape 1073741824) repeat the 1 that are stored"},
		{"negative size", dict(tensorOf(whole, 0, -1, 1)), one, four, "the size or stride -1"},
		{"negative offset", dict(tensorOf(whole, -1, 1, 1)), one, four, "begins at -1 of its storage"},
		{"negative storage", dict(tensorOf(storage("1", -4, "N"), 0, 1, 1)), one, four, "a storage with the key 1 and -4 elements"},
		{"two sizes", "}" + mark + str("a") + tensorOf(whole, 0, 4, 1) + str("b") + tensorOf(storage("1", 3, "N"), 0, 3, 1) + "u", one, four, "storage 1 is 4 elements of F32 in one place and 3"},
		{"view too far", dict(tensorOf(storage("1", 4, mark+str("2")+number(2)+number(3)+tuple), 0, 1, 1)), one, four, "a view of elements 2, 3 long, of a storage that has 4"},
		{"no storage", dict(tensorOf(whole, 0, 4, 1)), "]", "", `tensor "a": the file lacks its storage 1`},
		{"unknown storage", dict(tensorOf(whole, 0, 4, 1)), "]" + str("2") + "a", four, "storage 2 comes twice or belongs to no tensor"},
		{"storage twice", dict(tensorOf(whole, 0, 4, 1)), "]" + str("1") + "a" + str("1") + "a", four + four, "storage 1 comes twice"},
		{"wrong count", dict(tensorOf(whole, 0, 4, 1)), one, le64(5) + four, "storage 1 has 5 elements, expected 4"},
		{"data cut", dict(tensorOf(whole, 0, 4, 1)), one, four[:20], "storage 1: 16 bytes expected, 12 left: the file is truncated"},
		{"keys no list", dict(tensorOf(whole, 0, 4, 1)), number(1), four, "the storage keys are the value 1"},
		{"key no string", dict(tensorOf(whole, 0, 4, 1)), "]" + number(1) + "a", four, "a storage key is the value 1"},
		{"storage in keys", dict(tensorOf(whole, 0, 4, 1)), whole, four, "a reference to a storage, expected plain values"},
		{"two of a name", "}" + mark + str("a") + tensorOf(whole, 0, 4, 1) + str("a") + tensorOf(whole, 0, 4, 1) + "u", one, four, `two tensors are named "a"`},
		{"tensor of nothing", dict("ctorch._utils\n_rebuild_tensor\n)R"), "]", "", "a tensor is described by 0 values, expected 4 or 6"},
		{"parameter of nothing", dict("ctorch._utils\n_rebuild_parameter\n)R"), "]", "", "a parameter is described by no values"},
		{"tensor without storage", dict("ctorch._utils\n_rebuild_tensor\n" + mark + "NNNN" + tuple + reduce), "]", "", "a tensor has a <nil> for its storage"},
		{"shape no tuple", dict("ctorch._utils\n_rebuild_tensor\n" + mark + whole + number(0) + "NN" + tuple + reduce), one, four, "a tensor's shape or strides are not a tuple"},
		{"ranks differ", dict("ctorch._utils\n_rebuild_tensor\n" + mark + whole + number(0) + ")" + number(1) + "\x85" + tuple + reduce), one, four, "a tensor has 0 dimensions and 1 strides"},
		{"storage of no class", dict(mark + str("storage") + "N" + str("1") + str("cpu") + number(1) + tuple + "Q"), one, four, "a storage whose type is a <nil>"},
		{"view of nothing", dict(storage("1", 4, number(3))), one, four, "a view of a storage without its key"},
		{"reference to nothing", "NQ", "]", "", "a reference that is not a tuple"},
		{"unknown reference", mark + str("file") + tuple + "Q", "]", "", "a reference that begins with file"},
		{"huge string", "\x8d" + le64(1<<62), "]", "", "4611686018427387904 bytes claimed"},
		{"huge bytes", "B" + le32(-1), "]", "", "4294967295 bytes claimed"},
		{"huge integer", "\x8b" + le32(1000) + strings.Repeat("\x7f", 1000), "]", "", "an integer of 1000 bytes"},
		{"endless line", "I" + strings.Repeat("1", 1<<20) + "\n", "]", "", "no line ends within 4096 bytes"},
		{"out of band", "\x97", "]", "", "instruction 0x97 at byte 2: not one that a checkpoint uses"},
		{"no opcode", "\xff", "]", "", "instruction 0xff at byte 2: not one that a checkpoint uses"},
		{"many marks", strings.Repeat(mark, maxPickleOps), "]", "", "more than 1048576 instructions"},
		{"empty stack", "R", "]", "", "pickle: the stack is empty"},
		{"odd items", "}" + mark + str("a") + "u", "]", "", "pickle: malformed: "},
		{"key no key", "ccollections\nOrderedDict\n)R" + "C\x01a" + "N" + "s", "]", "", "pickle: malformed: "},
		{"pairs no pairs", "ccollections\nOrderedDict\n]" + number(1) + "a\x85R", "]", "", "an item that is no pair"},
		{"too many arguments", "ccollections\nOrderedDict\n]]\x86R", "]", "", "OrderedDict called with 2 arguments"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parse(legacyFile(test.object, test.keys, test.data))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, expected one with %q", err, test.want)
			} else if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestLegacyHeader(t *testing.T) {
	magic := string(legacyMagic)
	for data, want := range map[string]string{
		magic + number(1002) + stop: "its format version is the value 1002, expected 1001",
		magic + number(legacyVersion) + stop + "}" + str("little_endian") + "\x89s" + stop: "its byte order is big-endian",
		proto2 + "}" + stop:                            "a Python pickle, but not one of torch.save",
		"version https://git-lfs.github.com/spec/v1\n": "a Git LFS pointer",
		"\n<!DOCTYPE html><html>":                      "a web page",
		"\x89HDF\r\n\x1a\n":                            "an HDF5 file",
		"GGUF\x03\x00\x00\x00":                         "a GGUF file",
		"sys_info" + strings.Repeat("\x00", 249) + "ustar  \x00" + strings.Repeat("\x00", 500):         "a tar archive, which PyTorch wrote before 0.1.10; that format is not supported",
		magic + number(legacyVersion) + stop + "}" + stop + "}" + stop + "cos\nsystem\n" + stop:        "storage keys: pickle: it names os.system",
		magic + number(legacyVersion) + stop + mark + str("storage") + tuple + "Q" + stop + "}" + stop: "system: pickle: a reference to a storage",
	} {
		_, err := parse([]byte(data))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: error %v, expected one with %q", data, err, want)
		}
	}
}

// What the check rewrites means the same.
func TestCheckPickle(t *testing.T) {
	in := proto2 + "\x95" + le64(10) + "\x8a\x00" + "\x8b" + le32(0) + "ccollections\nOrderedDict\n" + "Nb" + "ccollections\nCounter\n" + stop
	want := proto2 + "K\x00" + "K\x00" + "cp3dc.collections\nOrderedDict\n" + "N0" + "ccollections\nCounter\n" + stop
	got, size, err := checkPickle([]byte(in + "rest"))
	if err != nil || size != len(in) || string(got) != want {
		t.Errorf("%q, %d, %v; expected %q, %d", got, size, err, want, len(in))
	}
}

// Objects beside the weights are kept out of the way and not run.
func TestOpaqueObjects(t *testing.T) {
	object := "}" + mark +
		str("state_dict") + "ccollections\nOrderedDict\n]" + mark +
		"]" + mark + str("module.a") + tensorOf(storage("1", 1, "N"), 0, 1, 1) + "e" + "e\x85R" +
		str("best") + "cnumpy.core.multiarray\nscalar\n" + "cnumpy\ndtype\n" + str("f8") + "\x85R" + mark + number(3) + tuple + "b" + "C\x08abcdefgh" + "\x86R" +
		str("args") + "cargparse\nNamespace\n)\x81}" + str("lr") + number(1) + "sb" +
		str("bad") + "V\xff\n" +
		str("ok") + "\x88" +
		"u"
	f, err := parse(legacyFile(object, "]"+str("1")+"a", le64(1)+"\x00\x00\x80\x3f"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Match(f, []Param{{Name: "a", Shape: []int{1}}}); err != nil || got["a"][0] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if diff := cmp.Diff(map[string]string{"ok": "true"}, f.Metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestDescribe(t *testing.T) {
	list := types.NewListFromSlice([]any{1, 2})
	list.Append(list) // a list may hold itself
	for want, obj := range map[string]any{
		"None": nil, "the value 3": 3, "the value true": true, "the value 1.5": 1.5, `the string "s"`: "s",
		"a tensor of shape 2x3": pyTensor{shape: []int{2, 3}}, "a storage": &pyStorage{},
		"an object of numpy.dtype": &pyOpaque{"numpy.dtype"}, "a list of 3 items": list,
		"a tuple of 0 items": &types.Tuple{}, "a dict": types.NewOrderedDict(), "a *types.Set": types.NewSet(),
	} {
		if got := describe(obj); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
	var d pyDict
	for i := range 10 {
		d = append(d, types.DictEntry{Key: i})
	}
	d[0].Key = "k"
	const want = `the keys "k", the value 1, the value 2, the value 3, the value 4, the value 5, the value 6, the value 7, and 2 more`
	if got := keysOf(d); got != want {
		t.Errorf("%s, expected %s", got, want)
	}
	if got := shorten(strings.Repeat("x", 400)); len(got) != 303 {
		t.Errorf("shortened to %d bytes", len(got))
	}
}

// The last value of a repeated key counts, as in Python.
func TestDictGet(t *testing.T) {
	d, _ := asDict(&types.Dict{{Key: "k", Value: 1}, {Key: []byte("k"), Value: 2}, {Key: "k", Value: 3}})
	if v, ok := d.get("k"); !ok || v != 3 {
		t.Errorf("k is %v, %v", v, ok)
	}
	if _, ok := d.get("none"); ok {
		t.Error("found what is not there")
	}
}

// Objects may lie in one another as deep as a pickle is long, or in themselves:
// nothing walks over them, messages neither.
func TestDeepPickles(t *testing.T) {
	const deep = maxPickleOps / 3
	lists := strings.Repeat("]", deep) + strings.Repeat("a", deep-1)
	dicts := strings.Repeat("}"+str("k"), deep/2) + "N" + strings.Repeat("s", deep/2)
	itself := "]q\x00h\x00a"
	for name, test := range map[string]struct{ object, want string }{
		"lists":               {lists, "it holds a list of 1 items"},
		"tuples":              {")" + strings.Repeat("\x85", deep), "it holds a tuple of 1 items"},
		"dicts":               {dicts, `no state dict: it is a dict with the keys "k"`},
		"a list of itself":    {itself, "it holds a list of 1 items"},
		"a dict of itself":    {"}q\x00" + str("state_dict") + "h\x00s", `state_dict: "state_dict" is a dict, expected a tensor`},
		"a deep tensor":       {"}" + str("a") + lists + "s", "expected tensors"},
		"a deep call":         {lists + ")R", "REDUCE requires a Callable object"},
		"a call of itself":    {itself + ")R", "REDUCE requires a Callable object"},
		"a class of itself":   {itself + ")\x81", "NEWOBJ requires a PyNewable object"},
		"a module of itself":  {itself + str("x") + "\x93", "STACK_GLOBAL requires str module"},
		"a storage of itself": {mark + str("storage") + itself + itself + itself + itself + tuple + "Q", "a storage whose type is a *types.List"},
		"a key of itself":     {"ctorch._utils\n_rebuild_tensor\n" + mark + itself + itself + itself + itself + tuple + reduce, "a tensor has a *types.List for its storage"},
	} {
		_, err := parse(legacyFile(test.object, "]", ""))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, expected one with %q", name, err, test.want)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

// Pickles that aim at memory get little of it.
func TestPickleMemory(t *testing.T) {
	const bound = 800 << 20
	pairs := "]" + mark + strings.Repeat("]"+mark+str("a")+"Ne", 1<<15) + "eq\x00"
	for name, object := range map[string]string{
		"marks":    strings.Repeat(mark, maxPickleOps-3),
		"dicts":    "ccollections\nOrderedDict\nq\x00" + strings.Repeat("h\x00)R", maxPickleOps/3-3),
		"one list": pairs + strings.Repeat("ccollections\nOrderedDict\nh\x00\x85R", 1<<17),
		"sets":     strings.Repeat("\x8f", maxPickleOps-3),
		"frames":   strings.Repeat("\x95"+le64(1<<40), 1<<15),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := parse(legacyFile(object, "]", ""))
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > bound {
			t.Errorf("%s: %d MiB allocated, expected at most %d (%v)", name, used>>20, bound>>20, err)
		}
	}
}
