// A program in C that runs a network on a GPU: frames and values of some clips, from
// memory of the host and of the GPU. It writes the results as they lie in memory.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "net.h"

enum { CLIPS = 3, SIZE = CLIPS * NET_CLIP };

static int failed(const char *doing) {
    fprintf(stderr, "%s: %s\n", doing, net_error());
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 4) return 1;
    net *n = net_open(argv[1], argv[2], 0, CLIPS);
    if (!n) return failed("opening");

    static uint8_t frames[SIZE];
    static float values[SIZE], logits[CLIPS * NET_CLASSES], features[CLIPS * NET_FEATURES], probabilities[CLIPS * NET_CLASSES];
    FILE *in = fopen(argv[3], "rb");
    if (!in || fread(frames, 1, SIZE, in) != SIZE || fread(values, sizeof(float), SIZE, in) != SIZE) return 1;
    fclose(in);

    if (net_run(n, CLIPS, values, logits, features, probabilities)) return failed("values");
    fwrite(logits, sizeof logits, 1, stdout);
    fwrite(features, sizeof features, 1, stdout);
    fwrite(probabilities, sizeof probabilities, 1, stdout);
    if (net_classify(n, CLIPS, frames, logits, NULL, NULL)) return failed("frames");
    fwrite(logits, sizeof logits, 1, stdout);

    // The same, from the GPU's memory to the GPU's. The thread has no context until it takes
    // one itself.
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    int (*allocate)(uint64_t *, size_t) = (int (*)(uint64_t *, size_t))dlsym(driver, "cuMemAlloc_v2");
    int (*release)(uint64_t) = (int (*)(uint64_t))dlsym(driver, "cuMemFree_v2");
    int (*copy)(uint64_t, uint64_t, size_t) = (int (*)(uint64_t, uint64_t, size_t))dlsym(driver, "cuMemcpy");
    int (*retain)(void **, int) = (int (*)(void **, int))dlsym(driver, "cuDevicePrimaryCtxRetain");
    int (*choose)(void *) = (int (*)(void *))dlsym(driver, "cuCtxSetCurrent");
    int (*leave)(int) = (int (*)(int))dlsym(driver, "cuDevicePrimaryCtxRelease_v2");
    uint64_t from, to;
    void *context = NULL;
    if (allocate(&from, SIZE) == 0 || retain(&context, 0) || choose(context)) return 1;
    if (allocate(&from, SIZE) || allocate(&to, sizeof logits) || copy(from, (uintptr_t)frames, SIZE)) return 1;
    if (net_classify(n, CLIPS, (const uint8_t *)(uintptr_t)from, (float *)(uintptr_t)to, NULL, NULL)) return failed("on the GPU");
    if (copy((uintptr_t)logits, to, sizeof logits) || release(from) || release(to)) return 1;
    fwrite(logits, sizeof logits, 1, stdout);
    if (leave(0)) return 1;

    if (net_classify(n, CLIPS + 1, frames, logits, NULL, NULL) != -1) return 1;
    failed("too many");
    if (net_classify(n, 1, NULL, logits, NULL, NULL) != -1) return 1;
    failed("none");
    if (net_open(argv[1], argv[3], 0, 1)) return 1;
    failed("weights");
    if (net_open(argv[2], argv[2], 0, 1)) return 1;
    failed("code");
    if (net_open(argv[1], argv[2], 0, 1 << 30)) return 1;
    failed("batch");
    net_close(NULL);
    net_close(n);
    return 0;
}
