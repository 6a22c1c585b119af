// The tollgate kit for plugins in AssemblyScript: one file, to be copied beside a plugin. Export what
// the host calls:
//
//   export { allocate, deallocate } from "./tollgate";
//
// The plugin itself exports describe, schema and observe; each returns answer(text).
// Build with `--use abort=tollgate/abort`, so that nothing is imported from `env`.

// Buffers in use, kept here so that the collector does not free them.
const buffers = new Map<usize, ArrayBuffer>();

export function allocate(size: u32): usize {
  return size == 0 ? 0 : keep(new ArrayBuffer(<i32>size));
}

export function deallocate(block: usize, size: u32): void {
  buffers.delete(block);
}

function keep(buffer: ArrayBuffer): usize {
  const block = changetype<usize>(buffer);
  buffers.set(block, buffer);
  return block;
}

// Called by the compiler's own code when the program cannot go on.
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  unreachable();
}

// pointer << 32 | length; 0 is nothing.
export function pack(pointer: u32, length: u32): u64 {
  return (<u64>pointer << 32) | <u64>length;
}

// False for a length at address 0, which is invalid.
export function isRange(packed: u64): bool {
  return packed >> 32 != 0 || packed == 0;
}

// Packs a result of describe, schema or observe; the host frees it. Half a character, as of a text that
// was cut inside of one, becomes U+FFFD.
export function answer(text: string): u64 {
  const bytes = String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
  return pack(<u32>keep(bytes), <u32>bytes.byteLength);
}

// Reads text that the host wrote into a buffer, such as the config.
export function textAt(pointer: usize, length: u32): string {
  return String.UTF8.decodeUnsafe(pointer, length);
}

// The host functions, which functions.md of the package tollgate-abi describes. Call one by its function with
// a class for the request and one for the reply: fsRead(request). The import beside it takes a request in JSON,
// packed, and returns a reply in JSON, packed: ask(fs_read, json). A module imports those that it calls.

// begin generated functions

// Time limits of a request.
export class Context {
  // An absolute deadline, in RFC 3339.
  deadline: string = "";
  // A limit in milliseconds; 0 sets none.
  timeoutMs: u64 = 0;
  // An identifier for correlation; the host ignores it.
  requestId: string = "";
  // Whether the request is already cancelled; it then fails at once.
  canceled: bool = false;
  json(): string {
    const to = new Members();
    if (this.deadline.length > 0) to.text("deadline", this.deadline);
    to.raw("timeout_ms", this.timeoutMs.toString());
    to.text("request_id", this.requestId);
    to.raw("canceled", this.canceled.toString());
    return to.end();
  }
}
// One entry of a directory.
export class FsEntry {
  // The name, without a path.
  name: string = "";
  // `file`, `directory`, `symlink` or `other`.
  kind: string = "";
}
export function readFsEntry(json: string): FsEntry {
  const read = new FsEntry();
  read.name = decode(member(json, "name"));
  read.kind = decode(member(json, "kind"));
  return read;
}
// One mail server of a name.
export class MxRecord {
  // Its name, which ends in a dot.
  host: string = "";
  // Its preference; lower values come first.
  pref: u16 = 0;
}
export function readMxRecord(json: string): MxRecord {
  const read = new MxRecord();
  read.host = decode(member(json, "host"));
  read.pref = U16.parseInt(zero(member(json, "pref")));
  return read;
}
// One attribute of a `LogMessage`.
export class LogAttr {
  // Its name.
  key: string = "";
  // `string`, `int64`, `uint64`, `bool`, `float64`, `time`, `duration`, `error`, `json`, …
  type: string = "";
  // Its value as text.
  value: string = "";
  json(): string {
    const to = new Members();
    to.text("key", this.key);
    to.text("type", this.type);
    to.text("value", this.value);
    return to.end();
  }
}
// Which part of which file to read.
export class FsReadRequest {
  // Time limits.
  context: Context | null = null;
  // The file. A relative path starts at the working directory of the host.
  path: string = "";
  // `base64` or `utf-8`; empty is `base64`.
  encoding: string = "";
  // Where to start, in bytes.
  offset: u64 = 0;
  // The most bytes to read; 0 is as many as the host allows.
  limit: u64 = 0;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("path", this.path);
    to.text("encoding", this.encoding);
    to.raw("offset", this.offset.toString());
    to.raw("limit", this.limit.toString());
    return to.end();
  }
}
// The content of a file.
export class FsReadReply {
  // The bytes, in `encoding`.
  content: string = "";
  // `base64` or `utf-8`, as requested.
  encoding: string = "";
  // The size of the whole file, in bytes.
  size: u64 = 0;
  // Whether the file continues after `content`.
  truncated: bool = false;
  // Why the file could not be read. JSON; empty if there is none.
  error: string = "";
}
export function readFsReadReply(json: string): FsReadReply {
  const read = new FsReadReply();
  read.content = decode(member(json, "content"));
  read.encoding = decode(member(json, "encoding"));
  read.size = U64.parseInt(zero(member(json, "size")));
  read.truncated = member(json, "truncated") == "true";
  read.error = errorIn(json);
  return read;
}
// Which path to examine.
export class FsStatRequest {
  // Time limits.
  context: Context | null = null;
  // The path. A relative one starts at the working directory of the host.
  path: string = "";
  // Whether to describe a symbolic link itself instead of its target.
  noFollow: bool = false;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("path", this.path);
    to.raw("no_follow", this.noFollow.toString());
    return to.end();
  }
}
// A file, a directory or a symbolic link.
export class FsStatReply {
  // `file`, `directory`, `symlink` or `other`.
  kind: string = "";
  // Size in bytes.
  size: u64 = 0;
  // Permission bits: 420 is octal 644.
  mode: u32 = 0;
  // The user ID of the owner.
  uid: u32 = 0;
  // The group ID.
  gid: u32 = 0;
  // The last modification, in RFC 3339.
  modified: string = "";
  // The target of a symbolic link; only with `no_follow`.
  target: string = "";
  // Why the path could not be examined. JSON; empty if there is none.
  error: string = "";
}
export function readFsStatReply(json: string): FsStatReply {
  const read = new FsStatReply();
  read.kind = decode(member(json, "kind"));
  read.size = U64.parseInt(zero(member(json, "size")));
  read.mode = U32.parseInt(zero(member(json, "mode")));
  read.uid = U32.parseInt(zero(member(json, "uid")));
  read.gid = U32.parseInt(zero(member(json, "gid")));
  read.modified = decode(member(json, "modified"));
  read.target = decode(member(json, "target"));
  read.error = errorIn(json);
  return read;
}
// Which directory to list.
export class FsListRequest {
  // Time limits.
  context: Context | null = null;
  // The directory. A relative path starts at the working directory of the host.
  path: string = "";
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("path", this.path);
    return to.end();
  }
}
// The entries of a directory, in byte order.
export class FsListReply {
  // The entries, without `.` and `..`.
  entries: FsEntry[] = [];
  // Whether entries were left out because of the size limit.
  truncated: bool = false;
  // Why the directory could not be listed. JSON; empty if there is none.
  error: string = "";
}
export function readFsListReply(json: string): FsListReply {
  const read = new FsListReply();
  read.entries = items(member(json, "entries")).map<FsEntry>((item) => readFsEntry(item));
  read.truncated = member(json, "truncated") == "true";
  read.error = errorIn(json);
  return read;
}
// Which file to write.
export class FsWriteRequest {
  // Time limits.
  context: Context | null = null;
  // The file. A relative path starts at the working directory of the host.
  path: string = "";
  // The bytes, in `encoding`.
  content: string = "";
  // `base64` or `utf-8`; empty is `base64`.
  encoding: string = "";
  // `replace` (also when empty) replaces the content, whole or not at all. `append` writes after the old content. `create` fails if the file exists.
  mode: string = "";
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("path", this.path);
    to.text("content", this.content);
    to.text("encoding", this.encoding);
    to.text("mode", this.mode);
    return to.end();
  }
}
// The result of writing a file.
export class FsWriteReply {
  // How many bytes were written.
  written: u64 = 0;
  // Why nothing was written. JSON; empty if there is none.
  error: string = "";
}
export function readFsWriteReply(json: string): FsWriteReply {
  const read = new FsWriteReply();
  read.written = U64.parseInt(zero(member(json, "written")));
  read.error = errorIn(json);
  return read;
}
// Which environment variable to return.
export class EnvGetRequest {
  // Time limits.
  context: Context | null = null;
  // The name of the variable.
  name: string = "";
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("name", this.name);
    return to.end();
  }
}
// An environment variable.
export class EnvGetReply {
  // Whether the variable is set.
  isSet: bool = false;
  // Its value.
  value: string = "";
  // Why the variable was not returned. JSON; empty if there is none.
  error: string = "";
}
export function readEnvGetReply(json: string): EnvGetReply {
  const read = new EnvGetReply();
  read.isSet = member(json, "is_set") == "true";
  read.value = decode(member(json, "value"));
  read.error = errorIn(json);
  return read;
}
// Where to connect, what to send and how much to receive.
export class NetConnectRequest {
  // Time limits.
  context: Context | null = null;
  // A host name or an IP address.
  host: string = "";
  // The port, 1 to 65535, or the name of a well-known service: `https`.
  port: string = "";
  // The bytes to send, in `encoding`.
  send: string = "";
  // `base64` or `utf-8`, for `send` and for `received` of the reply; empty is `base64`.
  encoding: string = "";
  // The most bytes to receive; 0 closes the connection after sending.
  receive: u64 = 0;
  // The most time for the whole operation, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("host", this.host);
    to.text("port", this.port);
    to.text("send", this.send);
    to.text("encoding", this.encoding);
    to.raw("receive", this.receive.toString());
    to.raw("timeout_ms", this.timeoutMs.toString());
    return to.end();
  }
}
// The result of a connection.
export class NetConnectReply {
  // Whether the connection was made.
  connected: bool = false;
  // The bytes received, in `encoding`.
  received: string = "";
  // `base64` or `utf-8`, as requested.
  encoding: string = "";
  // Whether more bytes arrived than `receive`.
  truncated: bool = false;
  // Whether the time was up before the peer closed; `received` holds what had arrived.
  isTimeout: bool = false;
  // The remote address, `ip:port`.
  remoteAddr: string = "";
  // The local address, `ip:port`.
  localAddr: string = "";
  // How long connecting took, in milliseconds.
  responseTimeMs: u64 = 0;
  // Why the connection failed. JSON; empty if there is none.
  error: string = "";
}
export function readNetConnectReply(json: string): NetConnectReply {
  const read = new NetConnectReply();
  read.connected = member(json, "connected") == "true";
  read.received = decode(member(json, "received"));
  read.encoding = decode(member(json, "encoding"));
  read.truncated = member(json, "truncated") == "true";
  read.isTimeout = member(json, "is_timeout") == "true";
  read.remoteAddr = decode(member(json, "remote_addr"));
  read.localAddr = decode(member(json, "local_addr"));
  read.responseTimeMs = U64.parseInt(zero(member(json, "response_time_ms")));
  read.error = errorIn(json);
  return read;
}
// Where to connect.
export class TcpConnectRequest {
  // Time limits.
  context: Context | null = null;
  // A host name or an IP address.
  host: string = "";
  // The port, 1 to 65535, or the name of a well-known service: `https`.
  port: string = "";
  // The most time, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  // Whether to use TLS.
  tls: bool = false;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("host", this.host);
    to.text("port", this.port);
    to.raw("timeout_ms", this.timeoutMs.toString());
    to.raw("tls", this.tls.toString());
    return to.end();
  }
}
// The result of a connection. When `error` is set, every other key has its default value.
export class TcpConnectReply {
  // Whether the connection was made.
  connected: bool = false;
  // Host and port as requested; an IPv6 address is in brackets.
  address: string = "";
  // The remote address, `ip:port`.
  remoteAddr: string = "";
  // The local address, `ip:port`.
  localAddr: string = "";
  // How long connecting and the TLS handshake took, in milliseconds.
  responseTimeMs: u64 = 0;
  // Whether TLS is used.
  tls: bool = false;
  // `TLS 1.2` or `TLS 1.3`.
  tlsVersion: string = "";
  // The IANA name of the cipher suite.
  tlsCipherSuite: string = "";
  // The server name sent in the handshake; empty for an IP address.
  tlsServerName: string = "";
  // The subject of the certificate of the server.
  tlsCertSubject: string = "";
  // The issuer of the certificate.
  tlsCertIssuer: string = "";
  // When the certificate expires, in RFC 3339.
  tlsCertNotAfter: string = "";
  // Why the connection failed. JSON; empty if there is none.
  error: string = "";
}
export function readTcpConnectReply(json: string): TcpConnectReply {
  const read = new TcpConnectReply();
  read.connected = member(json, "connected") == "true";
  read.address = decode(member(json, "address"));
  read.remoteAddr = decode(member(json, "remote_addr"));
  read.localAddr = decode(member(json, "local_addr"));
  read.responseTimeMs = U64.parseInt(zero(member(json, "response_time_ms")));
  read.tls = member(json, "tls") == "true";
  read.tlsVersion = decode(member(json, "tls_version"));
  read.tlsCipherSuite = decode(member(json, "tls_cipher_suite"));
  read.tlsServerName = decode(member(json, "tls_server_name"));
  read.tlsCertSubject = decode(member(json, "tls_cert_subject"));
  read.tlsCertIssuer = decode(member(json, "tls_cert_issuer"));
  read.tlsCertNotAfter = decode(member(json, "tls_cert_not_after"));
  read.error = errorIn(json);
  return read;
}
// Which command to run.
export class ExecRequest {
  // Time limits.
  context: Context | null = null;
  // A path, or a name that the host looks up in its `PATH`.
  command: string = "";
  // The arguments, without the command itself. No shell interprets them.
  args: string[] = [];
  // The working directory; empty is that of the host.
  dir: string = "";
  // The whole environment, each entry `NAME=VALUE`. The last entry of a name counts.
  env: string[] = [];
  // The most time for the command, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("command", this.command);
    to.raw("args", list(this.args.map<string>((item) => quote(item))));
    to.text("dir", this.dir);
    to.raw("env", list(this.env.map<string>((item) => quote(item))));
    to.raw("timeout_ms", this.timeoutMs.toString());
    return to.end();
  }
}
// How a command ended. An exit code other than 0 is not an error. If the time is up, the host kills the command and returns an error with the output so far.
export class ExecReply {
  // Its standard output; bytes that are not UTF-8 are U+FFFD.
  stdout: string = "";
  // Its standard error, likewise.
  stderr: string = "";
  // Its exit code; -1 if a signal killed it or if it did not run.
  exitCode: i32 = 0;
  // How long it ran, in milliseconds.
  durationMs: u64 = 0;
  // Whether it was killed because its time was up.
  isTimeout: bool = false;
  // Whether `stdout` was cut.
  stdoutTruncated: bool = false;
  // Whether `stderr` was cut.
  stderrTruncated: bool = false;
  // Why it did not run, or why it was killed. JSON; empty if there is none.
  error: string = "";
}
export function readExecReply(json: string): ExecReply {
  const read = new ExecReply();
  read.stdout = decode(member(json, "stdout"));
  read.stderr = decode(member(json, "stderr"));
  read.exitCode = I32.parseInt(zero(member(json, "exit_code")));
  read.durationMs = U64.parseInt(zero(member(json, "duration_ms")));
  read.isTimeout = member(json, "is_timeout") == "true";
  read.stdoutTruncated = member(json, "stdout_truncated") == "true";
  read.stderrTruncated = member(json, "stderr_truncated") == "true";
  read.error = errorIn(json);
  return read;
}
// The URL to fetch, and how.
export class HttpRequest {
  // Time limits.
  context: Context | null = null;
  // The method; empty is `GET`.
  method: string = "";
  // The URL, `http` or `https`.
  url: string = "";
  // Header fields. `Host`, `Content-Length` and `User-Agent` are ignored. Fields about the connection (`Connection`, `Upgrade`, …) are an error. JSON; empty if there is none.
  headers: string = "";
  // The body, in base64.
  body: string = "";
  // The most time for the whole operation, with redirects, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("method", this.method);
    to.text("url", this.url);
    if (this.headers.length > 0) to.raw("headers", this.headers);
    to.text("body", this.body);
    to.raw("timeout_ms", this.timeoutMs.toString());
    return to.end();
  }
}
// The response, after redirects.
export class HttpReply {
  // The status code, such as 200. A status such as 404 is not an error.
  statusCode: u16 = 0;
  // Header fields, with names such as `Content-Type`. JSON; empty if there is none.
  headers: string = "";
  // The body, in base64; decompressed unless the request named its own `Accept-Encoding`.
  body: string = "";
  // Whether the body was cut because of the size limit.
  bodyTruncated: bool = false;
  // The protocol, such as `HTTP/1.1`.
  proto: string = "";
  // Why there is no response. JSON; empty if there is none.
  error: string = "";
}
export function readHttpReply(json: string): HttpReply {
  const read = new HttpReply();
  read.statusCode = U16.parseInt(zero(member(json, "status_code")));
  read.headers = member(json, "headers");
  read.body = decode(member(json, "body"));
  read.bodyTruncated = member(json, "body_truncated") == "true";
  read.proto = decode(member(json, "proto"));
  read.error = errorIn(json);
  return read;
}
// Which DNS records to look up.
export class DnsLookupRequest {
  // Time limits.
  context: Context | null = null;
  // The name to look up.
  hostname: string = "";
  // `A`, `AAAA`, `CNAME`, `MX`, `TXT` or `NS`, in any case; empty is `A` and `AAAA`.
  type: string = "";
  // The DNS server, `host:port` or `host`; empty is the resolver of the host.
  nameserver: string = "";
  // The most time, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("hostname", this.hostname);
    to.text("type", this.type);
    to.text("nameserver", this.nameserver);
    to.raw("timeout_ms", this.timeoutMs.toString());
    return to.end();
  }
}
// The records of a name. Both lists are empty if the name exists and has no such records.
export class DnsLookupReply {
  // Addresses, texts (each record with its parts joined), or names that end in a dot.
  records: string[] = [];
  // Mail servers, in order of preference.
  mxRecords: MxRecord[] = [];
  // Why the lookup failed. JSON; empty if there is none.
  error: string = "";
}
export function readDnsLookupReply(json: string): DnsLookupReply {
  const read = new DnsLookupReply();
  read.records = items(member(json, "records")).map<string>((item) => decode(item));
  read.mxRecords = items(member(json, "mx_records")).map<MxRecord>((item) => readMxRecord(item));
  read.error = errorIn(json);
  return read;
}
// Which mail server to connect to.
export class SmtpConnectRequest {
  // Time limits.
  context: Context | null = null;
  // A host name or an IP address.
  host: string = "";
  // The port, 1 to 65535, or the name of a well-known service: `https`.
  port: string = "";
  // The most time for the whole operation, in milliseconds; 0 means the host's maximum.
  timeoutMs: u64 = 0;
  // Whether to use TLS from the first byte.
  tls: bool = false;
  // Whether to switch to TLS after the greeting. Excludes `tls`.
  starttls: bool = false;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("host", this.host);
    to.text("port", this.port);
    to.raw("timeout_ms", this.timeoutMs.toString());
    to.raw("tls", this.tls.toString());
    to.raw("starttls", this.starttls.toString());
    return to.end();
  }
}
// The greeting of a mail server. When `error` is set, every other key has its default value.
export class SmtpConnectReply {
  // Whether the server sent a greeting.
  connected: bool = false;
  // Host and port as requested; an IPv6 address is in brackets.
  address: string = "";
  // `220 ` and the text of the greeting, its lines joined by newlines.
  banner: string = "";
  // How long the whole operation took, in milliseconds.
  responseTimeMs: u64 = 0;
  // Whether TLS is used.
  tls: bool = false;
  // `TLS 1.2` or `TLS 1.3`.
  tlsVersion: string = "";
  // The IANA name of the cipher suite.
  tlsCipherSuite: string = "";
  // The server name sent in the handshake; empty for an IP address.
  tlsServerName: string = "";
  // Why no greeting was received. JSON; empty if there is none.
  error: string = "";
}
export function readSmtpConnectReply(json: string): SmtpConnectReply {
  const read = new SmtpConnectReply();
  read.connected = member(json, "connected") == "true";
  read.address = decode(member(json, "address"));
  read.banner = decode(member(json, "banner"));
  read.responseTimeMs = U64.parseInt(zero(member(json, "response_time_ms")));
  read.tls = member(json, "tls") == "true";
  read.tlsVersion = decode(member(json, "tls_version"));
  read.tlsCipherSuite = decode(member(json, "tls_cipher_suite"));
  read.tlsServerName = decode(member(json, "tls_server_name"));
  read.error = errorIn(json);
  return read;
}
// Nothing to choose.
export class LastDenialRequest {
  // Time limits.
  context: Context | null = null;
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    return to.end();
  }
}
// Why a function of WASI returned `EACCES`.
export class LastDenialReply {
  // The denial, with the grant that would help. Missing if the last function of WASI that failed in this call was not denied. JSON; empty if there is none.
  denial: string = "";
  // Why there is no reply. JSON; empty if there is none.
  error: string = "";
}
export function readLastDenialReply(json: string): LastDenialReply {
  const read = new LastDenialReply();
  read.denial = member(json, "denial");
  read.error = errorIn(json);
  return read;
}
// A line for the log of the host.
export class LogMessage {
  // Time limits; ignored.
  context: Context | null = null;
  // `DEBUG`, `INFO`, `WARN` or `ERROR`, in any case, optionally with an offset (`INFO+2`).
  level: string = "";
  // The text.
  message: string = "";
  // The time by the clock of the guest; the host ignores it.
  timestamp: string = "";
  // Named values.
  attrs: LogAttr[] = [];
  json(): string {
    const to = new Members();
    if (this.context != null) to.raw("context", this.context!.json());
    to.text("level", this.level);
    to.text("message", this.message);
    to.text("timestamp", this.timestamp);
    to.raw("attrs", list(this.attrs.map<string>((item) => item.json())));
    return to.end();
  }
}
// Reads a file, or a part of it.
// @ts-ignore: decorator
@external("reglet_host", "fs_read") export declare function fs_read(request: u64): u64;
export function fsRead(request: FsReadRequest): FsReadReply {
  return readFsReadReply(ask(fs_read, request.json()));
}
// Describes a file, a directory or a symbolic link.
// @ts-ignore: decorator
@external("reglet_host", "fs_stat") export declare function fs_stat(request: u64): u64;
export function fsStat(request: FsStatRequest): FsStatReply {
  return readFsStatReply(ask(fs_stat, request.json()));
}
// Lists a directory.
// @ts-ignore: decorator
@external("reglet_host", "fs_list") export declare function fs_list(request: u64): u64;
export function fsList(request: FsListRequest): FsListReply {
  return readFsListReply(ask(fs_list, request.json()));
}
// Writes a file.
// @ts-ignore: decorator
@external("reglet_host", "fs_write") export declare function fs_write(request: u64): u64;
export function fsWrite(request: FsWriteRequest): FsWriteReply {
  return readFsWriteReply(ask(fs_write, request.json()));
}
// Returns an environment variable, as it was when the runtime was built.
// @ts-ignore: decorator
@external("reglet_host", "env_get") export declare function env_get(request: u64): u64;
export function envGet(request: EnvGetRequest): EnvGetReply {
  return readEnvGetReply(ask(env_get, request.json()));
}
// Opens a TCP connection, sends, receives and closes it.
// @ts-ignore: decorator
@external("reglet_host", "net_connect") export declare function net_connect(request: u64): u64;
export function netConnect(request: NetConnectRequest): NetConnectReply {
  return readNetConnectReply(ask(net_connect, request.json()));
}
// Opens a TCP connection, optionally with TLS, and closes it.
// @ts-ignore: decorator
@external("reglet_host", "tcp_connect") export declare function tcp_connect(request: u64): u64;
export function tcpConnect(request: TcpConnectRequest): TcpConnectReply {
  return readTcpConnectReply(ask(tcp_connect, request.json()));
}
// Runs a command and waits for its end.
// @ts-ignore: decorator
@external("reglet_host", "exec_run") export declare function exec_run(request: u64): u64;
export function execRun(request: ExecRequest): ExecReply {
  return readExecReply(ask(exec_run, request.json()));
}
// Fetches a URL, following redirects.
// @ts-ignore: decorator
@external("reglet_host", "http_request") export declare function http_request(request: u64): u64;
export function httpRequest(request: HttpRequest): HttpReply {
  return readHttpReply(ask(http_request, request.json()));
}
// Looks up the DNS records of a name.
// @ts-ignore: decorator
@external("reglet_host", "dns_lookup") export declare function dns_lookup(request: u64): u64;
export function dnsLookup(request: DnsLookupRequest): DnsLookupReply {
  return readDnsLookupReply(ask(dns_lookup, request.json()));
}
// Connects to a mail server and reads its greeting.
// @ts-ignore: decorator
@external("reglet_host", "smtp_connect") export declare function smtp_connect(request: u64): u64;
export function smtpConnect(request: SmtpConnectRequest): SmtpConnectReply {
  return readSmtpConnectReply(ask(smtp_connect, request.json()));
}
// Returns why WASI denied access: its error numbers do not name the grant that would help.
// @ts-ignore: decorator
@external("reglet_host", "last_denial") export declare function last_denial(request: u64): u64;
export function lastDenial(request: LastDenialRequest): LastDenialReply {
  return readLastDenialReply(ask(last_denial, request.json()));
}
// Writes a line to the log of the host.
// @ts-ignore: decorator
@external("reglet_host", "log_message") export declare function log_message(request: u64): void;

// The values of `type` in an error of the host: functions, because a constant takes memory
// even where it is not used.
// The plugin has no grant for the request.
export function errorCapability(): string {
  return "capability";
}
// The request or the config is invalid.
export function errorConfig(): string {
  return "config";
}
// A command could not be started.
export function errorExecution(): string {
  return "execution";
}
// A file operation failed.
export function errorFs(): string {
  return "fs";
}
// A fault of the host, or a function that this build of the host does not include.
export function errorInternal(): string {
  return "internal";
}
// A connection could not be made, or it broke.
export function errorNetwork(): string {
  return "network";
}
// The plugin panicked.
export function errorPanic(): string {
  return "panic";
}
// The address is private or reserved, and no grant opens it.
export function errorSsrfProtection(): string {
  return "ssrf_protection";
}
// A deadline passed.
export function errorTimeout(): string {
  return "timeout";
}
// A TLS handshake or certificate was rejected.
export function errorTls(): string {
  return "tls";
}
// A value has the wrong shape.
export function errorValidation(): string {
  return "validation";
}

// end generated functions

// Calls a host function and returns its reply; empty if there is none.
export function ask(hostFunction: (request: u64) => u64, request: string): string {
  const sent = answer(request);
  const packed = hostFunction(sent);
  forget(sent);
  if (!isRange(packed)) return "";
  const pointer = <usize>(packed >> 32);
  const reply = textAt(pointer, <u32>packed);
  forget(packed);
  return reply;
}

// A JSON object that is being written.
class Members {
  private written: string = "{";

  text(key: string, value: string): void {
    this.raw(key, quote(value));
  }

  raw(key: string, json: string): void {
    if (this.written.length > 1) this.written += ",";
    this.written += quote(key) + ":" + json;
  }

  end(): string {
    return this.written + "}";
  }
}

// An array in JSON, of items in JSON.
export function list(items: string[]): string {
  return "[" + items.join(",") + "]";
}

// The items of a JSON array, each as JSON.
export function items(array: string): string[] {
  const found: string[] = [];
  let at = blank(array, 0);
  if (at >= array.length || array.charCodeAt(at) != 0x5b) return found;
  at = blank(array, at + 1);
  while (at < array.length && array.charCodeAt(at) != 0x5d) {
    const from = at;
    at = behind(array, from);
    found.push(array.substring(from, at).trimEnd());
    if (at >= array.length || array.charCodeAt(at) != 0x2c) break;
    at = blank(array, at + 1);
  }
  return found;
}

// A number that is not there is 0.
function zero(number: string): string {
  return number.length == 0 ? "0" : number;
}

// The error of a reply, in JSON; empty if there is none.
function errorIn(reply: string): string {
  if (reply.length == 0) {
    return '{"type":"internal","code":"","message":"the host sent no reply"}';
  }
  const error = member(reply, "error");
  return error == "null" ? "" : error;
}

// Writes a line to the log of the host: level is DEBUG, INFO, WARN or ERROR.
export function log(level: string, message: string): void {
  const sent = answer('{"level":' + quote(level) + ',"message":' + quote(message) + "}");
  log_message(sent);
  forget(sent);
}

function forget(packed: u64): void {
  deallocate(<usize>(packed >> 32), <u32>packed);
}

// A text as a JSON string, quotes included.
export function quote(text: string): string {
  let quoted = '"';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code >= 0x20 && code != 0x22 && code != 0x5c) continue;
    quoted += text.substring(from, at);
    if (code >= 0x20) quoted += "\\" + String.fromCharCode(code);
    else quoted += code < 16 ? "\\u000" + code.toString(16) : "\\u00" + code.toString(16);
    from = at + 1;
  }
  return quoted + text.substring(from) + '"';
}

// The value of a member of a JSON object, as JSON; empty if it is not there, or if the text is not
// an object. Of a key that is given twice the last counts.
export function member(object: string, key: string): string {
  let found = "";
  let at = blank(object, 0);
  if (at >= object.length || object.charCodeAt(at) != 0x7b) return found;
  at = blank(object, at + 1);
  while (at < object.length && object.charCodeAt(at) == 0x22) {
    let from = at;
    at = behindString(object, at);
    const name = decode(object.substring(from, at));
    at = blank(object, at);
    if (at >= object.length || object.charCodeAt(at) != 0x3a) return found;
    from = blank(object, at + 1);
    at = behind(object, from);
    if (name == key) found = object.substring(from, at).trimEnd();
    if (at < object.length && object.charCodeAt(at) == 0x2c) at = blank(object, at + 1);
  }
  return found;
}

// Decodes a JSON string; empty if the text is not a string.
export function decode(string: string): string {
  const end = string.length - 1;
  if (end < 1 || string.charCodeAt(0) != 0x22 || string.charCodeAt(end) != 0x22) return "";
  let text = "";
  let from = 1;
  for (let at = 1; at < end; at++) {
    if (string.charCodeAt(at) != 0x5c) continue;
    text += string.substring(from, at);
    const kind = string.charCodeAt(++at);
    if (kind == 0x75) {
      text += String.fromCharCode(<i32>parseInt(string.substring(at + 1, at + 5), 16));
      at += 4;
    } else if (kind == 0x6e) text += "\n";
    else if (kind == 0x74) text += "\t";
    else if (kind == 0x72) text += "\r";
    else if (kind == 0x62) text += "\b";
    else if (kind == 0x66) text += "\f";
    else text += String.fromCharCode(kind);
    from = at + 1;
  }
  return text + string.substring(from, end);
}

function blank(text: string, at: i32): i32 {
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code != 0x20 && code != 0x0a && code != 0x0d && code != 0x09) break;
    at++;
  }
  return at;
}

function behindString(text: string, at: i32): i32 {
  for (at++; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code == 0x22) return at + 1;
    if (code == 0x5c) at++;
  }
  return text.length;
}

// Behind the value that begins at `at`. Nesting is counted, so text cannot exhaust the stack.
function behind(text: string, at: i32): i32 {
  let depth = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code == 0x22) {
      at = behindString(text, at);
      continue;
    }
    if (code == 0x7b || code == 0x5b) depth++;
    else if (code == 0x7d || code == 0x5d) {
      if (depth == 0) return at;
      depth--;
    } else if (code == 0x2c && depth == 0) return at;
    at++;
  }
  return at;
}
