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

// The host functions: each takes a request in JSON, packed, and returns a reply in JSON, packed.
// Requests and replies are described in functions.md of the package tollgate-abi. Call them through
// ask.

// begin generated functions

// Reads a file, or a part of it.
// @ts-ignore: decorator
@external("reglet_host", "fs_read") export declare function fs_read(request: u64): u64;
// Describes a file, a directory or a symbolic link.
// @ts-ignore: decorator
@external("reglet_host", "fs_stat") export declare function fs_stat(request: u64): u64;
// Lists a directory.
// @ts-ignore: decorator
@external("reglet_host", "fs_list") export declare function fs_list(request: u64): u64;
// Writes a file.
// @ts-ignore: decorator
@external("reglet_host", "fs_write") export declare function fs_write(request: u64): u64;
// Returns an environment variable, as it was when the runtime was built.
// @ts-ignore: decorator
@external("reglet_host", "env_get") export declare function env_get(request: u64): u64;
// Opens a TCP connection, sends, receives and closes it.
// @ts-ignore: decorator
@external("reglet_host", "net_connect") export declare function net_connect(request: u64): u64;
// Opens a TCP connection, optionally with TLS, and closes it.
// @ts-ignore: decorator
@external("reglet_host", "tcp_connect") export declare function tcp_connect(request: u64): u64;
// Runs a command and waits for its end.
// @ts-ignore: decorator
@external("reglet_host", "exec_run") export declare function exec_run(request: u64): u64;
// Fetches a URL, following redirects.
// @ts-ignore: decorator
@external("reglet_host", "http_request") export declare function http_request(request: u64): u64;
// Looks up the DNS records of a name.
// @ts-ignore: decorator
@external("reglet_host", "dns_lookup") export declare function dns_lookup(request: u64): u64;
// Connects to a mail server and reads its greeting.
// @ts-ignore: decorator
@external("reglet_host", "smtp_connect") export declare function smtp_connect(request: u64): u64;
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
