# What a contributor runs. `make check` is what CI runs; it installs ffmpeg, GNU
# objdump, g++ and NVRTC where they are missing.

.PHONY: all test check generate lint fuzz gpu

FUZZTIME = 60s
FUZZ = dsl:FuzzParse codegen/support:FuzzReadSafetensors codegen/support:FuzzPackedHeader \
	internal/tune:FuzzParse internal/video:FuzzGIF \
	internal/verify:FuzzReadReference \
	internal/weights:FuzzSafetensors internal/weights:FuzzPyTorch internal/weights:FuzzPickle
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

fuzz:
	for f in $(FUZZ); do go test ./$${f%:*} -run '^$$' -fuzz "^$${f#*:}\$$" -fuzztime $(FUZZTIME) || exit 1; done

check:
	bash .ci/run

# On a machine with an NVIDIA GPU; P3DC_NVRTC names NVRTC where the system does not find it.
gpu:
	go test ./tests/cuda -run GPU -v -count=1
