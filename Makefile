# What a contributor runs. `make check` is what CI runs; it installs ffmpeg, GNU
# objdump, g++ and NVRTC where they are missing.

.PHONY: all test check generate lint fuzz mutants gpu

FUZZTIME = 60s
FUZZ = dsl:FuzzParse codegen/support:FuzzReadSafetensors codegen/support:FuzzPackedHeader \
	internal/tune:FuzzParse internal/video:FuzzGIF \
	internal/verify:FuzzReadReference \
	internal/weights:FuzzSafetensors internal/weights:FuzzPyTorch internal/weights:FuzzPickle \
	internal/weights:FuzzCaffe internal/weights:FuzzNumPy internal/weights:FuzzNPY \
	internal/weights:FuzzPacked internal/onnx:FuzzImport
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2

all: test

test:
	go test ./...

generate:
	go generate ./...

lint:
	test -z "$$(gofmt -l .)"
	go vet ./...
	go run $(STATICCHECK) ./...

# Two targets at a time, each on one processor. Making an interesting input of a
# large file as small as can be would take all of the time.
fuzz:
	printf '%s\n' $(FUZZ) | xargs -P 2 -n 1 sh -c 'echo "$$0 for $(FUZZTIME)"; \
		go test "./$${0%:*}" -run "^$$" -fuzz "^$${0#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x -parallel 1'

# Which suite notices each of the broken compilers, in about half an hour.
mutants:
	go test ./tests/mutants -count=1 -v -timeout 3h -args -long

check:
	bash .ci/run

# On a machine with an NVIDIA GPU; P3DC_NVRTC names NVRTC where the system does not find it.
gpu:
	go test ./tests/cuda -run GPU -v -count=1
