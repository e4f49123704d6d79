# What a contributor runs. `make check` is what CI runs, in the same order.

.PHONY: all test check generate lint fuzz

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
	go test ./dsl -run '^$$' -fuzz FuzzParse -fuzztime 60s
	go test ./internal/weights -run '^$$' -fuzz FuzzSafetensors -fuzztime 60s
	go test ./internal/weights -run '^$$' -fuzz FuzzPyTorch -fuzztime 60s

check:
	bash .ci/run
