//! The tollgate kit for plugins in Zig: one file, on std only, to be copied beside a plugin. Tried with Zig 0.17.
//! The root file of the plugin has
//!
//!     pub const info: tollgate.Info = .{ .name = "…", … };
//!     pub const schema = "{…}"; // the JSON Schema of Config
//!     pub const Config = struct { path: []const u8 = "/etc/motd" };
//!     pub fn observe(config: Config) tollgate.Error!tollgate.Evidence { … }
//!     pub const panic = std.debug.FullPanic(tollgate.panicked);
//!     comptime { tollgate.plugin(@This()); }
//!
//! What is allocated with `tollgate.memory()` lasts until the call ends. In native tests, `play` replies in place of
//! the host.

const builtin = @import("builtin");
const std = @import("std");

const is_guest = builtin.target.cpu.arch.isWasm();
const heap = if (is_guest) std.heap.wasm_allocator else std.heap.page_allocator;
var call = std.heap.ArenaAllocator.init(heap);

/// Memory that lasts until the call of the host ends.
pub fn memory() std.mem.Allocator {
    return call.allocator();
}

/// What went wrong is in `failure`, which becomes the error of the evidence.
pub const Error = error{Failed};

/// The last error of the host, or of `fail`.
pub var failure: ErrorDetail = .{};

/// An error of the plugin itself, to be returned: `return tollgate.fail("config", "path is relative")`.
pub fn fail(kind: []const u8, message: []const u8) Error {
    failure = .{ .message = message, .type = kind };
    return error.Failed;
}

/// The result of `describe`.
pub const Info = struct {
    name: []const u8,
    version: []const u8,
    description: []const u8,
    capabilities: []const Capability = &.{},
};

/// The result of `observe`. An `observe` that returns an error sends `failure` instead.
pub const Evidence = struct {
    status: bool,
    data: Json = .{},

    /// Evidence with this status, and data from a struct: `.of(true, .{ .size = 6 })`.
    pub fn of(status: bool, data: anytype) Evidence {
        return .{ .status = status, .data = .{ .text = encode(memory(), data) } };
    }
};

/// A value as JSON text.
pub const Json = struct {
    text: []const u8 = "{}",

    pub fn jsonStringify(json: Json, stream: anytype) !void {
        try stream.print("{s}", .{json.text});
    }

    pub fn jsonParse(allocator: std.mem.Allocator, source: anytype, _: std.json.ParseOptions) !Json {
        // Moves to the first byte of the value.
        _ = try source.peekNextTokenType();
        const start = source.cursor;
        try source.skipValue();
        return .{ .text = try allocator.dupe(u8, source.input[start..source.cursor]) };
    }
};

/// Header fields: each name with its values.
pub const Headers = std.json.ArrayHashMap([]const []const u8);

pub const Level = enum { DEBUG, INFO, WARN, ERROR };

/// Writes a line to the log of the host.
pub fn log(level: Level, message: []const u8) void {
    logWith(level, message, &.{});
}

/// Writes a line with attributes to the log of the host.
pub fn logWith(level: Level, message: []const u8, attrs: []const LogAttr) void {
    const line: LogMessage = .{ .level = @tagName(level), .message = message, .attrs = attrs };
    const request = encode(memory(), line);
    if (is_guest) import.log_message(packedText(request)) else _ = play("log_message", request);
}

/// Replies in place of the host, outside of WebAssembly: a test may set it.
pub var play: *const fn (function: []const u8, request: []const u8) []const u8 = notInsideAHost;

fn notInsideAHost(_: []const u8, _: []const u8) []const u8 {
    return
    \\{"error":{"message":"not inside a host","type":"internal","code":""}}
    ;
}

/// pointer << 32 | length; 0 is nothing.
pub fn pack(pointer: u32, length: u32) u64 {
    return @as(u64, pointer) << 32 | length;
}

fn packedText(of: []const u8) u64 {
    return pack(@intCast(@intFromPtr(of.ptr)), @intCast(of.len));
}

/// The inverse of `pack`; null for a length at address 0, which is invalid.
pub fn unpack(value: u64) ?struct { u32, u32 } {
    const pointer: u32, const length: u32 = .{ @truncate(value >> 32), @truncate(value) };
    return if (pointer == 0 and length != 0) null else .{ pointer, length };
}

fn encode(allocator: std.mem.Allocator, value: anytype) []u8 {
    const options: std.json.Stringify.Options = .{ .emit_null_optional_fields = false };
    return std.json.Stringify.valueAlloc(allocator, value, options) catch @panic("out of memory");
}

fn decode(T: type, text: []const u8) !T {
    return std.json.parseFromSliceLeaky(T, memory(), text, .{
        .ignore_unknown_fields = true,
        .duplicate_field_behavior = .use_last,
        .allocate = .alloc_always,
    });
}

/// Calls a host function. A reply whose member `partial` is true counts beside its error.
fn ask(comptime function: []const u8, Reply: type, comptime partial: ?[]const u8, request: anytype) Error!Reply {
    const sent = encode(memory(), request);
    const received: []const u8 = if (is_guest) guest: {
        const pointer, const length = unpack(@field(import, function)(packedText(sent))) orelse .{ 0, 0 };
        if (length == 0) return fail(kinds.internal, "the host sent no reply");
        break :guest buffer(pointer, length);
    } else play(function, sent);
    defer if (is_guest) heap.free(received);
    const reply = decode(Reply, received) catch |err| {
        return fail(kinds.internal, printed("the host sent a bad reply: {t}", .{err}));
    };
    const detail = reply.@"error" orelse return reply;
    if (partial) |flag| if (@field(reply, flag)) return reply;
    failure = detail;
    return error.Failed;
}

fn buffer(pointer: u32, length: u32) []u8 {
    return @as([*]u8, @ptrFromInt(pointer))[0..length];
}

fn printed(comptime format: []const u8, values: anytype) []const u8 {
    return std.fmt.allocPrint(memory(), format, values) catch @panic("out of memory");
}

/// The result of `observe`, in JSON, in memory of its own.
pub fn answer(Plugin: type, config: []const u8) []u8 {
    defer _ = call.reset(.{ .retain_with_limit = 64 * 1024 });
    const seen = observed(Plugin, config) catch |err| {
        const detail = if (err == error.Failed) failure else ErrorDetail{
            .message = @errorName(err),
            .type = kinds.internal,
        };
        return encode(heap, .{ .status = false, .@"error" = detail });
    };
    return encode(heap, seen);
}

fn observed(Plugin: type, config: []const u8) !Evidence {
    const read = decode(Plugin.Config, config) catch |err| {
        return fail(kinds.config, printed("the config is invalid: {t}", .{err}));
    };
    return Plugin.observe(read);
}

/// Exports what the host calls.
pub fn plugin(Plugin: type) void {
    if (!is_guest) return;
    const exports = struct {
        fn allocate(size: u32) callconv(.c) u32 {
            if (size == 0) return 0;
            const block = heap.alloc(u8, size) catch return 0;
            return @intFromPtr(block.ptr);
        }
        fn deallocate(pointer: u32, size: u32) callconv(.c) void {
            if (pointer != 0 and size != 0) heap.free(buffer(pointer, size));
        }
        fn describe() callconv(.c) u64 {
            return packedText(encode(heap, Plugin.info));
        }
        fn schema() callconv(.c) u64 {
            return packedText(heap.dupe(u8, Plugin.schema) catch return 0);
        }
        fn observe(pointer: u32, length: u32) callconv(.c) u64 {
            return packedText(answer(Plugin, buffer(pointer, length)));
        }
    };
    @export(&exports.allocate, .{ .name = "allocate" });
    @export(&exports.deallocate, .{ .name = "deallocate" });
    @export(&exports.describe, .{ .name = "describe" });
    @export(&exports.schema, .{ .name = "schema" });
    @export(&exports.observe, .{ .name = "observe" });
    @export(&mailbox, .{ .name = "tollgate_panic" });
}

/// The message of a panic, for the host to read: its address and length, and the text.
var mailbox: extern struct { pointer: u32, length: u32, json: [1024]u8 } = .{
    .pointer = 0,
    .length = 0,
    .json = undefined,
};

/// Leaves the message of a panic to the host, and traps.
pub fn panicked(message: []const u8, _: ?usize) noreturn {
    // Escaped, a byte takes at most 6.
    var full: [150]u8 = undefined;
    var start = std.Io.Writer.fixed(&full);
    start.print("plugin panic: {s}", .{message}) catch {};
    var writer = std.Io.Writer.fixed(&mailbox.json);
    const detail = .{ .message = start.buffered(), .type = kinds.panic };
    std.json.Stringify.value(.{ .status = false, .@"error" = detail }, .{}, &writer) catch {};
    mailbox.pointer = @intCast(@intFromPtr(&mailbox.json));
    mailbox.length = @intCast(writer.end);
    @trap();
}

// The host functions, with their requests and replies, which functions.md of the package tollgate-abi describes.
// begin generated functions

/// A capability that a plugin declares or an operator grants: `kind:pattern`.
pub const Capability = struct {
    /// `fs`, `network`, `env`, `exec` or a kind that the embedder defines.
    kind: []const u8 = "",
    /// Which things of this kind, in the grammar of the kind.
    pattern: []const u8 = "",
};

/// An error: a message for people, and codes for programs.
pub const ErrorDetail = struct {
    /// For people.
    message: []const u8 = "",
    /// The class of error. The host uses the values of `kinds`.
    type: []const u8 = "",
    /// A finer code such as `ENOENT` or `ECONNREFUSED`; may be empty.
    code: []const u8 = "",
    /// Whether a deadline passed.
    is_timeout: bool = false,
    /// Whether the requested thing does not exist.
    is_not_found: bool = false,
    /// The cause.
    wrapped: ?*const ErrorDetail = null,
    /// More information.
    details: ?Json = null,
    /// The stack trace of a guest, in base64.
    stack: ?[]const u8 = null,
};

/// Time limits of a request.
pub const Context = struct {
    /// An absolute deadline, in RFC 3339.
    deadline: ?[]const u8 = null,
    /// A limit in milliseconds; 0 sets none.
    timeout_ms: u64 = 0,
    /// An identifier for correlation; the host ignores it.
    request_id: []const u8 = "",
    /// Whether the request is already cancelled; it then fails at once.
    canceled: bool = false,
};

/// One entry of a directory.
pub const FsEntry = struct {
    /// The name, without a path.
    name: []const u8 = "",
    /// `file`, `directory`, `symlink` or `other`.
    kind: []const u8 = "",
};

/// One mail server of a name.
pub const MxRecord = struct {
    /// Its name, which ends in a dot.
    host: []const u8 = "",
    /// Its preference; lower values come first.
    pref: u16 = 0,
};

/// One attribute of a `LogMessage`.
pub const LogAttr = struct {
    /// Its name.
    key: []const u8 = "",
    /// `string`, `int64`, `uint64`, `bool`, `float64`, `time`, `duration`, `error`, `json`, …
    type: []const u8 = "",
    /// Its value as text.
    value: []const u8 = "",
};

/// Which part of which file to read.
pub const FsReadRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The file. A relative path starts at the working directory of the host.
    path: []const u8 = "",
    /// `base64` or `utf-8`; empty is `base64`.
    encoding: []const u8 = "",
    /// Where to start, in bytes.
    offset: u64 = 0,
    /// The most bytes to read; 0 is as many as the host allows.
    limit: u64 = 0,
};

/// The content of a file.
pub const FsReadReply = struct {
    /// The bytes, in `encoding`.
    content: []const u8 = "",
    /// `base64` or `utf-8`, as requested.
    encoding: []const u8 = "",
    /// The size of the whole file, in bytes.
    size: u64 = 0,
    /// Whether the file continues after `content`.
    truncated: bool = false,
    /// Why the file could not be read.
    @"error": ?ErrorDetail = null,
};

/// Which path to examine.
pub const FsStatRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The path. A relative one starts at the working directory of the host.
    path: []const u8 = "",
    /// Whether to describe a symbolic link itself instead of its target.
    no_follow: bool = false,
};

/// A file, a directory or a symbolic link.
pub const FsStatReply = struct {
    /// `file`, `directory`, `symlink` or `other`.
    kind: []const u8 = "",
    /// Size in bytes.
    size: u64 = 0,
    /// Permission bits: 420 is octal 644.
    mode: u32 = 0,
    /// The user ID of the owner.
    uid: u32 = 0,
    /// The group ID.
    gid: u32 = 0,
    /// The last modification, in RFC 3339.
    modified: []const u8 = "",
    /// The target of a symbolic link; only with `no_follow`.
    target: ?[]const u8 = null,
    /// Why the path could not be examined.
    @"error": ?ErrorDetail = null,
};

/// Which directory to list.
pub const FsListRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The directory. A relative path starts at the working directory of the host.
    path: []const u8 = "",
};

/// The entries of a directory, in byte order.
pub const FsListReply = struct {
    /// The entries, without `.` and `..`.
    entries: []const FsEntry = &.{},
    /// Whether entries were left out because of the size limit.
    truncated: bool = false,
    /// Why the directory could not be listed.
    @"error": ?ErrorDetail = null,
};

/// Which file to write.
pub const FsWriteRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The file. A relative path starts at the working directory of the host.
    path: []const u8 = "",
    /// The bytes, in `encoding`.
    content: []const u8 = "",
    /// `base64` or `utf-8`; empty is `base64`.
    encoding: []const u8 = "",
    /// `replace` (also when empty) replaces the content, whole or not at all. `append` writes after the old content. `create` fails if the file exists.
    mode: []const u8 = "",
};

/// The result of writing a file.
pub const FsWriteReply = struct {
    /// How many bytes were written.
    written: u64 = 0,
    /// Why nothing was written.
    @"error": ?ErrorDetail = null,
};

/// Which environment variable to return.
pub const EnvGetRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The name of the variable.
    name: []const u8 = "",
};

/// An environment variable.
pub const EnvGetReply = struct {
    /// Whether the variable is set.
    is_set: bool = false,
    /// Its value.
    value: []const u8 = "",
    /// Why the variable was not returned.
    @"error": ?ErrorDetail = null,
};

/// Where to connect, what to send and how much to receive.
pub const NetConnectRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// A host name or an IP address.
    host: []const u8 = "",
    /// The port, 1 to 65535, or the name of a well-known service: `https`.
    port: []const u8 = "",
    /// The bytes to send, in `encoding`.
    send: []const u8 = "",
    /// `base64` or `utf-8`, for `send` and for `received` of the reply; empty is `base64`.
    encoding: []const u8 = "",
    /// The most bytes to receive; 0 closes the connection after sending.
    receive: u64 = 0,
    /// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
};

/// The result of a connection.
pub const NetConnectReply = struct {
    /// Whether the connection was made.
    connected: bool = false,
    /// The bytes received, in `encoding`.
    received: []const u8 = "",
    /// `base64` or `utf-8`, as requested.
    encoding: []const u8 = "",
    /// Whether more bytes arrived than `receive`.
    truncated: bool = false,
    /// Whether the time was up before the peer closed; `received` holds what had arrived.
    is_timeout: bool = false,
    /// The remote address, `ip:port`.
    remote_addr: []const u8 = "",
    /// The local address, `ip:port`.
    local_addr: []const u8 = "",
    /// How long connecting took, in milliseconds.
    response_time_ms: u64 = 0,
    /// Why the connection failed.
    @"error": ?ErrorDetail = null,
};

/// Where to connect.
pub const TcpConnectRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// A host name or an IP address.
    host: []const u8 = "",
    /// The port, 1 to 65535, or the name of a well-known service: `https`.
    port: []const u8 = "",
    /// The most time, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
    /// Whether to use TLS.
    tls: bool = false,
};

/// The result of a connection. When `error` is set, every other key has its default value.
pub const TcpConnectReply = struct {
    /// Whether the connection was made.
    connected: bool = false,
    /// Host and port as requested; an IPv6 address is in brackets.
    address: []const u8 = "",
    /// The remote address, `ip:port`.
    remote_addr: []const u8 = "",
    /// The local address, `ip:port`.
    local_addr: []const u8 = "",
    /// How long connecting and the TLS handshake took, in milliseconds.
    response_time_ms: u64 = 0,
    /// Whether TLS is used.
    tls: bool = false,
    /// `TLS 1.2` or `TLS 1.3`.
    tls_version: []const u8 = "",
    /// The IANA name of the cipher suite.
    tls_cipher_suite: []const u8 = "",
    /// The server name sent in the handshake; empty for an IP address.
    tls_server_name: []const u8 = "",
    /// The subject of the certificate of the server.
    tls_cert_subject: []const u8 = "",
    /// The issuer of the certificate.
    tls_cert_issuer: []const u8 = "",
    /// When the certificate expires, in RFC 3339.
    tls_cert_not_after: []const u8 = "",
    /// Why the connection failed.
    @"error": ?ErrorDetail = null,
};

/// Which command to run.
pub const ExecRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// A path, or a name that the host looks up in its `PATH`.
    command: []const u8 = "",
    /// The arguments, without the command itself. No shell interprets them.
    args: []const []const u8 = &.{},
    /// The working directory; empty is that of the host.
    dir: []const u8 = "",
    /// The whole environment, each entry `NAME=VALUE`. The last entry of a name counts.
    env: []const []const u8 = &.{},
    /// The most time for the command, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
};

/// How a command ended. An exit code other than 0 is not an error. If the time is up, the host kills the command and returns an error with the output so far.
pub const ExecReply = struct {
    /// Its standard output; bytes that are not UTF-8 are U+FFFD.
    stdout: []const u8 = "",
    /// Its standard error, likewise.
    stderr: []const u8 = "",
    /// Its exit code; -1 if a signal killed it or if it did not run.
    exit_code: i32 = 0,
    /// How long it ran, in milliseconds.
    duration_ms: u64 = 0,
    /// Whether it was killed because its time was up.
    is_timeout: bool = false,
    /// Whether `stdout` was cut.
    stdout_truncated: bool = false,
    /// Whether `stderr` was cut.
    stderr_truncated: bool = false,
    /// Why it did not run, or why it was killed.
    @"error": ?ErrorDetail = null,
};

/// The URL to fetch, and how.
pub const HttpRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The method; empty is `GET`.
    method: []const u8 = "",
    /// The URL, `http` or `https`.
    url: []const u8 = "",
    /// Header fields. `Host`, `Content-Length` and `User-Agent` are ignored. Fields about the connection (`Connection`, `Upgrade`, …) are an error.
    headers: Headers = .{},
    /// The body, in base64.
    body: []const u8 = "",
    /// The most time for the whole operation, with redirects, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
};

/// The response, after redirects.
pub const HttpReply = struct {
    /// The status code, such as 200. A status such as 404 is not an error.
    status_code: u16 = 0,
    /// Header fields, with names such as `Content-Type`.
    headers: Headers = .{},
    /// The body, in base64; decompressed unless the request named its own `Accept-Encoding`.
    body: []const u8 = "",
    /// Whether the body was cut because of the size limit.
    body_truncated: bool = false,
    /// The protocol, such as `HTTP/1.1`.
    proto: []const u8 = "",
    /// Why there is no response.
    @"error": ?ErrorDetail = null,
};

/// Which DNS records to look up.
pub const DnsLookupRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// The name to look up.
    hostname: []const u8 = "",
    /// `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`.
    type: []const u8 = "",
    /// The DNS server, `host:port` or `host`; empty is the resolver of the host.
    nameserver: []const u8 = "",
    /// The most time, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
};

/// The records of a name. Both lists are empty if the name exists and has no such records.
pub const DnsLookupReply = struct {
    /// Addresses, texts (each record with its parts joined), or names that end in a dot.
    records: []const []const u8 = &.{},
    /// Mail servers, in order of preference.
    mx_records: []const MxRecord = &.{},
    /// Why the lookup failed.
    @"error": ?ErrorDetail = null,
};

/// Which mail server to connect to.
pub const SmtpConnectRequest = struct {
    /// Time limits.
    context: ?Context = null,
    /// A host name or an IP address.
    host: []const u8 = "",
    /// The port, 1 to 65535, or the name of a well-known service: `https`.
    port: []const u8 = "",
    /// The most time for the whole operation, in milliseconds; 0 means the host's maximum.
    timeout_ms: u64 = 0,
    /// Whether to use TLS from the first byte.
    tls: bool = false,
    /// Whether to switch to TLS after the greeting. Excludes `tls`.
    starttls: bool = false,
};

/// The greeting of a mail server. When `error` is set, every other key has its default value.
pub const SmtpConnectReply = struct {
    /// Whether the server sent a greeting.
    connected: bool = false,
    /// Host and port as requested; an IPv6 address is in brackets.
    address: []const u8 = "",
    /// `220 ` and the text of the greeting, its lines joined by newlines.
    banner: []const u8 = "",
    /// How long the whole operation took, in milliseconds.
    response_time_ms: u64 = 0,
    /// Whether TLS is used.
    tls: bool = false,
    /// `TLS 1.2` or `TLS 1.3`.
    tls_version: []const u8 = "",
    /// The IANA name of the cipher suite.
    tls_cipher_suite: []const u8 = "",
    /// The server name sent in the handshake; empty for an IP address.
    tls_server_name: []const u8 = "",
    /// Why no greeting was received.
    @"error": ?ErrorDetail = null,
};

/// Nothing to choose.
pub const LastDenialRequest = struct {
    /// Time limits.
    context: ?Context = null,
};

/// Why a function of WASI returned `EACCES`.
pub const LastDenialReply = struct {
    /// The denial, with the grant that would help. Missing if the last function of WASI that failed in this call was not denied.
    denial: ?ErrorDetail = null,
    /// Why there is no reply.
    @"error": ?ErrorDetail = null,
};

/// A line for the log of the host.
pub const LogMessage = struct {
    /// Time limits; ignored.
    context: ?Context = null,
    /// `DEBUG`, `INFO`, `WARN` or `ERROR`, in any case, optionally with an offset (`INFO+2`).
    level: []const u8 = "",
    /// The text.
    message: []const u8 = "",
    /// The time by the clock of the guest; the host ignores it.
    timestamp: []const u8 = "",
    /// Named values.
    attrs: []const LogAttr = &.{},
};

const import = struct {
    extern "reglet_host" fn fs_read(request: u64) u64;
    extern "reglet_host" fn fs_stat(request: u64) u64;
    extern "reglet_host" fn fs_list(request: u64) u64;
    extern "reglet_host" fn fs_write(request: u64) u64;
    extern "reglet_host" fn env_get(request: u64) u64;
    extern "reglet_host" fn net_connect(request: u64) u64;
    extern "reglet_host" fn tcp_connect(request: u64) u64;
    extern "reglet_host" fn exec_run(request: u64) u64;
    extern "reglet_host" fn http_request(request: u64) u64;
    extern "reglet_host" fn dns_lookup(request: u64) u64;
    extern "reglet_host" fn smtp_connect(request: u64) u64;
    extern "reglet_host" fn last_denial(request: u64) u64;
    extern "reglet_host" fn log_message(request: u64) void;
};

/// Reads a file, or a part of it.
pub fn fsRead(request: FsReadRequest) Error!FsReadReply {
    return ask("fs_read", FsReadReply, null, request);
}

/// Describes a file, a directory or a symbolic link.
pub fn fsStat(request: FsStatRequest) Error!FsStatReply {
    return ask("fs_stat", FsStatReply, null, request);
}

/// Lists a directory.
pub fn fsList(request: FsListRequest) Error!FsListReply {
    return ask("fs_list", FsListReply, null, request);
}

/// Writes a file.
pub fn fsWrite(request: FsWriteRequest) Error!FsWriteReply {
    return ask("fs_write", FsWriteReply, null, request);
}

/// Returns an environment variable, as it was when the runtime was built.
pub fn envGet(request: EnvGetRequest) Error!EnvGetReply {
    return ask("env_get", EnvGetReply, null, request);
}

/// Opens a TCP connection, sends, receives and closes it.
pub fn netConnect(request: NetConnectRequest) Error!NetConnectReply {
    return ask("net_connect", NetConnectReply, null, request);
}

/// Opens a TCP connection, optionally with TLS, and closes it.
pub fn tcpConnect(request: TcpConnectRequest) Error!TcpConnectReply {
    return ask("tcp_connect", TcpConnectReply, null, request);
}

/// Runs a command and waits for its end.
/// A reply whose `is_timeout` is true is returned with its `error`.
pub fn execRun(request: ExecRequest) Error!ExecReply {
    return ask("exec_run", ExecReply, "is_timeout", request);
}

/// Fetches a URL, following redirects.
pub fn httpRequest(request: HttpRequest) Error!HttpReply {
    return ask("http_request", HttpReply, null, request);
}

/// Looks up the DNS records of a name.
pub fn dnsLookup(request: DnsLookupRequest) Error!DnsLookupReply {
    return ask("dns_lookup", DnsLookupReply, null, request);
}

/// Connects to a mail server and reads its greeting.
pub fn smtpConnect(request: SmtpConnectRequest) Error!SmtpConnectReply {
    return ask("smtp_connect", SmtpConnectReply, null, request);
}

/// Returns why WASI denied access: its error numbers do not name the grant that would help.
pub fn lastDenial(request: LastDenialRequest) Error!LastDenialReply {
    return ask("last_denial", LastDenialReply, null, request);
}

/// The values of `type` in an error of the host.
pub const kinds = struct {
    /// The plugin has no grant for the request.
    pub const capability = "capability";
    /// The request or the config is invalid.
    pub const config = "config";
    /// A command could not be started.
    pub const execution = "execution";
    /// A file operation failed.
    pub const fs = "fs";
    /// A fault of the host, or a function that this build of the host does not include.
    pub const internal = "internal";
    /// A connection could not be made, or it broke.
    pub const network = "network";
    /// The plugin panicked.
    pub const panic = "panic";
    /// The address is private or reserved, and no grant opens it.
    pub const ssrf_protection = "ssrf_protection";
    /// A deadline passed.
    pub const timeout = "timeout";
    /// A TLS handshake or certificate was rejected.
    pub const tls = "tls";
    /// A value has the wrong shape.
    pub const validation = "validation";
};

// end generated functions
