//! The plugin {{name}}: is a variable of the environment set, and to what?

const std = @import("std");
const tollgate = @import("tollgate.zig");

comptime {
    tollgate.plugin(@This());
}
pub const panic = std.debug.FullPanic(tollgate.panicked);

pub const info: tollgate.Info = .{
    .name = "{{name}}",
    .version = "0.1.0",
    .description = "Is a variable set?",
    .capabilities = &.{.{ .kind = "env", .pattern = "HOME" }},
};

pub const schema =
    \\{"type":"object","additionalProperties":false,"properties":{
    \\"variable":{"type":"string","default":"HOME","description":"The variable to look at"}}}
;

pub const Config = struct {
    variable: []const u8 = "HOME",
};

pub fn observe(config: Config) tollgate.Error!tollgate.Evidence {
    // A denial becomes evidence, which names the grant that is missing.
    const reply = try tollgate.envGet(.{ .name = config.variable });
    tollgate.log(.INFO, config.variable);
    return .of(reply.is_set, .{
        .variable = config.variable,
        .is_set = reply.is_set,
        .value = reply.value,
    });
}

// These tests describe what the plugin does now. Change them together with it.

const Seen = struct {
    status: bool,
    @"error": ?tollgate.ErrorDetail = null,
    data: struct { value: []const u8 = "" } = .{},
};

fn look(config: []const u8) !std.json.Parsed(Seen) {
    const options: std.json.ParseOptions = .{ .ignore_unknown_fields = true };
    return std.json.parseFromSlice(Seen, std.testing.allocator, tollgate.answer(@This(), config), options);
}

test "a variable that is set is reported" {
    tollgate.play = struct {
        fn reply(_: []const u8, _: []const u8) []const u8 {
            return
            \\{"is_set":true,"value":"/somewhere"}
            ;
        }
    }.reply;
    const seen = try look("{}");
    defer seen.deinit();
    try std.testing.expect(seen.value.status);
    try std.testing.expectEqualStrings("/somewhere", seen.value.data.value);
}

test "a denial is passed on" {
    tollgate.play = struct {
        fn reply(_: []const u8, _: []const u8) []const u8 {
            return
            \\{"error":{"type":"capability","message":"not granted","code":"EACCES"}}
            ;
        }
    }.reply;
    const seen = try look("{}");
    defer seen.deinit();
    try std.testing.expectEqualStrings("not granted", seen.value.@"error".?.message);
}

test "a config of the wrong type is refused" {
    const seen = try look(
        \\{"variable":7}
    );
    defer seen.deinit();
    try std.testing.expectEqualStrings(tollgate.kinds.config, seen.value.@"error".?.type);
}
