//! Requests about files, variables and commands that fail, for each host function, and the reply of the host to each: parts of
//! the table of host functions. `tests/promises/host_functions_do_what_the_table_says.rs` makes these calls.

use super::{ErrorExample, failing};

pub(super) const FS_READ: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"path":"/root/secret"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"permission denied: capability denied: fs:read:/root/secret is not granted to plugin example; the grant fs:read:/root/secret would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the file does not exist",
        r#"{"path":"/etc/missing"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"/etc/missing: no such file or directory","type":"fs","code":"ENOENT","is_not_found":true}}"#,
    ),
    failing(
        "the path is a directory",
        r#"{"path":"/etc/ssl"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"the open file: is a directory","type":"fs","code":"EISDIR"}}"#,
    ),
    failing(
        "a part of the path is not a directory",
        r#"{"path":"/etc/hostname/x"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"/etc/hostname/x: not a directory","type":"fs","code":"ENOTDIR"}}"#,
    ),
    failing(
        "the content is not UTF-8",
        r#"{"path":"/srv/key","encoding":"utf-8"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"/srv/key is not UTF-8 (from byte 1); ask for \"base64\"","type":"validation","code":""}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"path":"/etc/hostname","encoding":"hex"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"unknown encoding \"hex\": ask for \"base64\" or \"utf-8\"","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"path":1}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"failed to unmarshal fs_read request: invalid type: integer `1`, expected a string at line 1 column 9","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"path":"/etc/hostname"}"#,
        r#"{"content":"","encoding":"","size":0,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const FS_STAT: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"path":"/root/secret"}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"permission denied: capability denied: fs:read:/root/secret is not granted to plugin example; the grant fs:read:/root/secret would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "nothing is there",
        r#"{"path":"/etc/missing"}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"/etc/missing: no such file or directory","type":"fs","code":"ENOENT","is_not_found":true}}"#,
    ),
    failing(
        "a symbolic link leads out of what is granted",
        r#"{"path":"/srv/out"}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"permission denied: capability denied: fs:read:/srv/out leads through a symbolic link out of what is granted to plugin example; the grant fs:read:/srv/out would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "symbolic links lead in a circle",
        r#"{"path":"/srv/loop"}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"/srv/loop: too many symbolic links","type":"fs","code":"ELOOP"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"path":""}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"path cannot be empty","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"path":"/etc/hostname","no_follow":1}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"failed to unmarshal fs_stat request: invalid type: integer `1`, expected a boolean at line 1 column 37","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"path":"/etc/hostname"}"#,
        r#"{"kind":"","size":0,"mode":0,"uid":0,"gid":0,"modified":"","error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const FS_LIST: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"path":"/root"}"#,
        r#"{"entries":[],"error":{"message":"permission denied: capability denied: fs:read:/root is not granted to plugin example; the grant fs:read:/root would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the directory does not exist",
        r#"{"path":"/etc/missing"}"#,
        r#"{"entries":[],"error":{"message":"/etc/missing: no such file or directory","type":"fs","code":"ENOENT","is_not_found":true}}"#,
    ),
    failing(
        "the path is a file",
        r#"{"path":"/etc/hostname"}"#,
        r#"{"entries":[],"error":{"message":"/etc/hostname: not a directory","type":"fs","code":"ENOTDIR"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"path":""}"#,
        r#"{"entries":[],"error":{"message":"path cannot be empty","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"path":["/etc"]}"#,
        r#"{"entries":[],"error":{"message":"failed to unmarshal fs_list request: invalid type: sequence, expected a string at line 1 column 8","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"path":"/etc"}"#,
        r#"{"entries":[],"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const FS_WRITE: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"path":"/etc/hostname","content":"","mode":"append"}"#,
        r#"{"written":0,"error":{"message":"permission denied: capability denied: fs:write:/etc/hostname is not granted to plugin example; the grant fs:write:/etc/hostname would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the file exists",
        r#"{"path":"/var/lib/agent/old","content":"","mode":"create"}"#,
        r#"{"written":0,"error":{"message":"/var/lib/agent/old: already exists","type":"fs","code":"EEXIST"}}"#,
    ),
    failing(
        "its directory does not exist",
        r#"{"path":"/var/lib/agent/no/state","content":""}"#,
        r#"{"written":0,"error":{"message":"/var/lib/agent/no/state: no such file or directory","type":"fs","code":"ENOENT","is_not_found":true}}"#,
    ),
    failing(
        "the disk is full",
        r#"{"path":"/var/lib/agent/full","content":"eA=="}"#,
        r#"{"written":0,"error":{"message":"write /var/lib/agent/full: no space left on device","type":"fs","code":"ENOSPC"}}"#,
    ),
    failing(
        "the content is not in its encoding",
        r#"{"path":"/var/lib/agent/state","content":"?"}"#,
        r#"{"written":0,"error":{"message":"content is not base64 at byte 1","type":"config","code":""}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"path":"/var/lib/agent/state","content":"","mode":"truncate"}"#,
        r#"{"written":0,"error":{"message":"unknown mode \"truncate\": ask for \"replace\", \"append\" or \"create\"","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"path":"/var/lib/agent/state","content":7}"#,
        r#"{"written":0,"error":{"message":"failed to unmarshal fs_write request: invalid type: integer `7`, expected a string at line 1 column 42","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"path":"/var/lib/agent/state","content":""}"#,
        r#"{"written":0,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const ENV_GET: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"name":"SECRET"}"#,
        r#"{"is_set":false,"value":"","error":{"message":"permission denied: capability denied: env:SECRET is not granted to plugin example; the grant env:SECRET would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"name":"A=B"}"#,
        r#"{"is_set":false,"value":"","error":{"message":"name cannot be empty, or contain = or NUL","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"name":1}"#,
        r#"{"is_set":false,"value":"","error":{"message":"failed to unmarshal env_get request: invalid type: integer `1`, expected a string at line 1 column 9","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"name":"HOME"}"#,
        r#"{"is_set":false,"value":"","error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const EXEC_RUN: &[ErrorExample] = &[
    failing(
        "the plugin has no grant",
        r#"{"command":"/bin/cat","args":["/etc/shadow"]}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"permission denied: capability denied: exec:/bin/cat is not granted to plugin example; the grant exec:/bin/cat would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the command is granted with other arguments",
        r#"{"command":"/bin/uname","args":["-a"]}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"permission denied: capability denied: exec:/bin/uname -a is granted to plugin example with other arguments only; the grant exec:/bin/uname -a would allow it","type":"capability","code":"EACCES"}}"#,
    ),
    failing(
        "the command does not exist",
        r#"{"command":"/bin/missing","args":[]}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"fork/exec /bin/missing: no such file or directory","type":"execution","code":"ENOENT","is_not_found":true}}"#,
    ),
    failing(
        "the time is up; the output so far counts",
        r#"{"command":"/bin/slow","args":[],"timeout_ms":100}"#,
        r#"{"stdout":"one of many lines\n","stderr":"","exit_code":-1,"duration_ms":100,"is_timeout":true,"error":{"message":"/bin/slow: killed because its time was up","type":"timeout","code":"ETIMEDOUT","is_timeout":true}}"#,
    ),
    failing(
        "a value is invalid",
        r#"{"command":"","args":[]}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"command cannot be empty","type":"config","code":""}}"#,
    ),
    failing(
        "a value has the wrong type",
        r#"{"command":"/bin/uname","args":"-r"}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"failed to unmarshal exec_run request: invalid type: string \"-r\", expected a sequence at line 1 column 35","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true},"command":"/bin/uname","args":["-r"]}"#,
        r#"{"stdout":"","stderr":"","exit_code":-1,"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
pub(super) const LAST_DENIAL: &[ErrorExample] = &[
    failing(
        "a value has the wrong type",
        r#"{"context":1}"#,
        r#"{"error":{"message":"failed to unmarshal last_denial request: invalid type: integer `1`, expected an object at line 1 column 12","type":"internal","code":""}}"#,
    ),
    failing(
        "the request was canceled",
        r#"{"context":{"canceled":true}}"#,
        r#"{"error":{"message":"the request was canceled","type":"timeout","code":""}}"#,
    ),
];
