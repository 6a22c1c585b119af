/* Runtimes, plugins, recordings and instances. */

#include "check.h"

static const char grants[] = "{\"grants\":{\"file\":[\"fs:read:note.txt\",\"fs:read:/nowhere/**\"]}}";
static const char config[] = "{\"path\":\"note.txt\",\"read_content\":true}";

static void records_and_replays(tollgate_plugin *plugin)
{
    char *seen, *replayed;
    seen = tollgate_plugin_record(plugin, config, "run.jsonl", NULL, NULL, &error);
    CHECK(seen != NULL);
    HAS(tollgate_transcript("run.jsonl", &error), "\"config\":{\"path\":\"note.txt\",\"read_content\":true}");
    CHECK(remove("note.txt") == 0);
    replayed = tollgate_plugin_replay(plugin, "run.jsonl", "{\"deadline\":\"1min\"}", NULL, &error);
    CHECK(replayed != NULL && strcmp(seen, replayed) == 0);
    tollgate_free(seen);
    tollgate_free(replayed);
    HAS(tollgate_plugin_replay(plugin, "run.jsonl", "{\"tolerance\":\"behavior\",\"backtraces\":true}", NULL, &error),
        "\"status\":true");
    FAILS(tollgate_plugin_replay(plugin, "run.jsonl", "{\"tolerance\":\"none\"}", NULL, &error),
          TOLLGATE_BAD_INPUT, "options", "`none`");
    FAILS(tollgate_plugin_replay(plugin, "file.wasm", NULL, NULL, &error), TOLLGATE_BAD_INPUT,
          "transcript", "invalid transcript: line 1: ");
    FAILS(tollgate_transcript("missing.jsonl", &error), TOLLGATE_BAD_INPUT, "io", "missing.jsonl");
    FAILS(tollgate_plugin_record(plugin, config, "no/such/run.jsonl", NULL, NULL, &error), TOLLGATE_BAD_INPUT,
          "io", "no/such/run.jsonl");
}

/* Another plugin does something else than the recorded one. */
static void explains_a_divergence(tollgate_runtime *runtime)
{
    tollgate_plugin *other = tollgate_runtime_load_file(runtime, NULL, "hello-c.wasm", &error);
    CHECK(other != NULL);
    FAILS(tollgate_plugin_replay(other, "run.jsonl", NULL, NULL, &error), TOLLGATE_DIVERGED, "diverged",
          "the replay diverged at effect 0");
    check(tollgate_plugin_replay(other, "run.jsonl", NULL, NULL, &error) == NULL, "diverges", __LINE__);
    check(strcmp(tollgate_error_plugin(error), "hello-c") == 0, "plugin", __LINE__);
    check(strstr(tollgate_error_json(error), "\"divergence\":{") != NULL, "json", __LINE__);
    check(strstr(tollgate_error_json(error), "\"plugin\":\"hello-c\"") != NULL, "json", __LINE__);
    tollgate_error_clear(&error);
    tollgate_plugin_free(other);
}

static void bakes(tollgate_runtime *runtime, tollgate_plugin *plugin)
{
    tollgate_plugin *baked;
    size_t length = 0;
    uint8_t *bytes = tollgate_plugin_bake(plugin, &length, &error);
    CHECK(bytes != NULL && length > 1000 && memcmp(bytes, "\0asm", 4) == 0 && bytes[length] == 0);
    baked = tollgate_runtime_load(runtime, "baked", bytes, length, &error);
    HAS(tollgate_plugin_observe(baked, config, NULL, NULL, &error), "\"status\":false");
    FAILS(tollgate_plugin_bake(baked, &length, &error), TOLLGATE_PLUGIN_FAILED, "bake", "baked already");
    FAILS(tollgate_plugin_bake(plugin, NULL, &error), TOLLGATE_BAD_INPUT, "argument", "the length is NULL");
    HAS(tollgate_inspect(bytes, length, &error), "\"problems\":[]");
    HAS(tollgate_check("baked", bytes, length, config, &error), "\"findings\":[");
    FAILS(tollgate_check("baked", bytes, length, "[]", &error), TOLLGATE_BAD_INPUT, "config", "not an array");
    FAILS(tollgate_inspect(bytes, 3, &error), TOLLGATE_PLUGIN_FAILED, "load", "not a WebAssembly module");
    HAS(tollgate_check("short", bytes, 3, NULL, &error), "\"severity\":\"error\"");
    tollgate_plugin_free(baked);
    tollgate_free(bytes);
}

/* The guest counts its calls. */
static void remembers_in_an_instance(tollgate_runtime *runtime)
{
    tollgate_plugin *counter = tollgate_runtime_load_file(runtime, NULL, "counter.wasm", &error);
    tollgate_instance *instance = tollgate_instance_new(counter, &error);
    CHECK(instance != NULL);
    tollgate_plugin_free(counter);
    HAS(tollgate_instance_observe(instance, NULL, NULL, NULL, &error), "\"data\":{\"calls\":1}");
    HAS(tollgate_instance_observe(instance, NULL, "{}", NULL, &error), "\"data\":{\"calls\":2}");
    CHECK(tollgate_instance_reset(instance, &error));
    HAS(tollgate_instance_observe(instance, NULL, NULL, NULL, &error), "\"data\":{\"calls\":1}");
    CHECK(tollgate_instance_snapshot(instance, &error));
    HAS(tollgate_instance_observe(instance, NULL, NULL, NULL, &error), "\"data\":{\"calls\":2}");
    CHECK(tollgate_instance_reset(instance, &error));
    HAS(tollgate_instance_observe(instance, NULL, NULL, NULL, &error), "\"data\":{\"calls\":2}");
    FAILS(tollgate_instance_observe(instance, NULL, "{\"limits\":{\"fuel\":5}}", NULL, &error),
          TOLLGATE_PLUGIN_FAILED, "fault", "ran out of fuel");
    tollgate_instance_free(instance);
}

int main(void)
{
    char *text;
    tollgate_plugin *plugin;
    tollgate_runtime *runtime = tollgate_runtime_new(grants, NULL, &error);
    CHECK(runtime != NULL);
    CHECK(strcmp(tollgate_version(), VERSION) == 0);
    plugin = tollgate_runtime_load_file(runtime, NULL, "file.wasm", &error);
    CHECK(plugin != NULL);

    HAS(tollgate_plugin_describe(plugin, &error), "\"name\":\"file\"");
    HAS(tollgate_plugin_schema(plugin, &error), "properties");
    HAS(tollgate_plugin_review(plugin, &error), "\"missing\":[");
    text = tollgate_plugin_observe(plugin, config, NULL, NULL, &error);
    CHECK(text != NULL && strstr(text, "\"status\":true") && strstr(text, "\"fuel\":"));
    HAS(text, "\"denied\":[]");
    /* A denial is evidence, and names the grant. */
    HAS(tollgate_plugin_observe(plugin, "{\"path\":\"/etc/shadow\"}", NULL, NULL, &error),
        "\"needs\":\"fs:read:/etc/shadow\"");
    /* What controls a terminal is escaped. */
    text = tollgate_plugin_observe(plugin, "{\"path\":\"/nowhere/\\u009b31m\\u202e\\u007f\"}", NULL, NULL, &error);
    CHECK(strstr(text, "\xc2\x9b") == NULL && strchr(text, 0x7f) == NULL);
    HAS(text, "\\u009b31m\\u202e\\u007f");

    records_and_replays(plugin);
    explains_a_divergence(runtime);
    bakes(runtime, plugin);
    remembers_in_an_instance(runtime);

    /* A plugin outlives its runtime. */
    tollgate_runtime_free(runtime);
    HAS(tollgate_plugin_observe(plugin, NULL, NULL, NULL, &error), "\"evidence\":");
    tollgate_plugin_free(plugin);
    puts("embedded");
    return 0;
}
