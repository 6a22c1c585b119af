// Calls a host function as the example in the table of host functions does.
import {
  answer, Context, decode, DnsLookupRequest, dnsLookup, EnvGetRequest, envGet, ExecRequest, execRun, FsListRequest, fsList,
  FsReadRequest, fsRead, FsStatRequest, fsStat, FsWriteRequest, fsWrite, HttpRequest, httpRequest, LastDenialRequest, lastDenial, list, log, member,
  NetConnectRequest, netConnect, quote, SmtpConnectRequest, smtpConnect, TcpConnectRequest, tcpConnect, textAt,
} from "./tollgate";

export { allocate, deallocate } from "./tollgate";

export function describe(): u64 {
  return answer('{"name":"calls","version":"1","description":"Calls.","capabilities":[]}');
}

export function schema(): u64 {
  return answer("{}");
}

let error = "";

function text(key: string, value: string): string {
  return '{"' + key + '":' + quote(value) + "}";
}

function call(name: string): string {
  if (name == "fs_read") {
    const to = new FsReadRequest();
    to.path = "/etc/hostname";
    to.encoding = "utf-8";
    const reply = fsRead(to);
    error = reply.error;
    return '{"content":' + quote(reply.content) + ',"size":' + reply.size.toString() + "}";
  } else if (name == "fs_stat") {
    const to = new FsStatRequest();
    to.path = "/etc/hostname";
    const reply = fsStat(to);
    error = reply.error;
    return '{"kind":' + quote(reply.kind) + ',"mode":' + reply.mode.toString() + "}";
  } else if (name == "fs_list") {
    const to = new FsListRequest();
    to.path = "/etc";
    const reply = fsList(to);
    error = reply.error;
    return '{"entries":' + list(reply.entries.map<string>((entry) =>
      '{"name":' + quote(entry.name) + ',"kind":' + quote(entry.kind) + "}")) + "}";
  } else if (name == "fs_write") {
    const to = new FsWriteRequest();
    to.path = "/var/lib/agent/state";
    to.content = "checked\n";
    to.encoding = "utf-8";
    to.mode = "append";
    const reply = fsWrite(to);
    error = reply.error;
    return '{"written":' + reply.written.toString() + "}";
  } else if (name == "env_get") {
    const to = new EnvGetRequest();
    to.context = new Context();
    to.context!.timeoutMs = 50;
    to.name = "HOME";
    const reply = envGet(to);
    error = reply.error;
    return '{"is_set":' + reply.isSet.toString() + ',"value":' + quote(reply.value) + "}";
  } else if (name == "net_connect") {
    const to = new NetConnectRequest();
    to.host = "cache.example.com";
    to.port = "6379";
    to.send = "PING\r\n";
    to.encoding = "utf-8";
    to.receive = 64;
    const reply = netConnect(to);
    error = reply.error;
    return text("received", reply.received);
  } else if (name == "tcp_connect") {
    const to = new TcpConnectRequest();
    to.host = "example.com";
    to.port = "443";
    to.timeoutMs = 5000;
    to.tls = true;
    const reply = tcpConnect(to);
    error = reply.error;
    return text("tls_version", reply.tlsVersion);
  } else if (name == "exec_run") {
    const to = new ExecRequest();
    to.command = "/bin/uname";
    to.args = ["-r"];
    const reply = execRun(to);
    error = reply.error;
    return '{"stdout":' + quote(reply.stdout) + ',"exit_code":' + reply.exitCode.toString() + "}";
  } else if (name == "http_request") {
    const to = new HttpRequest();
    to.method = "GET";
    to.url = "https://example.com/health";
    to.headers = '{"Accept":["application/json"]}';
    const reply = httpRequest(to);
    error = reply.error;
    return '{"status_code":' + reply.statusCode.toString() + ',"headers":' + reply.headers + "}";
  } else if (name == "dns_lookup") {
    const to = new DnsLookupRequest();
    to.hostname = "example.com";
    to.type = "MX";
    const reply = dnsLookup(to);
    error = reply.error;
    return '{"mx_records":' + list(reply.mxRecords.map<string>((record) =>
      '{"host":' + quote(record.host) + ',"pref":' + record.pref.toString() + "}")) + "}";
  } else if (name == "smtp_connect") {
    const to = new SmtpConnectRequest();
    to.host = "mail.example.com";
    to.port = "25";
    const reply = smtpConnect(to);
    error = reply.error;
    return text("banner", reply.banner);
  } else if (name == "last_denial") {
    const reply = lastDenial(new LastDenialRequest());
    error = reply.error;
    return reply.denial.length > 0 ? '{"denial":' + reply.denial + "}" : "{}";
  } else if (name == "timeout") {
    const to = new ExecRequest();
    to.command = "/bin/slow";
    to.timeoutMs = 100;
    const reply = execRun(to);
    if (!reply.isTimeout) error = reply.error;
    return text("stdout", reply.stdout);
  } else if (name == "log_message") {
    log("WARN", "nearly full");
    return "null";
  }
  const to = new FsReadRequest();
  to.path = name;
  const reply = fsRead(to);
  error = reply.error;
  return "null";
}

export function observe(pointer: usize, length: u32): u64 {
  error = "";
  const reply = call(decode(member(textAt(pointer, length), "call")));
  return answer('{"status":' + (error.length == 0).toString() + (error.length > 0 ? ',"error":' + error : "") +
    ',"data":{"reply":' + reply + "}}");
}
