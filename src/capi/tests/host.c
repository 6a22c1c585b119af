/* Callbacks, cancelling from another thread, batches, and simulated worlds. */

#include "check.h"

#include <pthread.h>

typedef struct {
    int logs, denials, calls, released;
} counts;

static void on_event(void *context, const char *plugin, const char *event)
{
    counts *counted = (counts *)context;
    check(strlen(plugin) > 0, "named", __LINE__);
    if (strstr(event, "\"type\":\"log\"")) {
        check(strstr(event, "\"level\":\"info\"") && strstr(event, "COLOUR"), event, __LINE__);
        counted->logs++;
    } else if (strstr(event, "\"type\":\"denied\"")) {
        counted->denials++;
    }
}

static void on_call(void *context, tollgate_call *call, const char *function, const char *request)
{
    tollgate_error *failed = NULL;
    counts *counted = (counts *)context;
    counted->calls++;
    check(strcmp(function, "store.get") == 0, function, __LINE__);
    check(strcmp(tollgate_call_plugin(call), "ask") == 0, "plugin", __LINE__);
    check(!tollgate_call_is_cancelled(call), "not cancelled", __LINE__);
    if (strstr(request, "colour")) {
        check(tollgate_call_remaining_ms(call) == -1, "no deadline", __LINE__);
        check(!tollgate_call_reply(call, "{", &failed), "no JSON", __LINE__);
        check(strcmp(tollgate_error_kind(failed), "argument") == 0, "kind", __LINE__);
        tollgate_error_clear(&failed);
        check(tollgate_call_reply(call, "{\"value\":\"green\"}", NULL), "replies", __LINE__);
    } else if (strstr(request, "shape")) {
        check(tollgate_call_remaining_ms(call) > 0, "a deadline", __LINE__);
        check(tollgate_call_fail(call, "not_found", "no value for shape", NULL), "fails", __LINE__);
    }
}

static void on_release(void *context)
{
    ((counts *)context)->released++;
}

static void plugins_call_the_embedder(void)
{
    counts counted = {0, 0, 0, 0};
    tollgate_callbacks callbacks = {&counted, on_event, on_call, on_release};
    tollgate_plugin *ask, *hello;
    tollgate_runtime *runtime = tollgate_runtime_new(
        "{\"grants\":{\"ask\":[\"kv:get\"],\"hello-c\":[\"env:COLOUR\"]},"
        "\"world\":{\"variables\":{\"COLOUR\":\"green\"}},"
        "\"host_functions\":[{\"module\":\"store\",\"name\":\"get\",\"kind\":\"kv\"}]}",
        &callbacks, &error);
    CHECK(runtime != NULL);
    ask = tollgate_runtime_load_file(runtime, NULL, "ask.wasm", &error);
    HAS(tollgate_plugin_observe(ask, "{\"key\":\"colour\"}", NULL, NULL, &error), "\"value\":\"green\"");
    HAS(tollgate_plugin_observe(ask, "{\"key\":\"shape\"}", "{\"limits\":{\"deadline\":\"1min\"}}", NULL, &error),
        "\"message\":\"no value for shape\"");
    HAS(tollgate_plugin_observe(ask, "{\"key\":\"none\"}", NULL, NULL, &error), "gave no reply");
    CHECK(counted.calls == 3 && counted.denials == 0);

    hello = tollgate_runtime_load_file(runtime, NULL, "hello-c.wasm", &error);
    HAS(tollgate_plugin_observe(hello, "{\"variable\":\"COLOUR\"}", NULL, NULL, &error), "\"status\":true");
    CHECK(counted.logs == 1);
    HAS(tollgate_plugin_observe(hello, "{\"variable\":\"SHAPE\"}", NULL, NULL, &error), "env:SHAPE");
    CHECK(counted.denials == 1);

    tollgate_runtime_free(runtime);
    tollgate_plugin_free(ask);
    CHECK(counted.released == 0);
    tollgate_plugin_free(hello);
    CHECK(counted.released == 1);

    FAILS(tollgate_runtime_new("{\"fool\":1}", &callbacks, &error), TOLLGATE_BAD_INPUT, "options", "fool");
    CHECK(counted.released == 2);
}

static void *cancel_it(void *cancel)
{
    tollgate_cancel_all((tollgate_cancel *)cancel);
    return NULL;
}

/* The loop has no end but this one. */
static void calls_are_cancelled(void)
{
    pthread_t thread;
    tollgate_cancel *cancel = tollgate_cancel_new();
    tollgate_runtime *runtime = tollgate_runtime_new("{\"limits\":{\"fuel\":null}}", NULL, &error);
    tollgate_plugin *failing = tollgate_runtime_load_file(runtime, NULL, "fails-c.wasm", &error);
    CHECK(pthread_create(&thread, NULL, cancel_it, cancel) == 0);
    FAILS(tollgate_plugin_observe(failing, "{\"how\":\"loop\"}", NULL, cancel, &error), TOLLGATE_PLUGIN_FAILED,
          "fault", "was cancelled");
    CHECK(pthread_join(thread, NULL) == 0);
    tollgate_cancel_free(cancel);
    tollgate_plugin_free(failing);
    tollgate_runtime_free(runtime);
}

typedef struct {
    size_t next, stop;
} progress;

static bool report(void *context, size_t index, const char *observation, const tollgate_error *failed)
{
    progress *made = (progress *)context;
    char part[64];
    check(index == made->next, "in order", __LINE__);
    check((observation == NULL) != (failed == NULL), "one of both", __LINE__);
    if (index == 2 || index == 49) {
        check(failed && strcmp(tollgate_error_kind(failed), "config") == 0, "unreadable", __LINE__);
    } else {
        sprintf(part, "\"needs\":\"fs:read:/%d\"", (int)index);
        check(observation && strstr(observation, part), observation, __LINE__);
    }
    made->next++;
    return made->next < made->stop;
}

static void batches_come_in_order(void)
{
    static char texts[50][32];
    const char *configs[50];
    progress made = {0, 1000};
    tollgate_runtime *runtime = tollgate_runtime_new("{\"world\":\"sim.json\"}", NULL, &error);
    tollgate_plugin *file = tollgate_runtime_load_file(runtime, NULL, "file.wasm", &error);
    int at;
    for (at = 0; at < 50; at++) {
        sprintf(texts[at], "{\"path\":\"/%d\"}", at);
        configs[at] = texts[at];
    }
    configs[2] = configs[49] = "[]";
    CHECK(tollgate_plugin_observe_many(file, configs, 50, "{\"threads\":3}", NULL, report, &made, &error));
    CHECK(made.next == 50);
    made.next = 0;
    made.stop = 5;
    CHECK(!tollgate_plugin_observe_many(file, configs, 50, NULL, NULL, report, &made, &error));
    CHECK(made.next == 5);
    CHECK(tollgate_plugin_observe_many(file, NULL, 0, NULL, NULL, report, &made, &error));
    FAILS(tollgate_plugin_observe_many(file, NULL, 1, NULL, NULL, report, &made, &error), TOLLGATE_BAD_INPUT,
          "argument", "the configs are NULL");
    FAILS(tollgate_plugin_observe_many(file, configs, 1, "{\"threads\":0}", NULL, report, &made, &error),
          TOLLGATE_BAD_INPUT, "options", "nonzero");
    tollgate_plugin_free(file);
    tollgate_runtime_free(runtime);
}

/* The evidence has "open [REDACTED]" in base64. */
static void secrets_are_hidden(void)
{
    tollgate_runtime *runtime = tollgate_runtime_new(
        "{\"world\":{\"files\":{\"/key\":\"open sesame\"}},\"grants\":{\"file\":[\"fs:read:/key\"]},"
        "\"redact\":{\"values\":[\"sesame\"]}}",
        NULL, &error);
    tollgate_plugin *file = tollgate_runtime_load_file(runtime, NULL, "file.wasm", &error);
    HAS(tollgate_plugin_observe(file, "{\"path\":\"/key\",\"read_content\":true}", NULL, NULL, &error),
        "\"content_b64\":\"b3BlbiBbUkVEQUNURURd\"");
    tollgate_plugin_free(file);
    tollgate_runtime_free(runtime);
}

int main(void)
{
    plugins_call_the_embedder();
    calls_are_cancelled();
    batches_come_in_order();
    secrets_are_hidden();
    puts("embedded");
    return 0;
}
