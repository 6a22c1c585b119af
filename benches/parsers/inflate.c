// zlib: an input is inflated into 64 KiB.
#include <stddef.h>
#include <stdint.h>
#include "zlib.h"
static unsigned char out[65536];
#ifdef __wasm__
__attribute__((export_name("LLVMFuzzerTestOneInput")))
#endif
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len) {
    uLongf n = sizeof out;
    uncompress(out, &n, in, len);
    return 0;
}
