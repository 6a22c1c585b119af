/* tollgate for C: runs untrusted WebAssembly plugins on an interpreter. README.md beside this file begins with
 * a program; what the Rust library says of grants, limits, evidence and transcripts holds here, too.
 *
 * Link with
 *     cc program.c $(pkg-config --cflags --libs tollgate)
 * or, without pkg-config, with -ltollgate_c; the static library also needs
 *     -lpthread -ldl -lm -lrt -lutil -lgcc_s             (Linux)
 *
 * Results. A function that can fail returns NULL or false if it does. Its last argument is the place of an
 * error, which it sets then; NULL if you do not want to know. If there is an error already, the function does
 * nothing and fails, so a program may call several functions and look once:
 *
 *     tollgate_error *error = NULL;
 *     tollgate_runtime *runtime = tollgate_runtime_new(NULL, NULL, &error);
 *     tollgate_plugin *plugin = tollgate_runtime_load_file(runtime, NULL, "file.wasm", &error);
 *     char *seen = tollgate_plugin_observe(plugin, "{\"path\":\"/etc/hosts\"}", NULL, NULL, &error);
 *     puts(seen ? seen : tollgate_error_message(error));
 *
 * Memory. Whatever a function returns as `char *` or `uint8_t *` is yours: give it to tollgate_free. What it
 * returns as `const char *` belongs to the handle that it was read from. The library keeps nothing that you pass
 * but callbacks and their context. Each handle has its own function that frees it; freeing NULL does nothing.
 * Handles may be freed in any order: a plugin outlives its runtime.
 *
 * Threads. Handles may be used from any thread, also at the same time, except for errors, and for instances,
 * which refuse a second call at once. A handle must not be used any more once it is freed.
 *
 * Texts are UTF-8 and end with NUL. NULL where a handle or a text is needed is an error, and not a crash.
 * Texts of the library are safe to print: JSON is one line and escapes control characters, C1 and bidirectional
 * controls as JSON does, and errors escape them as well. */

#ifndef TOLLGATE_HOST_H
#define TOLLGATE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is granted to plugins, what their calls may use, and the world that they see. */
typedef struct tollgate_runtime tollgate_runtime;
/* A plugin that is loaded in a runtime. */
typedef struct tollgate_plugin tollgate_plugin;
/* One instance of a plugin, which remembers from call to call what it did. */
typedef struct tollgate_instance tollgate_instance;
/* Ends calls from another thread. */
typedef struct tollgate_cancel tollgate_cancel;
/* A call of one of your host functions, while it runs. */
typedef struct tollgate_call tollgate_call;
/* Why a function failed. */
typedef struct tollgate_error tollgate_error;

/* The version of the library, such as "0.1.0". It is not to be freed. */
const char *tollgate_version(void);

/* Frees a text or bytes that a function returned as `char *` or `uint8_t *`. */
void tollgate_free(void *memory);

/* ---- Errors ------------------------------------------------------------------------------------------- */

/* Whose fault it is: the exit codes of the command line. */
typedef enum tollgate_status {
    TOLLGATE_OK = 0,
    /* An argument, an option, a grant, a config or a file is wrong. */
    TOLLGATE_BAD_INPUT = 2,
    /* The plugin cannot be loaded, or did not run to its end. */
    TOLLGATE_PLUGIN_FAILED = 3,
    /* The transcript holds another run than the one that was replayed. */
    TOLLGATE_DIVERGED = 4,
    /* A fault of this library's. */
    TOLLGATE_INTERNAL = 5
} tollgate_status;

/* The fields of an error. Without an error, the status is TOLLGATE_OK and the texts are "". The texts live as
 * long as the error.
 *
 *   kind        "argument", "options", "config", "io" (a file); "build", "load", "bake", "snapshot", "busy",
 *               "fault" (the plugin was stopped), "protocol" (its answer is invalid); "transcript", "limit",
 *               "cancelled", "diverged" (of replays); "internal"
 *   message     what happened, to which plugin, and what to do; that of a divergence has several lines
 *   plugin      the name of the plugin
 *   backtrace   the calls of the plugin that were running, a line for each, if the runtime has "backtraces"
 *   grants      the grants that denied requests of the call need, a line for each: what the plugin was denied
 *               is often why it fails
 *   json        all of this and more as an object: "fault", "usage", "divergence", "line" of a transcript */
tollgate_status tollgate_error_status(const tollgate_error *error);
const char *tollgate_error_kind(const tollgate_error *error);
const char *tollgate_error_message(const tollgate_error *error);
const char *tollgate_error_plugin(const tollgate_error *error);
const char *tollgate_error_backtrace(const tollgate_error *error);
const char *tollgate_error_grants(const tollgate_error *error);
const char *tollgate_error_json(const tollgate_error *error);

/* Frees the error, if there is one, and sets it to NULL, so that its place can be used again. */
void tollgate_error_clear(tollgate_error **error);

/* ---- Runtimes ----------------------------------------------------------------------------------------- */

/* Your functions, each of which may be NULL. They are called from any thread that runs a plugin, also at the same
 * time, and must return (no longjmp, no exception). The texts live until they return. */
typedef struct tollgate_callbacks {
    /* Passed to each of them. */
    void *context;
    /* Gets each event of a plugin as JSON: {"type": "log", "level": ..., "message": ...}, "denied" (with the
     * grants that it "needs", and "also"), "granted" (with the option "audit"), "limit_reached", "omitted". */
    void (*event)(void *context, const char *plugin, const char *event);
    /* A plugin calls one of the functions in the option "host_functions", "module.name", with a request in JSON.
     * Answer with tollgate_call_reply or tollgate_call_fail before returning. */
    void (*host_function)(void *context, tollgate_call *call, const char *function, const char *request);
    /* Called once, when none of them will be called any more: after the runtime and all of its plugins and instances are
     * freed, or when tollgate_runtime_new fails. */
    void (*release)(void *context);
} tollgate_callbacks;

/* A runtime in which plugins have the grants in the options, and no others. Options are a JSON object, or NULL:
 *
 *   grants              an object from names of plugins to lists of grants: {"file": ["fs:read:/etc/hosts"]}
 *   limits              an object of limits by name: {"fuel": "1e9", "memory": "64MiB", "deadline": "5s",
 *                       "host_calls": 1000, "evidence_bytes": null}; null is no limit
 *   world               a simulated world instead of this machine, as an object, or the path of a file with one
 *   ca_file             the path of a file with the root certificates (PEM) that TLS trusts, instead of Mozilla's.
 *                       Needs the feature "net"
 *   host_functions      a list of {"module": "kv", "name": "get", "kind": "kv"}: functions of yours. To call
 *                       this one, a plugin needs the grant "kv:get" or "kv:*"
 *   backtraces          whether errors say where the plugin was stopped
 *   audit               whether granted requests are events, too
 *   validate            which configs are refused: "strict" or true, any that violates the plugin's schema;
 *                       "lenient", those with wrong values. Needs a build with the feature "schema"
 *   redact              true hides what looks like a token or private key in all that leaves; an object sets "tokens"
 *                       (false: not those), "values" (a list of secrets), "paths" (of values in evidence),
 *                       "patterns" (regular expressions; needs the feature "regex"), and "key" (to write
 *                       a keyed hash in place of a secret)
 *   fork                false: a plugin is initialised for each call, not once
 *   idle_instances      how many instances each plugin may keep between calls
 *   deterministic_init  a seed: clocks and random numbers are then the same in every run, for baking
 *
 * An unknown option or a wrong value is an error. */
tollgate_runtime *tollgate_runtime_new(const char *options, const tollgate_callbacks *callbacks,
                                       tollgate_error **error);

/* Loads a WebAssembly module under a name, which decides its grants. The bytes are copied. The same bytes
 * under the same name are compiled once. */
tollgate_plugin *tollgate_runtime_load(tollgate_runtime *runtime, const char *name, const uint8_t *bytes,
                                       size_t length, tollgate_error **error);

/* The same from a file. If the name is NULL, it is that of the file, without its extension. */
tollgate_plugin *tollgate_runtime_load_file(tollgate_runtime *runtime, const char *name, const char *path,
                                            tollgate_error **error);

void tollgate_runtime_free(tollgate_runtime *runtime);

/* ---- Plugins ------------------------------------------------------------------------------------------ */

/* What the plugin says of itself, as JSON: its name, version and the capabilities that it may need. */
char *tollgate_plugin_describe(tollgate_plugin *plugin, tollgate_error **error);

/* The JSON Schema of the plugin's config. */
char *tollgate_plugin_schema(tollgate_plugin *plugin, tollgate_error **error);

/* What the plugin declares, compared with what it was granted: {"covered", "missing", "broader",
 * "unreadable"}, each a list. */
char *tollgate_plugin_review(tollgate_plugin *plugin, tollgate_error **error);

/* Runs the plugin with a config: a JSON object, or NULL for an empty one. Returns {"evidence": ..., "usage": ...,
 * "truncation": ..., "denied": [...]}. A check that failed is no error: the status of its evidence is false, and
 * "denied" has the grants that were missing.
 *
 * Options of a call are a JSON object, or NULL:
 *   limits   by name, as for the runtime; the smaller one holds, this or the runtime's
 * `cancel` is NULL, or ends the call with the kind "fault" when it is cancelled. */
char *tollgate_plugin_observe(tollgate_plugin *plugin, const char *config, const char *options,
                              const tollgate_cancel *cancel, tollgate_error **error);

/* Runs the plugin for each of these configs on as many threads as there are cores, or as the option "threads"
 * says. `report` gets each index with an observation or an error, never both, in the order of the configs and on
 * this thread; what it gets lives until it returns. If it returns false, no more calls begin, and this returns false,
 * without an error. */
bool tollgate_plugin_observe_many(tollgate_plugin *plugin, const char *const *configs, size_t count,
                                  const char *options, const tollgate_cancel *cancel,
                                  bool (*report)(void *context, size_t index, const char *observation,
                                                 const tollgate_error *error),
                                  void *context, tollgate_error **error);

/* As tollgate_plugin_observe, and writes a transcript of the run to a file, completely or not at all. It is there also
 * if the run failed. */
char *tollgate_plugin_record(tollgate_plugin *plugin, const char *config, const char *path,
                             const char *options, const tollgate_cancel *cancel, tollgate_error **error);

/* Replays a transcript: the plugin gets the recorded config, grants and replies, and nothing outside is
 * touched. Returns what tollgate_plugin_observe would; {"error": {...}} if the recorded run failed, and
 * this one in the same way. A difference is an error of the kind "diverged".
 *
 * Options are a JSON object, or NULL:
 *   tolerance   "behavior": fuel, memory and the module may differ, as in each build of a plugin
 *   backtraces  whether an error says where the plugin was
 *   deadline    such as "5s" */
char *tollgate_plugin_replay(tollgate_plugin *plugin, const char *path, const char *options,
                             const tollgate_cancel *cancel, tollgate_error **error);

/* What a transcript begins with: {"plugin", "module" (its SHA-256), "config", "limits"}. */
char *tollgate_transcript(const char *path, tollgate_error **error);

/* The initialised plugin as a module, which starts at once; `*length` is its size. */
uint8_t *tollgate_plugin_bake(tollgate_plugin *plugin, size_t *length, tollgate_error **error);

void tollgate_plugin_free(tollgate_plugin *plugin);

/* ---- Instances ---------------------------------------------------------------------------------------- */

/* An instance of its own, initialised: for loops that call a plugin as fast as possible. */
tollgate_instance *tollgate_instance_new(tollgate_plugin *plugin, tollgate_error **error);

/* As tollgate_plugin_observe, in this instance. It has one call at a time; another is refused. */
char *tollgate_instance_observe(tollgate_instance *instance, const char *config, const char *options,
                                const tollgate_cancel *cancel, tollgate_error **error);

/* From now on, a reset leads to the state that the instance has now. */
bool tollgate_instance_snapshot(tollgate_instance *instance, tollgate_error **error);

/* Back to the state after initialisation, or to the snapshot, in microseconds. */
bool tollgate_instance_reset(tollgate_instance *instance, tollgate_error **error);

/* Not while another thread calls it. */
void tollgate_instance_free(tollgate_instance *instance);

/* ---- Cancelling --------------------------------------------------------------------------------------- */

/* A handle for any number of calls, in any threads. */
tollgate_cancel *tollgate_cancel_new(void);

/* Ends all calls that were given the handle, and those that will be. */
void tollgate_cancel_all(const tollgate_cancel *cancel);

/* Also while calls that were given it run. */
void tollgate_cancel_free(tollgate_cancel *cancel);

/* ---- Host functions ----------------------------------------------------------------------------------- */

/* Use these from the callback `host_function`, before it returns, on its thread. */

/* The name of the plugin that calls; it lives as long as the call. */
const char *tollgate_call_plugin(const tollgate_call *call);

/* The milliseconds that are left of the deadline; -1 if there is none. */
int64_t tollgate_call_remaining_ms(const tollgate_call *call);

/* Whether the call is cancelled: a function that takes long asks this. */
bool tollgate_call_is_cancelled(const tollgate_call *call);

/* Replies with JSON. The last reply counts. */
bool tollgate_call_reply(tollgate_call *call, const char *reply, tollgate_error **error);

/* Replies with an error of a kind, such as "internal" or a word of yours. The plugin reads it. */
bool tollgate_call_fail(tollgate_call *call, const char *kind, const char *message, tollgate_error **error);

/* ---- Modules ------------------------------------------------------------------------------------------ */

/* What a module contains, as JSON, without running it: imports, exports, sizes, and the "problems" that keep it from
 * being a plugin. */
char *tollgate_inspect(const uint8_t *bytes, size_t length, tollgate_error **error);

/* What a host would refuse, and what is risky, as `tollgate check` reports it: {"plugin", "ok", "findings":
 * [{"severity", "check", "message", "fix"}], "more"}. The plugin runs in a simulated world, with an empty config
 * and with this one if it is not NULL. */
char *tollgate_check(const char *name, const uint8_t *bytes, size_t length, const char *config,
                     tollgate_error **error);

#ifdef __cplusplus
}
#endif

#endif
