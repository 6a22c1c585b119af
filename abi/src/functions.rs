//! The host functions: one table, from which the imports, the guest wrappers, the kits of other
//! languages and all documentation are made.

mod errors;
mod net_errors;

use crate::{host, shape::Shape};

/// A function that a plugin may import from [`HOST_MODULE`](crate::names::HOST_MODULE).
///
/// It takes a packed request in JSON and returns a packed reply in JSON, or nothing.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Function {
    /// The name of the import.
    pub name: &'static str,
    /// What the function does, in one sentence.
    pub documentation: &'static str,
    /// The request.
    pub request: &'static Shape,
    /// The reply; `None` if the function returns nothing.
    pub reply: Option<&'static Shape>,
    /// The kind of capability that the plugin needs.
    pub capability: Option<&'static str>,
    /// The effects that it can cause, by their names in a transcript; none for a function of the host's own
    /// memory. A request with a deadline also reads the clock.
    pub effects: &'static [&'static str],
    /// The version of this package that added the function.
    pub since: &'static str,
    /// The function that this one is another name of.
    pub alias_of: Option<&'static str>,
    /// The key of the reply that is true where the reply counts beside its error.
    pub partial_if: Option<&'static str>,
    /// A request, as it is written.
    pub request_example: &'static str,
    /// The reply to that request, as it is written; empty if the function returns nothing.
    pub reply_example: &'static str,
    /// Requests that fail, for each kind of error; none for another name of a function.
    pub errors: &'static [ErrorExample],
}

/// A request that fails, and the reply of the host.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ErrorExample {
    /// When a request fails so.
    pub when: &'static str,
    /// The request, as it is written.
    pub request: &'static str,
    /// The reply to that request, as it is written.
    pub reply: &'static str,
}

const fn failing(when: &'static str, request: &'static str, reply: &'static str) -> ErrorExample {
    ErrorExample {
        when,
        request,
        reply,
    }
}

/// Returns the host function with this name.
///
/// ```
/// let function = tollgate_abi::functions::find("env_get").unwrap();
/// assert_eq!(function.capability, Some("env"));
/// assert_eq!(function.request.members[1].key, "name");
/// ```
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Passes the table of host functions to the macro `$then`.
///
/// Rows are `CONSTANT name(Request) -> Reply { … }`, in three groups. Types are named as in
/// [`host`](crate::host). The braces hold the other fields of a
/// [`Function`](crate::functions::Function).
///
/// * `answering`: functions that return a reply. `partial_if flag` marks a reply that still counts
///   beside an error while its field `flag` is true.
/// * `aliases`: other names of functions that return a reply.
/// * `silent`: functions that return nothing.
#[macro_export]
macro_rules! host_functions {
    ($then:ident) => {
        $then! {
            answering {
                /// Reads a file, or a part of it.
                FS_READ fs_read(FsReadRequest) -> FsReadReply {
                    capability: Some("fs"),
                    effects: &["open", "read_at", "close"],
                    since: "0.1.0",
                    request_example: r#"{"path":"/etc/hostname","encoding":"utf-8"}"#,
                    reply_example: r#"{"content":"web-1\n","encoding":"utf-8","size":6}"#,
                    errors: errors::FS_READ,
                }
                /// Describes a file, a directory or a symbolic link.
                FS_STAT fs_stat(FsStatRequest) -> FsStatReply {
                    capability: Some("fs"),
                    effects: &["stat"],
                    since: "0.1.0",
                    request_example: r#"{"path":"/etc/hostname"}"#,
                    reply_example: r#"{"kind":"file","size":6,"mode":420,"uid":0,"gid":0,"modified":"2026-01-02T03:04:05Z"}"#,
                    errors: errors::FS_STAT,
                }
                /// Lists a directory.
                FS_LIST fs_list(FsListRequest) -> FsListReply {
                    capability: Some("fs"),
                    effects: &["open", "list", "close"],
                    since: "0.1.0",
                    request_example: r#"{"path":"/etc"}"#,
                    reply_example: r#"{"entries":[{"name":"hostname","kind":"file"},{"name":"ssl","kind":"directory"}]}"#,
                    errors: errors::FS_LIST,
                }
                /// Writes a file.
                FS_WRITE fs_write(FsWriteRequest) -> FsWriteReply {
                    capability: Some("fs"),
                    effects: &["write_file"],
                    since: "0.1.0",
                    request_example: r#"{"path":"/var/lib/agent/state","content":"checked\n","encoding":"utf-8","mode":"append"}"#,
                    reply_example: r#"{"written":8}"#,
                    errors: errors::FS_WRITE,
                }
                /// Returns an environment variable, as it was when the runtime was built.
                ENV_GET env_get(EnvGetRequest) -> EnvGetReply {
                    capability: Some("env"),
                    effects: &["variable"],
                    since: "0.1.0",
                    request_example: r#"{"name":"HOME"}"#,
                    reply_example: r#"{"is_set":true,"value":"/root"}"#,
                    errors: errors::ENV_GET,
                }
                /// Opens a TCP connection, sends, receives and closes it.
                NET_CONNECT net_connect(NetConnectRequest) -> NetConnectReply {
                    capability: Some("network"),
                    effects: &["exchange"],
                    since: "0.1.0",
                    request_example: r#"{"host":"cache.example.com","port":"6379","send":"PING\r\n","encoding":"utf-8","receive":64}"#,
                    reply_example: r#"{"connected":true,"received":"+PONG\r\n","encoding":"utf-8","remote_addr":"93.184.215.14:6379","local_addr":"192.0.2.10:50000","response_time_ms":12}"#,
                    errors: net_errors::NET_CONNECT,
                }
                /// Opens a TCP connection, optionally with TLS, and closes it.
                TCP_CONNECT tcp_connect(TcpConnectRequest) -> TcpConnectReply {
                    capability: Some("network"),
                    effects: &["exchange", "tls"],
                    since: "0.1.0",
                    request_example: r#"{"host":"example.com","port":"443","timeout_ms":5000,"tls":true}"#,
                    reply_example: r#"{"connected":true,"address":"example.com:443","remote_addr":"93.184.215.14:443","local_addr":"192.0.2.10:50000","response_time_ms":31,"tls":true,"tls_version":"TLS 1.3","tls_cipher_suite":"TLS_AES_256_GCM_SHA384","tls_server_name":"example.com","tls_cert_subject":"CN=example.com","tls_cert_issuer":"CN=Example CA","tls_cert_not_after":"2027-01-01T00:00:00Z"}"#,
                    errors: net_errors::TCP_CONNECT,
                }
                /// Runs a command and waits for its end.
                EXEC_RUN exec_run(ExecRequest) -> ExecReply partial_if is_timeout {
                    capability: Some("exec"),
                    effects: &["run"],
                    since: "0.1.0",
                    request_example: r#"{"command":"/bin/uname","args":["-r"]}"#,
                    reply_example: r#"{"stdout":"6.12.0\n","stderr":"","exit_code":0,"duration_ms":3}"#,
                    errors: errors::EXEC_RUN,
                }
                /// Fetches a URL, following redirects.
                HTTP_REQUEST http_request(HttpRequest) -> HttpReply {
                    capability: Some("network"),
                    effects: &["http"],
                    since: "0.1.0",
                    request_example: r#"{"method":"GET","url":"https://example.com/health","headers":{"Accept":["application/json"]}}"#,
                    reply_example: r#"{"status_code":200,"headers":{"Content-Type":["application/json"]},"body":"eyJvayI6dHJ1ZX0=","proto":"HTTP/1.1"}"#,
                    errors: net_errors::HTTP_REQUEST,
                }
                /// Looks up the DNS records of a name.
                DNS_LOOKUP dns_lookup(DnsLookupRequest) -> DnsLookupReply {
                    capability: Some("network"),
                    effects: &["lookup"],
                    since: "0.1.0",
                    request_example: r#"{"hostname":"example.com","type":"MX"}"#,
                    reply_example: r#"{"mx_records":[{"host":"mail.example.com.","pref":10}]}"#,
                    errors: net_errors::DNS_LOOKUP,
                }
                /// Connects to a mail server and reads its greeting.
                SMTP_CONNECT smtp_connect(SmtpConnectRequest) -> SmtpConnectReply {
                    capability: Some("network"),
                    effects: &["greet"],
                    since: "0.1.0",
                    request_example: r#"{"host":"mail.example.com","port":"25","tls":false,"starttls":false}"#,
                    reply_example: r#"{"connected":true,"address":"mail.example.com:25","banner":"220 mail.example.com ESMTP","response_time_ms":40}"#,
                    errors: net_errors::SMTP_CONNECT,
                }
                /// Returns why WASI denied access: its error numbers do not name the grant that would help.
                LAST_DENIAL last_denial(LastDenialRequest) -> LastDenialReply {
                    capability: None,
                    effects: &[],
                    since: "0.1.0",
                    request_example: r#"{}"#,
                    reply_example: r#"{}"#,
                    errors: errors::LAST_DENIAL,
                }
            }
            aliases {
                /// Runs a command: another name of `exec_run`, used by the Go SDK.
                EXEC_COMMAND exec_command(ExecRequest) -> ExecReply = exec_run {
                    capability: Some("exec"),
                    effects: &["run"],
                    since: "0.1.0",
                    request_example: r#"{"command":"/bin/uname","args":["-r"]}"#,
                    reply_example: r#"{"stdout":"6.12.0\n","stderr":"","exit_code":0,"duration_ms":3}"#,
                    errors: &[],
                }
            }
            silent {
                /// Writes a line to the log of the host.
                LOG_MESSAGE log_message(LogMessage) {
                    capability: None,
                    effects: &["log"],
                    since: "0.1.0",
                    request_example: r#"{"level":"WARN","message":"nearly full","attrs":[{"key":"disk","type":"string","value":"/srv"}]}"#,
                    reply_example: "",
                    errors: &[],
                }
            }
        }
    };
}

macro_rules! table {
    (@partial) => { None };
    (@partial $flag:ident) => { Some(stringify!($flag)) };
    (
        answering { $(
            $(#[doc = $doc:literal])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $(
            $(#[doc = $alias_doc:literal])*
            $alias_constant:ident $alias:ident($alias_request:ident) -> $alias_reply:ident = $of:ident { $($alias_about:tt)* }
        )* }
        silent { $(
            $(#[doc = $silent_doc:literal])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        /// Every host function: those that return a reply, then their other names, then those that
        /// return nothing.
        pub const FUNCTIONS: &[Function] = &[
            $(Function {
                name: stringify!($name),
                documentation: concat!($($doc),*).trim_ascii(),
                request: host::$request::SHAPE,
                reply: Some(host::$reply::SHAPE),
                alias_of: None,
                partial_if: table!(@partial $($flag)?),
                $($about)*
            },)*
            $(Function {
                name: stringify!($alias),
                documentation: concat!($($alias_doc),*).trim_ascii(),
                request: host::$alias_request::SHAPE,
                reply: Some(host::$alias_reply::SHAPE),
                alias_of: Some(stringify!($of)),
                partial_if: None,
                $($alias_about)*
            },)*
            $(Function {
                name: stringify!($silent),
                documentation: concat!($($silent_doc),*).trim_ascii(),
                request: host::$silent_request::SHAPE,
                reply: None,
                alias_of: None,
                partial_if: None,
                $($silent_about)*
            },)*
        ];

        // Public as `names::import`.
        #[doc(hidden)]
        pub mod import {
            $( $(#[doc = $doc])* pub const $constant: &str = stringify!($name); )*
            $( $(#[doc = $alias_doc])* pub const $alias_constant: &str = stringify!($alias); )*
            $( $(#[doc = $silent_doc])* pub const $silent_constant: &str = stringify!($silent); )*
        }
    };
}

host_functions!(table);
