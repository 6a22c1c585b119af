// cJSON: an input is parsed and printed.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "cJSON.h"
#ifdef __wasm__
__attribute__((export_name("LLVMFuzzerTestOneInput")))
#endif
int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len) {
    cJSON *json = cJSON_ParseWithLength((const char *)in, len);
    if (!json) return 0;
    char *text = cJSON_Print(json);
    free(text);
    cJSON_Delete(json);
    return 0;
}
