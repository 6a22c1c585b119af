/* The tollgate kit for plugins in C: one file, without a libc, to be copied beside a plugin.

   In one source file, define TOLLGATE_IMPLEMENTATION before including this: it adds the exports
   `allocate` and `deallocate`. With a libc, define TOLLGATE_LIBC as well: then malloc is used.

   The plugin itself exports describe, schema and observe; each returns tollgate_answer(text). */

#ifndef TOLLGATE_H
#define TOLLGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOLLGATE_EXPORT(name) __attribute__((export_name(name)))
#define TOLLGATE_IMPORT(name) __attribute__((import_module("reglet_host"), import_name(name)))

/* The host functions: each takes a request in JSON, packed, and returns a reply in JSON, packed.
   Requests and replies are described in functions.md of the package tollgate-abi. Call them through
   tollgate_ask. */

/* begin generated functions */

/* Reads a file, or a part of it. */
TOLLGATE_IMPORT("fs_read") uint64_t tollgate_fs_read(uint64_t request);
/* Describes a file, a directory or a symbolic link. */
TOLLGATE_IMPORT("fs_stat") uint64_t tollgate_fs_stat(uint64_t request);
/* Lists a directory. */
TOLLGATE_IMPORT("fs_list") uint64_t tollgate_fs_list(uint64_t request);
/* Writes a file. */
TOLLGATE_IMPORT("fs_write") uint64_t tollgate_fs_write(uint64_t request);
/* Returns an environment variable, as it was when the runtime was built. */
TOLLGATE_IMPORT("env_get") uint64_t tollgate_env_get(uint64_t request);
/* Opens a TCP connection, sends, receives and closes it. */
TOLLGATE_IMPORT("net_connect") uint64_t tollgate_net_connect(uint64_t request);
/* Opens a TCP connection, optionally with TLS, and closes it. */
TOLLGATE_IMPORT("tcp_connect") uint64_t tollgate_tcp_connect(uint64_t request);
/* Runs a command and waits for its end. */
TOLLGATE_IMPORT("exec_run") uint64_t tollgate_exec_run(uint64_t request);
/* Fetches a URL, following redirects. */
TOLLGATE_IMPORT("http_request") uint64_t tollgate_http_request(uint64_t request);
/* Looks up the DNS records of a name. */
TOLLGATE_IMPORT("dns_lookup") uint64_t tollgate_dns_lookup(uint64_t request);
/* Connects to a mail server and reads its greeting. */
TOLLGATE_IMPORT("smtp_connect") uint64_t tollgate_smtp_connect(uint64_t request);
/* Returns why WASI denied access: its error numbers do not name the grant that would help. */
TOLLGATE_IMPORT("last_denial") uint64_t tollgate_last_denial(uint64_t request);
/* Writes a line to the log of the host. */
TOLLGATE_IMPORT("log_message") void tollgate_log_message(uint64_t request);

/* The values of `type` in an error of the host. */
#define TOLLGATE_ERROR_CAPABILITY "capability" /* The plugin has no grant for the request. */
#define TOLLGATE_ERROR_CONFIG "config" /* The request or the config is invalid. */
#define TOLLGATE_ERROR_EXECUTION "execution" /* A command could not be started. */
#define TOLLGATE_ERROR_FS "fs" /* A file operation failed. */
#define TOLLGATE_ERROR_INTERNAL "internal" /* A fault of the host, or a function that this build of the host does not include. */
#define TOLLGATE_ERROR_NETWORK "network" /* A connection could not be made, or it broke. */
#define TOLLGATE_ERROR_PANIC "panic" /* The plugin panicked. */
#define TOLLGATE_ERROR_SSRF_PROTECTION "ssrf_protection" /* The address is private or reserved, and no grant opens it. */
#define TOLLGATE_ERROR_TIMEOUT "timeout" /* A deadline passed. */
#define TOLLGATE_ERROR_TLS "tls" /* A TLS handshake or certificate was rejected. */
#define TOLLGATE_ERROR_VALIDATION "validation" /* A value has the wrong shape. */

/* end generated functions */

/* A piece of text that is not terminated. One without a start is "nothing". */
typedef struct {
    const char *start;
    uint32_t length;
} tollgate_text;

/* pointer << 32 | length; 0 is nothing. */
static inline uint64_t tollgate_pack(uint32_t pointer, uint32_t length)
{
    return (uint64_t)pointer << 32 | length;
}

/* False for a length at address 0, which is invalid. */
static inline bool tollgate_unpack(uint64_t packed, uint32_t *pointer, uint32_t *length)
{
    *pointer = (uint32_t)(packed >> 32);
    *length = (uint32_t)packed;
    return *pointer != 0 || *length == 0;
}

static inline tollgate_text tollgate_literal(const char *terminated)
{
    tollgate_text text = {terminated, 0};
    while (terminated[text.length] != '\0')
        text.length++;
    return text;
}

static inline bool tollgate_equal(tollgate_text a, const char *b)
{
    for (uint32_t at = 0; at < a.length; at++)
        if (b[at] == '\0' || a.start[at] != b[at])
            return false;
    return b[a.length] == '\0';
}

/* Memory for the plugin and for the host. Free a block with tollgate_free. */
void *tollgate_allocate(uint32_t size);
void tollgate_free(void *block);

/* Text that grows. When there is no memory, the rest is dropped and `full` is set. */
typedef struct {
    char *start;
    uint32_t length, room;
    bool full;
} tollgate_writer;

void tollgate_put(tollgate_writer *to, tollgate_text text);
/* A terminated text, for the fixed parts of JSON. */
void tollgate_json(tollgate_writer *to, const char *text);
/* Any UTF-8 text as a JSON string, quotes included. */
void tollgate_string(tollgate_writer *to, tollgate_text text);
void tollgate_number(tollgate_writer *to, uint64_t number);

static inline tollgate_text tollgate_written(const tollgate_writer *from)
{
    tollgate_text text = {from->start, from->length};
    return text;
}

/* Packs a result of describe, schema or observe; the host frees it. */
static inline uint64_t tollgate_answer(const tollgate_writer *from)
{
    return from->full ? 0 : tollgate_pack((uint32_t)(uintptr_t)from->start, from->length);
}

/* Calls a host function with a request and frees the request. The caller frees the reply, as a block.
   Nothing if there is none. */
tollgate_text tollgate_ask(uint64_t (*function)(uint64_t), tollgate_writer *request);

/* Some texts. */
typedef struct {
    const tollgate_text *start;
    uint32_t count;
} tollgate_list;

/* Members of a JSON object, which begins with the first of them and ends with tollgate_end. A text without a
   start is left out. */
void tollgate_put_raw(tollgate_writer *to, const char *key, tollgate_text json);
void tollgate_put_text(tollgate_writer *to, const char *key, tollgate_text text);
void tollgate_put_number(tollgate_writer *to, const char *key, uint64_t number);
void tollgate_put_flag(tollgate_writer *to, const char *key, bool flag);
void tollgate_put_list(tollgate_writer *to, const char *key, tollgate_list list);
tollgate_writer *tollgate_end(tollgate_writer *to);

/* A function for each host function: it writes the request, asks, and returns the reply in JSON, which the caller
   frees, as tollgate_ask does. A module imports those that it calls. */

/* begin generated requests */

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text path; /* The file. A relative path starts at the working directory of the host. */
    tollgate_text encoding; /* `base64` or `utf-8`; empty is `base64`. */
    uint64_t offset; /* Where to start, in bytes. */
    uint64_t limit; /* The most bytes to read; 0 is as many as the host allows. */
} tollgate_fs_read_request;

/* Reads a file, or a part of it. */
static inline tollgate_text tollgate_ask_fs_read(const tollgate_fs_read_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "path", request->path);
    tollgate_put_text(&to, "encoding", request->encoding);
    tollgate_put_number(&to, "offset", request->offset);
    tollgate_put_number(&to, "limit", request->limit);
    return tollgate_ask(tollgate_fs_read, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text path; /* The path. A relative one starts at the working directory of the host. */
    bool no_follow; /* Whether to describe a symbolic link itself instead of its target. */
} tollgate_fs_stat_request;

/* Describes a file, a directory or a symbolic link. */
static inline tollgate_text tollgate_ask_fs_stat(const tollgate_fs_stat_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "path", request->path);
    tollgate_put_flag(&to, "no_follow", request->no_follow);
    return tollgate_ask(tollgate_fs_stat, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text path; /* The directory. A relative path starts at the working directory of the host. */
} tollgate_fs_list_request;

/* Lists a directory. */
static inline tollgate_text tollgate_ask_fs_list(const tollgate_fs_list_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "path", request->path);
    return tollgate_ask(tollgate_fs_list, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text path; /* The file. A relative path starts at the working directory of the host. */
    tollgate_text content; /* The bytes, in `encoding`. */
    tollgate_text encoding; /* `base64` or `utf-8`; empty is `base64`. */
    tollgate_text mode; /* `replace` (also when empty) replaces the content, whole or not at all. `append` writes after the old content. `create` fails if the file exists. */
} tollgate_fs_write_request;

/* Writes a file. */
static inline tollgate_text tollgate_ask_fs_write(const tollgate_fs_write_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "path", request->path);
    tollgate_put_text(&to, "content", request->content);
    tollgate_put_text(&to, "encoding", request->encoding);
    tollgate_put_text(&to, "mode", request->mode);
    return tollgate_ask(tollgate_fs_write, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text name; /* The name of the variable. */
} tollgate_env_get_request;

/* Returns an environment variable, as it was when the runtime was built. */
static inline tollgate_text tollgate_ask_env_get(const tollgate_env_get_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "name", request->name);
    return tollgate_ask(tollgate_env_get, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text host; /* A host name or an IP address. */
    tollgate_text port; /* The port, 1 to 65535, or the name of a well-known service: `https`. */
    tollgate_text send; /* The bytes to send, in `encoding`. */
    tollgate_text encoding; /* `base64` or `utf-8`, for `send` and for `received` of the reply; empty is `base64`. */
    uint64_t receive; /* The most bytes to receive; 0 closes the connection after sending. */
    uint64_t timeout_ms; /* The most time for the whole operation, in milliseconds; 0 means the host's maximum. */
} tollgate_net_connect_request;

/* Opens a TCP connection, sends, receives and closes it. */
static inline tollgate_text tollgate_ask_net_connect(const tollgate_net_connect_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "host", request->host);
    tollgate_put_text(&to, "port", request->port);
    tollgate_put_text(&to, "send", request->send);
    tollgate_put_text(&to, "encoding", request->encoding);
    tollgate_put_number(&to, "receive", request->receive);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    return tollgate_ask(tollgate_net_connect, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text host; /* A host name or an IP address. */
    tollgate_text port; /* The port, 1 to 65535, or the name of a well-known service: `https`. */
    uint64_t timeout_ms; /* The most time, in milliseconds; 0 means the host's maximum. */
    bool tls; /* Whether to use TLS. */
} tollgate_tcp_connect_request;

/* Opens a TCP connection, optionally with TLS, and closes it. */
static inline tollgate_text tollgate_ask_tcp_connect(const tollgate_tcp_connect_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "host", request->host);
    tollgate_put_text(&to, "port", request->port);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    tollgate_put_flag(&to, "tls", request->tls);
    return tollgate_ask(tollgate_tcp_connect, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text command; /* A path, or a name that the host looks up in its `PATH`. */
    tollgate_list args; /* The arguments, without the command itself. No shell interprets them. */
    tollgate_text dir; /* The working directory; empty is that of the host. */
    tollgate_list env; /* The whole environment, each entry `NAME=VALUE`. The last entry of a name counts. */
    uint64_t timeout_ms; /* The most time for the command, in milliseconds; 0 means the host's maximum. */
} tollgate_exec_run_request;

/* Runs a command and waits for its end. */
static inline tollgate_text tollgate_ask_exec_run(const tollgate_exec_run_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "command", request->command);
    tollgate_put_list(&to, "args", request->args);
    tollgate_put_text(&to, "dir", request->dir);
    tollgate_put_list(&to, "env", request->env);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    return tollgate_ask(tollgate_exec_run, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text method; /* The method; empty is `GET`. */
    tollgate_text url; /* The URL, `http` or `https`. */
    tollgate_text headers; /* Header fields. `Host`, `Content-Length` and `User-Agent` are ignored. Fields about the connection (`Connection`, `Upgrade`, …) are an error. In JSON. */
    tollgate_text body; /* The body, in base64. */
    uint64_t timeout_ms; /* The most time for the whole operation, with redirects, in milliseconds; 0 means the host's maximum. */
} tollgate_http_request_request;

/* Fetches a URL, following redirects. */
static inline tollgate_text tollgate_ask_http_request(const tollgate_http_request_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "method", request->method);
    tollgate_put_text(&to, "url", request->url);
    tollgate_put_raw(&to, "headers", request->headers);
    tollgate_put_text(&to, "body", request->body);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    return tollgate_ask(tollgate_http_request, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text hostname; /* The name to look up. */
    tollgate_text type; /* `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`. */
    tollgate_text nameserver; /* The DNS server, `host:port` or `host`; empty is the resolver of the host. */
    uint64_t timeout_ms; /* The most time, in milliseconds; 0 means the host's maximum. */
} tollgate_dns_lookup_request;

/* Looks up the DNS records of a name. */
static inline tollgate_text tollgate_ask_dns_lookup(const tollgate_dns_lookup_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "hostname", request->hostname);
    tollgate_put_text(&to, "type", request->type);
    tollgate_put_text(&to, "nameserver", request->nameserver);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    return tollgate_ask(tollgate_dns_lookup, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
    tollgate_text host; /* A host name or an IP address. */
    tollgate_text port; /* The port, 1 to 65535, or the name of a well-known service: `https`. */
    uint64_t timeout_ms; /* The most time for the whole operation, in milliseconds; 0 means the host's maximum. */
    bool tls; /* Whether to use TLS from the first byte. */
    bool starttls; /* Whether to switch to TLS after the greeting. Excludes `tls`. */
} tollgate_smtp_connect_request;

/* Connects to a mail server and reads its greeting. */
static inline tollgate_text tollgate_ask_smtp_connect(const tollgate_smtp_connect_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    tollgate_put_text(&to, "host", request->host);
    tollgate_put_text(&to, "port", request->port);
    tollgate_put_number(&to, "timeout_ms", request->timeout_ms);
    tollgate_put_flag(&to, "tls", request->tls);
    tollgate_put_flag(&to, "starttls", request->starttls);
    return tollgate_ask(tollgate_smtp_connect, tollgate_end(&to));
}

typedef struct {
    tollgate_text context; /* Time limits. In JSON. */
} tollgate_last_denial_request;

/* Returns why WASI denied access: its error numbers do not name the grant that would help. */
static inline tollgate_text tollgate_ask_last_denial(const tollgate_last_denial_request *request)
{
    tollgate_writer to = {0};
    tollgate_put_raw(&to, "context", request->context);
    return tollgate_ask(tollgate_last_denial, tollgate_end(&to));
}

/* end generated requests */

/* Writes a line to the log of the host: level is DEBUG, INFO, WARN or ERROR. */
void tollgate_log(const char *level, tollgate_text message);

/* The value of a member of a JSON object, as JSON; nothing if it is not there, or if the text is
   not an object. Of a key that is given twice the last counts. */
tollgate_text tollgate_member(tollgate_text object, const char *key);

/* Decodes a JSON string into a new block; nothing if the text is not a string. */
tollgate_text tollgate_decode(tollgate_text string);

#ifdef TOLLGATE_IMPLEMENTATION

#ifdef TOLLGATE_LIBC
#include <stdlib.h>

void *tollgate_allocate(uint32_t size)
{
    return size == 0 ? NULL : malloc(size);
}

void tollgate_free(void *block)
{
    free(block);
}
#else
/* Blocks have sizes of powers of two from 16 bytes, in front of each its class; what is freed is
   used again for the same size. */
extern unsigned char __heap_base;

#define TOLLGATE_CLASSES 28
#define TOLLGATE_MARK 0x746f6c6cu

struct tollgate_block {
    uint32_t mark, class;
    struct tollgate_block *next;
};

static struct tollgate_block *tollgate_freed[TOLLGATE_CLASSES];
static uint64_t tollgate_top;

void *tollgate_allocate(uint32_t size)
{
    uint32_t class = 0;
    while (class < TOLLGATE_CLASSES && (16ull << class) < (uint64_t)size + 8)
        class++;
    if (size == 0 || class == TOLLGATE_CLASSES)
        return NULL;
    struct tollgate_block *block = tollgate_freed[class];
    if (block != NULL) {
        tollgate_freed[class] = block->next;
    } else {
        if (tollgate_top == 0)
            tollgate_top = ((uint64_t)(uintptr_t)&__heap_base + 15) & ~15ull;
        uint64_t end = tollgate_top + (16ull << class);
        uint64_t have = (uint64_t)__builtin_wasm_memory_size(0) << 16;
        if (end > have
            && __builtin_wasm_memory_grow(0, (size_t)((end - have + 65535) >> 16)) == (size_t)-1)
            return NULL;
        block = (struct tollgate_block *)(uintptr_t)tollgate_top;
        tollgate_top = end;
    }
    block->mark = TOLLGATE_MARK;
    block->class = class;
    return (char *)block + 8;
}

void tollgate_free(void *memory)
{
    /* A pointer that is not a block is ignored, as far as that can be detected. */
    uintptr_t at = (uintptr_t)memory;
    if ((at & 7) != 0 || at < 16 || at >= tollgate_top)
        return;
    struct tollgate_block *block = (struct tollgate_block *)(at - 8);
    if (block->mark != TOLLGATE_MARK || block->class >= TOLLGATE_CLASSES)
        return;
    block->mark = 0;
    block->next = tollgate_freed[block->class];
    tollgate_freed[block->class] = block;
}
#endif

TOLLGATE_EXPORT("allocate") void *tollgate_export_allocate(uint32_t size)
{
    return tollgate_allocate(size);
}

TOLLGATE_EXPORT("deallocate") void tollgate_export_deallocate(void *block, uint32_t size)
{
    (void)size;
    tollgate_free(block);
}

void tollgate_put(tollgate_writer *to, tollgate_text text)
{
    if (to->full)
        return;
    uint64_t wanted = (uint64_t)to->length + text.length;
    if (wanted > to->room) {
        uint64_t room = wanted * 2 < 120 ? 120 : wanted * 2;
        char *more = room > UINT32_MAX ? NULL : tollgate_allocate((uint32_t)room);
        if (more == NULL) {
            to->full = true;
            return;
        }
        for (uint32_t at = 0; at < to->length; at++)
            more[at] = to->start[at];
        tollgate_free(to->start);
        to->start = more;
        to->room = (uint32_t)room;
    }
    for (uint32_t at = 0; at < text.length; at++)
        to->start[to->length++] = text.start[at];
}

void tollgate_json(tollgate_writer *to, const char *text)
{
    tollgate_put(to, tollgate_literal(text));
}

void tollgate_string(tollgate_writer *to, tollgate_text text)
{
    tollgate_json(to, "\"");
    for (uint32_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.start[at];
        char escape[6] = {'\\', 'u', '0', '0', (char)('0' + (byte >> 4)),
                          "0123456789abcdef"[byte & 15]};
        tollgate_text piece = {text.start + at, 1};
        if (byte < 0x20)
            piece = (tollgate_text){escape, 6};
        else if (byte == '"' || byte == '\\')
            tollgate_json(to, "\\");
        tollgate_put(to, piece);
    }
    tollgate_json(to, "\"");
}

void tollgate_number(tollgate_writer *to, uint64_t number)
{
    char digits[20];
    uint32_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    tollgate_put(to, (tollgate_text){digits + at, (uint32_t)sizeof digits - at});
}

static void tollgate_key(tollgate_writer *to, const char *key)
{
    tollgate_json(to, to->length == 0 ? "{" : ",");
    tollgate_string(to, tollgate_literal(key));
    tollgate_json(to, ":");
}

void tollgate_put_raw(tollgate_writer *to, const char *key, tollgate_text json)
{
    if (json.start == NULL)
        return;
    tollgate_key(to, key);
    tollgate_put(to, json);
}

void tollgate_put_text(tollgate_writer *to, const char *key, tollgate_text text)
{
    if (text.start == NULL)
        return;
    tollgate_key(to, key);
    tollgate_string(to, text);
}

void tollgate_put_number(tollgate_writer *to, const char *key, uint64_t number)
{
    tollgate_key(to, key);
    tollgate_number(to, number);
}

void tollgate_put_flag(tollgate_writer *to, const char *key, bool flag)
{
    tollgate_key(to, key);
    tollgate_json(to, flag ? "true" : "false");
}

void tollgate_put_list(tollgate_writer *to, const char *key, tollgate_list list)
{
    tollgate_key(to, key);
    tollgate_json(to, "[");
    for (uint32_t at = 0; at < list.count; at++) {
        if (at > 0)
            tollgate_json(to, ",");
        tollgate_string(to, list.start[at]);
    }
    tollgate_json(to, "]");
}

tollgate_writer *tollgate_end(tollgate_writer *to)
{
    tollgate_json(to, to->length == 0 ? "{}" : "}");
    return to;
}

tollgate_text tollgate_ask(uint64_t (*function)(uint64_t), tollgate_writer *request)
{
    uint32_t pointer = 0, length = 0;
    bool good = !request->full && tollgate_unpack(function(tollgate_answer(request)), &pointer, &length);
    tollgate_free(request->start);
    *request = (tollgate_writer){0};
    return good && length > 0 ? (tollgate_text){(const char *)(uintptr_t)pointer, length}
                              : (tollgate_text){0};
}

void tollgate_log(const char *level, tollgate_text message)
{
    tollgate_writer request = {0};
    tollgate_json(&request, "{\"level\":");
    tollgate_string(&request, tollgate_literal(level));
    tollgate_json(&request, ",\"message\":");
    tollgate_string(&request, message);
    tollgate_json(&request, "}");
    if (!request.full)
        tollgate_log_message(tollgate_answer(&request));
    tollgate_free(request.start);
}

static uint32_t tollgate_blank(tollgate_text text, uint32_t at)
{
    while (at < text.length
           && (text.start[at] == ' ' || text.start[at] == '\n' || text.start[at] == '\r'
               || text.start[at] == '\t'))
        at++;
    return at;
}

/* Behind the value that begins at `at`. Nesting is counted, so text cannot exhaust the stack. */
static uint32_t tollgate_behind(tollgate_text text, uint32_t at)
{
    uint32_t depth = 0;
    for (; at < text.length; at++) {
        char c = text.start[at];
        if (c == '"') {
            for (at++; at < text.length && text.start[at] != '"'; at++)
                if (text.start[at] == '\\')
                    at++;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            depth--;
        } else if (c == ',' && depth == 0) {
            return at;
        }
    }
    return at < text.length ? at : text.length;
}

tollgate_text tollgate_member(tollgate_text object, const char *key)
{
    tollgate_text found = {0};
    uint32_t at = tollgate_blank(object, 0);
    if (at >= object.length || object.start[at] != '{')
        return found;
    at = tollgate_blank(object, at + 1);
    while (at < object.length && object.start[at] == '"') {
        uint32_t from = at;
        for (at++; at < object.length && object.start[at] != '"'; at++)
            if (object.start[at] == '\\')
                at++;
        tollgate_text name = tollgate_decode((tollgate_text){
            object.start + from, (at < object.length ? at + 1 : object.length) - from});
        at = tollgate_blank(object, at < object.length ? at + 1 : object.length);
        if (at >= object.length || object.start[at] != ':') {
            tollgate_free((void *)name.start);
            return found;
        }
        from = tollgate_blank(object, at + 1);
        at = tollgate_behind(object, from);
        if (name.start != NULL && tollgate_equal(name, key)) {
            found = (tollgate_text){object.start + from, at - from};
            while (found.length > 0 && tollgate_blank(found, found.length - 1) == found.length)
                found.length--;
        }
        tollgate_free((void *)name.start);
        if (at < object.length && object.start[at] == ',')
            at = tollgate_blank(object, at + 1);
    }
    return found;
}

static int32_t tollgate_hex(const char *digits)
{
    int32_t code = 0;
    for (int at = 0; at < 4; at++) {
        char c = digits[at];
        int32_t digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

tollgate_text tollgate_decode(tollgate_text string)
{
    tollgate_text nothing = {0};
    if (string.length < 2 || string.start[0] != '"' || string.start[string.length - 1] != '"')
        return nothing;
    /* One more, so that the empty string has a start, too. */
    char *text = tollgate_allocate(string.length);
    if (text == NULL)
        return nothing;
    uint32_t length = 0, end = string.length - 1;
    for (uint32_t at = 1; at < end; at++) {
        char c = string.start[at];
        if (c != '\\') {
            text[length++] = c;
            continue;
        }
        if (++at >= end)
            break;
        c = string.start[at];
        if (c != 'u') {
            text[length++] = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r'
                           : c == 'b' ? '\b' : c == 'f' ? '\f' : c;
            continue;
        }
        int32_t code = at + 4 < end ? tollgate_hex(string.start + at + 1) : -1;
        at += 4;
        if (code >= 0xD800 && code < 0xDC00 && at + 6 < end && string.start[at + 1] == '\\'
            && string.start[at + 2] == 'u') {
            int32_t second = tollgate_hex(string.start + at + 3);
            if (second >= 0xDC00 && second < 0xE000) {
                code = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00);
                at += 6;
            }
        }
        if (code < 0 || (code >= 0xD800 && code < 0xE000))
            code = 0xFFFD;
        if (code < 0x80) {
            text[length++] = (char)code;
        } else if (code < 0x800) {
            text[length++] = (char)(0xC0 | code >> 6);
            text[length++] = (char)(0x80 | (code & 63));
        } else if (code < 0x10000) {
            text[length++] = (char)(0xE0 | code >> 12);
            text[length++] = (char)(0x80 | (code >> 6 & 63));
            text[length++] = (char)(0x80 | (code & 63));
        } else {
            text[length++] = (char)(0xF0 | code >> 18);
            text[length++] = (char)(0x80 | (code >> 12 & 63));
            text[length++] = (char)(0x80 | (code >> 6 & 63));
            text[length++] = (char)(0x80 | (code & 63));
        }
    }
    return (tollgate_text){text, length};
}

#endif
#endif
