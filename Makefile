# What a contributor runs. `make check` is what CI runs; it installs the programs
# that tests use where they are missing.

.PHONY: all test check generate lint fuzz mutants faults soak vulnerabilities gpu

FUZZTIME = 60s
FUZZ = dsl:FuzzParse codegen/support:FuzzReadSafetensors codegen/support:FuzzPackedHeader \
	internal/tune:FuzzParse internal/video:FuzzGIF \
	internal/verify:FuzzReadReference \
	internal/weights:FuzzSafetensors internal/weights:FuzzPyTorch internal/weights:FuzzPickle \
	internal/weights:FuzzCaffe internal/weights:FuzzNumPy internal/weights:FuzzNPY \
	internal/weights:FuzzPacked internal/onnx:FuzzImport tests/random:FuzzNetworks
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.8.0

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
		go test "./$${0%:*}" -run "^$$" -fuzz "^$${0#*:}\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x -parallel 1'

# Which suite notices each of the broken compilers, in about half an hour.
mutants:
	go test ./tests/mutants -count=1 -v -timeout 3h -args -long

# Every file operation fails once in each way, in some minutes.
faults:
	go test ./tests/faults -count=1 -v -timeout 1h -args -every 1

# Ten minutes of load on each instruction set, and with the race detector.
soak:
	go test ./tests/soak -count=1 -v -timeout 2h -args -seconds 600

# What is known of the modules and of Go itself, from vuln.go.dev.
vulnerabilities:
	go run $(GOVULNCHECK) ./...

check:
	bash .ci/run

# On a machine with an NVIDIA GPU: its tests, compute-sanitizer, then the measuring, which
# writes docs/performance-cuda.*. P3DC_NVRTC names NVRTC where neither the system nor
# PyTorch has it. On a machine without Go: make gpu GPUFLAGS='--prepared DIR'.
gpu:
	tests/peers/gpu $(GPUFLAGS)
