/* Embeds tollgate as a C program would: argv[1] is a module of the plugin `file`, argv[2] a file
 * that it may read, argv[3] the path of a transcript. */

#include "tollgate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int holds, const char *what, int line) {
    if (!holds) {
        fprintf(stderr, "line %d: %s; last error: %s\n", line, what, tollgate_last_error());
        exit(1);
    }
}
#define CHECK(what) check((what) != 0, #what, __LINE__)
#define SAYS(part) CHECK(strstr(tollgate_last_error(), part) != NULL)

static uint8_t *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    CHECK(fseek(file, 0, SEEK_END) == 0);
    *length = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*length);
    CHECK(bytes != NULL && fread(bytes, 1, *length, file) == *length);
    fclose(file);
    return bytes;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    size_t length;
    uint8_t *bytes = read_file(argv[1], &length);
    char grant[4096], config[4096];
    snprintf(grant, sizeof grant, "fs:read:%s", argv[2]);
    snprintf(config, sizeof config, "{\"path\":\"%s\",\"read_content\":true}", argv[2]);
    CHECK(strcmp(tollgate_last_error(), "") == 0);

    /* What is wrong is told. */
    CHECK(tollgate_create("{\"fool\":1}") == NULL);
    SAYS("fool");
    CHECK(tollgate_create("{\"memory_mb\":-2}") == NULL);
    SAYS("invalid WASM memory limit");
    CHECK(tollgate_create("{\"limits\":{\"fule\":1}}") == NULL);
    SAYS("did you mean fuel?");
    tollgate_runtime *small = tollgate_create("{\"limits\":{\"fuel\":\"1e1\",\"deadline\":null,\"host_calls\":5}}");
    CHECK(small != NULL);
    tollgate_plugin *stopped = tollgate_load(small, "file", bytes, length);
    char *none;
    CHECK(tollgate_describe(stopped) == NULL);
    SAYS("ran out of fuel (limit 10)");
    CHECK(tollgate_observe(stopped, "{}", &none) == TOLLGATE_PLUGIN_FAILED);
    tollgate_plugin_free(stopped);
    tollgate_runtime_free(small);
#ifdef WITH_SCHEMA
    CHECK(tollgate_create("{\"validate\":\"sometimes\"}") == NULL);
    SAYS("\"lenient\"");
    const char *options = "{\"deadline_ms\":60000,\"validate\":\"lenient\"}";
#else
    const char *options = "{\"deadline_ms\":60000}";
    CHECK(tollgate_create("{\"validate\":true}") == NULL);
    SAYS("feature `schema`");
#endif
    tollgate_runtime *runtime = tollgate_create(options);
    CHECK(runtime != NULL);
    CHECK(tollgate_grant(runtime, "file", "fs:raed:/x") == TOLLGATE_BAD_INPUT);
    SAYS("fs:raed:/x");
    CHECK(tollgate_grant(NULL, "file", grant) == TOLLGATE_BAD_INPUT);
    SAYS("the runtime is NULL");
    CHECK(tollgate_grant(runtime, "\xff", grant) == TOLLGATE_BAD_INPUT);
    SAYS("not UTF-8");
    CHECK(tollgate_grant(runtime, "file", grant) == TOLLGATE_OK);
    CHECK(tollgate_grant(runtime, "file", "fs:read:/nowhere/**") == TOLLGATE_OK);

    CHECK(tollgate_load(runtime, "file", NULL, 0) == NULL);
    CHECK(tollgate_load(runtime, "text", (const uint8_t *)"no module", 9) == NULL);
    SAYS("failed to load plugin text");
    tollgate_plugin *plugin = tollgate_load(runtime, "file", bytes, length);
    CHECK(plugin != NULL);
    CHECK(tollgate_grant(runtime, "file", "fs:read:/etc/**") == TOLLGATE_BAD_INPUT);
    SAYS("grants are fixed");
    free(bytes);
    /* A plugin outlives its runtime. */
    tollgate_runtime_free(runtime);

    char *text = tollgate_describe(plugin);
    CHECK(text != NULL && strstr(text, "\"name\":\"file\"") != NULL);
    tollgate_string_free(text);
    text = tollgate_schema(plugin);
    CHECK(text != NULL && strstr(text, "properties") != NULL);
    tollgate_string_free(text);
    CHECK(tollgate_describe(NULL) == NULL);
    SAYS("the plugin is NULL");

    CHECK(tollgate_observe(plugin, config, &text) == TOLLGATE_OK);
    CHECK(strstr(text, "\"status\":true") && strstr(text, "\"fuel\":"));
    tollgate_string_free(text);
    /* A denial is evidence. */
    CHECK(tollgate_observe(plugin, "{\"path\":\"/etc/shadow\"}", &text) == TOLLGATE_OK);
    CHECK(strstr(text, "\"status\":false") && strstr(text, "fs:read:/etc/shadow"));
    tollgate_string_free(text);
    /* What controls a terminal is escaped, in JSON and in errors. */
    CHECK(tollgate_observe(plugin, "{\"path\":\"/nowhere/\\u009b31m\\u202e\\u007f\"}", &text) == TOLLGATE_OK);
    CHECK(strstr(text, "\\u009b31m\\u202e\\u007f") != NULL);
    CHECK(strstr(text, "\xc2\x9b") == NULL && strchr(text, 0x7f) == NULL);
    tollgate_string_free(text);
    CHECK(tollgate_replay(plugin, "no\x1b[2Jsuch\nfile", &text) == TOLLGATE_BAD_INPUT);
    CHECK(strchr(tollgate_last_error(), 0x1b) == NULL);
    SAYS("no\\u{1b}[2Jsuch\\nfile");
    /* With the cause, and that once. */
    SAYS(": No such file or directory");
#ifdef WITH_SCHEMA
    CHECK(tollgate_observe(plugin, "{\"path\":7}", &text) == TOLLGATE_BAD_INPUT && text == NULL);
    SAYS("$.path: must be a string");
#endif
    CHECK(tollgate_observe(plugin, "[]", &text) == TOLLGATE_BAD_INPUT && text == NULL);
    CHECK(tollgate_observe(plugin, config, NULL) == TOLLGATE_BAD_INPUT);

    char *replayed;
    CHECK(tollgate_record(plugin, config, argv[3], &text) == TOLLGATE_OK);
    CHECK(remove(argv[2]) == 0);
    CHECK(tollgate_replay(plugin, argv[3], &replayed) == TOLLGATE_OK);
    CHECK(strcmp(text, replayed) == 0);
    tollgate_string_free(text);
    tollgate_string_free(replayed);
    CHECK(tollgate_replay(plugin, argv[1], &text) == TOLLGATE_BAD_INPUT && text == NULL);
    SAYS("invalid transcript: line 1: ");

    tollgate_plugin_free(plugin);
    tollgate_plugin_free(NULL);
    tollgate_runtime_free(NULL);
    tollgate_string_free(NULL);
    puts("embedded");
    return 0;
}
