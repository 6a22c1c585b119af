//! Calls a host function as the example in the table of host functions does.
const std = @import("std");
const tollgate = @import("tollgate.zig");

comptime {
    tollgate.plugin(@This());
}
pub const panic = std.debug.FullPanic(tollgate.panicked);
pub const info: tollgate.Info = .{ .name = "calls", .version = "1", .description = "Calls." };
pub const schema = "{}";
pub const Config = struct { call: []const u8 };

pub fn observe(config: Config) tollgate.Error!tollgate.Evidence {
    const Call = enum { fs_read, fs_stat, fs_list, fs_write, env_get, net_connect, tcp_connect, exec_run, http_request, dns_lookup, smtp_connect, last_denial, log_message, timeout };
    const call = std.meta.stringToEnum(Call, config.call) orelse {
        return seen(try tollgate.fsRead(.{ .path = config.call }));
    };
    return switch (call) {
        .fs_read => seen(try tollgate.fsRead(.{ .path = "/etc/hostname", .encoding = "utf-8" })),
        .fs_stat => seen(try tollgate.fsStat(.{ .path = "/etc/hostname" })),
        .fs_list => seen(try tollgate.fsList(.{ .path = "/etc" })),
        .fs_write => seen(try tollgate.fsWrite(.{ .path = "/var/lib/agent/state", .content = "checked\n", .encoding = "utf-8", .mode = "append" })),
        .env_get => seen(try tollgate.envGet(.{ .name = "HOME", .context = .{ .timeout_ms = 50 } })),
        .net_connect => seen(try tollgate.netConnect(.{ .host = "cache.example.com", .port = "6379", .send = "PING\r\n", .encoding = "utf-8", .receive = 64 })),
        .tcp_connect => seen(try tollgate.tcpConnect(.{ .host = "example.com", .port = "443", .timeout_ms = 5000, .tls = true })),
        .exec_run => seen(try tollgate.execRun(.{ .command = "/bin/uname", .args = &.{"-r"} })),
        .http_request => request: {
            var headers: tollgate.Headers = .{};
            headers.map.put(tollgate.memory(), "Accept", &.{"application/json"}) catch @panic("out of memory");
            break :request seen(try tollgate.httpRequest(.{ .method = "GET", .url = "https://example.com/health", .headers = headers }));
        },
        .dns_lookup => seen(try tollgate.dnsLookup(.{ .hostname = "example.com", .type = "MX" })),
        .smtp_connect => seen(try tollgate.smtpConnect(.{ .host = "mail.example.com", .port = "25" })),
        .last_denial => seen(try tollgate.lastDenial(.{})),
        .log_message => log: {
            tollgate.logWith(.WARN, "nearly full", &.{.{ .key = "disk", .type = "string", .value = "/srv" }});
            break :log seen(null);
        },
        .timeout => seen(try tollgate.execRun(.{ .command = "/bin/slow", .timeout_ms = 100 })),
    };
}

fn seen(reply: anytype) tollgate.Evidence {
    return .of(true, .{ .reply = reply });
}
