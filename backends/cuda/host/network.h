#ifndef NETWORK_H
#define NETWORK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// A network on a GPU, with its weights and the memory of its runs. One thread at a
// time may use it, and open or close one; several may be open.
typedef struct network network;

// network_open brings a network to a GPU, counted from 0, with memory for so many
// clips at once. code names a file with the kernels: machine code for the GPU
// (network_sm_80.cubin), PTX, or the source network.cu, which NVRTC then compiles.
// weights names a file that PackCUDA or "p3dc weights pack --isa NETWORK_ISA" wrote.
// It returns NULL where that fails: see network_error.
network *network_open(const char *code, const char *weights, int device, int batch);

// network_classify runs clips of frames, NETWORK_CLIP bytes each: frames x rows x
// columns x channels, as a decoder gives them. network_run runs clips of float32
// values, normalised: channels x frames x rows x columns. Both write, clip after
// clip, NETWORK_CLASSES logits and probabilities, and NETWORK_FEATURES features;
// NULL asks for none.
//
// Every pointer may be to the memory of the host or, where it belongs to the
// device's primary context, of the GPU. Runs are on the default stream and begin when
// all that it has is done; results are there when they return. The thread's context is
// afterwards what it was before. They return 0, or -1 where something fails: see
// network_error.
int network_classify(network *n, int clips, const uint8_t *frames, float *logits, float *features, float *probabilities);
int network_run(network *n, int clips, const float *values, float *logits, float *features, float *probabilities);

// network_close gives everything back. NULL is allowed.
void network_close(network *n);

// network_error says what went wrong in this thread last.
const char *network_error(void);

#ifdef __cplusplus
}
#endif

#endif
