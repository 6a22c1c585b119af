/* What goes wrong is an error with fields, when it happens. */

#include "check.h"

static void options_are_checked(void)
{
#define REFUSED(options, part) \
    FAILS(tollgate_runtime_new(options, NULL, &error), TOLLGATE_BAD_INPUT, "options", part)
    REFUSED("{\"fool\":1}", "unknown field `fool`");
    REFUSED("[]", "not a list");
    REFUSED("{", "EOF");
    REFUSED("{\"grants\":{\"file\":[\"fs:raed:/x\"]}}", "fs:raed:/x");
    REFUSED("{\"limits\":{\"fule\":1}}", "did you mean fuel?");
    REFUSED("{\"limits\":{\"memory\":\"none of it\"}}", "the limit memory is");
    REFUSED("{\"world\":{\"fils\":{}}}", "world: line 1 column");
    REFUSED("{\"redact\":7}", "\"redact\" is true, false or an object");
    REFUSED("{\"redact\":{\"paths\":[\"\"]}}", "empty key");
    REFUSED("{\"validate\":\"sometimes\"}", "\"lenient\"");
#ifdef WITH_REGEX
    REFUSED("{\"redact\":{\"patterns\":[\"(\"]}}", "is invalid");
#else
    REFUSED("{\"redact\":{\"patterns\":[\"x\"]}}", "feature `regex`");
#endif
#ifdef WITH_NET
    FAILS(tollgate_runtime_new("{\"ca_file\":\"missing.pem\"}", NULL, &error), TOLLGATE_BAD_INPUT, "io", "missing.pem");
    FAILS(tollgate_runtime_new("{\"ca_file\":\"note.txt\"}", NULL, &error), TOLLGATE_BAD_INPUT, "io", "certificate");
    REFUSED("{\"ca_file\":\"x\",\"world\":{}}", "for this machine");
#else
    REFUSED("{\"ca_file\":\"x\"}", "feature `net`");
#endif
#ifndef WITH_SCHEMA
    REFUSED("{\"validate\":true}", "feature `schema`");
#endif
    FAILS(tollgate_runtime_new("{\"world\":\"missing.json\"}", NULL, &error), TOLLGATE_BAD_INPUT, "io",
          "missing.json");
    FAILS(tollgate_runtime_new("{\"limits\":{\"stack.frames\":1}}", NULL, &error), TOLLGATE_BAD_INPUT, "build",
          "a stack limit of 1 frame");
    FAILS(tollgate_runtime_new("{\"host_functions\":[{\"module\":\"kv\",\"name\":\"get\",\"kind\":\"kv\"}]}",
                               NULL, &error),
          TOLLGATE_BAD_INPUT, "argument", "the callback for them is NULL");
    FAILS(tollgate_runtime_new("\xff", NULL, &error), TOLLGATE_BAD_INPUT, "argument", "not UTF-8");
}

static void null_is_an_error(void)
{
#define NULL_IS(what, part) FAILS(what, TOLLGATE_BAD_INPUT, "argument", part)
    size_t length;
    NULL_IS(tollgate_runtime_load(NULL, "x", NULL, 0, &error), "the runtime is NULL");
    NULL_IS(tollgate_runtime_load_file(NULL, "x", "x", &error), "the runtime is NULL");
    NULL_IS(tollgate_plugin_describe(NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_schema(NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_review(NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_observe(NULL, NULL, NULL, NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_observe_many(NULL, NULL, 0, NULL, NULL, NULL, NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_record(NULL, NULL, NULL, NULL, NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_replay(NULL, NULL, NULL, NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_plugin_bake(NULL, &length, &error), "the plugin is NULL");
    NULL_IS(tollgate_transcript(NULL, &error), "the path is NULL");
    NULL_IS(tollgate_instance_new(NULL, &error), "the plugin is NULL");
    NULL_IS(tollgate_instance_observe(NULL, NULL, NULL, NULL, &error), "the instance is NULL");
    NULL_IS(tollgate_instance_snapshot(NULL, &error), "the instance is NULL");
    NULL_IS(tollgate_instance_reset(NULL, &error), "the instance is NULL");
    NULL_IS(tollgate_call_reply(NULL, "{}", &error), "the call is NULL");
    NULL_IS(tollgate_call_fail(NULL, "x", "x", &error), "the call is NULL");
    NULL_IS(tollgate_inspect(NULL, 0, &error), "the bytes of the module are NULL");
    NULL_IS(tollgate_check("x", NULL, 0, NULL, &error), "the bytes of the module are NULL");
    CHECK(strcmp(tollgate_call_plugin(NULL), "") == 0);
    CHECK(tollgate_call_remaining_ms(NULL) == -1 && !tollgate_call_is_cancelled(NULL));
    CHECK(tollgate_error_status(NULL) == TOLLGATE_OK && strcmp(tollgate_error_kind(NULL), "") == 0);
    CHECK(strcmp(tollgate_error_json(NULL), "") == 0 && strcmp(tollgate_error_plugin(NULL), "") == 0);
    tollgate_cancel_all(NULL);
    tollgate_cancel_free(NULL);
    tollgate_free(NULL);
    tollgate_runtime_free(NULL);
    tollgate_plugin_free(NULL);
    tollgate_instance_free(NULL);
    tollgate_error_clear(NULL);
    tollgate_error_clear(&error);
    /* Nobody wants to know why. */
    CHECK(tollgate_plugin_describe(NULL, NULL) == NULL);
}

/* After an error, nothing happens until it is cleared. */
static void errors_stay(void)
{
    tollgate_runtime *runtime = tollgate_runtime_new("{\"fool\":1}", NULL, &error);
    tollgate_plugin *plugin = tollgate_runtime_load_file(runtime, NULL, "file.wasm", &error);
    FAILS(tollgate_plugin_observe(plugin, NULL, NULL, NULL, &error), TOLLGATE_BAD_INPUT, "options",
          "unknown field `fool`");
}

static void plugins_fail(void)
{
    const char *text;
    tollgate_plugin *failing, *denied;
    tollgate_runtime *runtime = tollgate_runtime_new("{\"backtraces\":true}", NULL, &error);
    CHECK(runtime != NULL);
    FAILS(tollgate_runtime_load(runtime, "text", (const uint8_t *)"no module", 9, &error),
          TOLLGATE_PLUGIN_FAILED, "load", "failed to load plugin text");
    FAILS(tollgate_runtime_load_file(runtime, NULL, "no\x1b[2Jsuch\nfile", &error), TOLLGATE_BAD_INPUT, "io",
          "no\\u{1b}[2Jsuch\\nfile: No such file or directory");
    failing = tollgate_runtime_load_file(runtime, NULL, "fails-c.wasm", &error);
    HAS(tollgate_plugin_describe(failing, &error), "\"name\":\"fails-c\"");
    FAILS(tollgate_plugin_observe(failing, "[]", NULL, NULL, &error), TOLLGATE_BAD_INPUT, "config", "not an array");
    FAILS(tollgate_plugin_observe(failing, NULL, "{\"limits\":{\"stack.frames\":20}}", NULL, &error),
          TOLLGATE_BAD_INPUT, "options", "cannot be changed for a call");

    CHECK(tollgate_plugin_observe(failing, "{\"how\":\"trap\"}", NULL, NULL, NULL) == NULL);
    check(tollgate_plugin_observe(failing, "{\"how\":\"trap\"}", NULL, NULL, &error) == NULL, "traps", __LINE__);
    text = tollgate_error_backtrace(error);
    check(strstr(text, "parse_header") != NULL, text, __LINE__);
    check(strcmp(tollgate_error_plugin(error), "fails-c") == 0, "plugin", __LINE__);
    check(strcmp(tollgate_error_grants(error), "") == 0, "grants", __LINE__);
    text = tollgate_error_json(error);
    check(strstr(text, "\"usage\":{") != NULL && strstr(text, "\"fault\":{\"trap\":") != NULL, text, __LINE__);
    tollgate_error_clear(&error);
    FAILS(tollgate_plugin_observe(failing, "{\"how\":\"loop\"}", "{\"limits\":{\"fuel\":\"1e5\"}}", NULL, &error),
          TOLLGATE_PLUGIN_FAILED, "fault", "ran out of fuel (limit 100000)");
    /* It traps where it is denied, and the error has the grants. */
    denied = tollgate_runtime_load_file(runtime, NULL, "denied.wasm", &error);
    CHECK(denied != NULL);
    check(tollgate_plugin_observe(denied, NULL, NULL, NULL, &error) == NULL, "denied", __LINE__);
    text = tollgate_error_grants(error);
    check(strcmp(text, "fs:read:/etc/motd") == 0, text, __LINE__);
    check(strcmp(tollgate_error_kind(error), "fault") == 0, "kind", __LINE__);
    tollgate_error_clear(&error);

    tollgate_plugin_free(denied);
    tollgate_plugin_free(failing);
    tollgate_runtime_free(runtime);
}

int main(void)
{
    options_are_checked();
    null_is_an_error();
    errors_stay();
    plugins_fail();
    puts("embedded");
    return 0;
}
