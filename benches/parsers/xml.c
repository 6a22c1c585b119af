// expat: an input is one document.
#include <stddef.h>
#include <stdint.h>
#include "expat.h"
#ifdef __wasm__
__attribute__((export_name("LLVMFuzzerTestOneInput")))
#endif
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len) {
    XML_Parser p = XML_ParserCreate(0);
    XML_SetHashSalt(p, 1);
    XML_Parse(p, (const char *)in, len, 1);
    XML_ParserFree(p);
    return 0;
}
