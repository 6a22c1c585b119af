/* tollgate for C: runs untrusted WebAssembly plugins on an interpreter. What is said of grants,
 * limits, evidence and transcripts in the Rust library holds here, too.
 *
 * Texts are UTF-8 and end with NUL. A text that a function gives you is yours: give it back with
 * tollgate_string_free. Handles may be used from any thread, also at the same time, and must not
 * be used any more once they are freed. NULL where a handle or text is needed is an error and not
 * a crash; freeing NULL does nothing.
 *
 * Functions that can fail answer with a status, or NULL. tollgate_last_error then tells what
 * happened, to which plugin, and what to do.
 *
 * All texts are safe to print: JSON is one line and escapes control characters, C1 and bidirectional
 * controls as JSON does, and errors escape them as well. */

#ifndef TOLLGATE_H
#define TOLLGATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 2, 3 and 4 are the exit codes of the command line, too. */
typedef enum tollgate_status {
    TOLLGATE_OK = 0,
    /* An argument of yours is wrong: a grant, a config, a name, a limit, NULL. */
    TOLLGATE_BAD_INPUT = 2,
    /* The plugin cannot be loaded, or did not run to its end. */
    TOLLGATE_PLUGIN_FAILED = 3,
    /* The transcript holds another run than the one that was played. */
    TOLLGATE_DIVERGED = 4,
    /* A fault of this library's. */
    TOLLGATE_INTERNAL = 5
} tollgate_status;

/* A runtime: what is granted to plugins, and what their calls may use. */
typedef struct tollgate_runtime tollgate_runtime;
/* A plugin that is loaded in a runtime. It may outlive it. */
typedef struct tollgate_plugin tollgate_plugin;

/* A runtime in which no plugin has any grant. Options are a JSON object, or NULL:
 *   fuel            units of fuel for one call, or null for no limit
 *   memory_mb       0 is 256, -1 is no limit
 *   deadline_ms     wall-clock time for one call; 0 is none
 *   evidence_bytes  what is longer is cut; 0 is no limit
 *   limits          an object of limits by name, such as {"result_bytes": "128MiB", "host_calls": 1000}
 *   validate        which configs are refused: "strict" or true, any that violates the plugin's
 *                   schema; "lenient", those with wrong values; false, none. Needs a build with
 *                   the feature "schema"
 *   redact          whether what looks like a token or private key is hidden
 *   secrets         a list of texts to hide
 * NULL if one of them is unknown or wrong. */
tollgate_runtime *tollgate_create(const char *options);

/* Grants a capability, such as "fs:read:/etc/hosts", to the plugin of this name. Grants are fixed
 * once the first plugin is loaded. */
tollgate_status tollgate_grant(tollgate_runtime *runtime, const char *plugin, const char *capability);

/* Loads a WebAssembly module under a name, which decides its grants. The bytes are copied. NULL if
 * it cannot be a plugin here. */
tollgate_plugin *tollgate_load(tollgate_runtime *runtime, const char *name, const uint8_t *bytes,
                               size_t length);

/* What the plugin says of itself, as JSON; NULL if it fails. */
char *tollgate_describe(tollgate_plugin *plugin);

/* The JSON Schema of the plugin's config; NULL if it fails. */
char *tollgate_schema(tollgate_plugin *plugin);

/* Has the plugin look at the world. The config is a JSON object, or NULL for an empty one.
 * *observation becomes {"evidence": ..., "usage": ..., "truncation": ...}, or NULL if the plugin
 * did not run to its end. A check that failed is TOLLGATE_OK: its evidence says so. */
tollgate_status tollgate_observe(tollgate_plugin *plugin, const char *config, char **observation);

/* The same, and writes a transcript of the run to a file, which is there also if the run failed.
 * Until it is complete, it has the name of the file with ".partial" behind it. */
tollgate_status tollgate_record(tollgate_plugin *plugin, const char *config, const char *path,
                                char **observation);

/* Plays a transcript: the plugin, which must be the one that was recorded, gets the recorded config,
 * grants and replies, and nothing outside is touched. *observation becomes what tollgate_observe
 * would give; NULL, with TOLLGATE_OK, if the recorded run failed and this one in the same way,
 * which tollgate_last_error then tells. */
tollgate_status tollgate_replay(tollgate_plugin *plugin, const char *path, char **observation);

/* What the last function that failed on this thread says; "" if none did. It is yours to read
 * until the next call on this thread, and not to free. */
const char *tollgate_last_error(void);

void tollgate_string_free(char *text);
void tollgate_plugin_free(tollgate_plugin *plugin);
void tollgate_runtime_free(tollgate_runtime *runtime);

#ifdef __cplusplus
}
#endif

#endif
