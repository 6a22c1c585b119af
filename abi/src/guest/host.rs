//! The host functions as a plugin calls them. Each asks the host and waits for the answer; whether
//! the answer is "no" is the host's business. Outside wasm32 every wish fails with
//! "not inside a host", and log lines go nowhere.

use crate::{
    ErrorDetail, base64,
    host::{
        DnsLookupReply, DnsLookupRequest, EnvGetReply, EnvGetRequest, ExecReply, ExecRequest,
        FsListReply, FsListRequest, FsReadReply, FsReadRequest, FsStatReply, FsStatRequest,
        FsWriteReply, FsWriteRequest, HttpReply, HttpRequest, LogAttr, LogMessage, NetConnectReply,
        NetConnectRequest, SmtpConnectReply, SmtpConnectRequest, TcpConnectReply,
        TcpConnectRequest, kinds,
    },
};
use alloc::{format, string::String, vec::Vec};

/// How many bytes [`read`] asks for at a time.
pub const PIECE: u64 = 1024 * 1024;

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever works on the plugin.
    Debug,
    /// For whoever runs it.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

impl Level {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }
}

/// One wrapper for each host function that answers.
macro_rules! host_functions {
    (
        $( $(#[$doc:meta])* $name:ident($request:ident) -> $reply:ident; )*
        ; $($special:ident)*
    ) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// The host's refusal or failure as it was sent, or type `internal` if there was no
            /// proper reply.
            pub fn $name(request: &$request) -> Result<$reply, ErrorDetail> {
                let mut reply: $reply = wire::ask(imports::$name, request)?;
                reply.error.take().map_or(Ok(reply), Err)
            }
        )*

        #[cfg(target_arch = "wasm32")]
        mod imports {
            // SAFETY: these are the names and types of the contract. They are safe to call with
            // any number: the host checks the range, only reads it, and writes only to what
            // `allocate` gave it.
            #[allow(unsafe_code)]
            #[link(wasm_import_module = "reglet_host")]
            unsafe extern "C" {
                $( pub(super) safe fn $name(request: u64) -> u64; )*
                $( pub(super) safe fn $special(request: u64) -> u64; )*
                pub(super) safe fn log_message(request: u64);
            }
        }

        /// Outside wasm32 there is no host, but something must stand for its functions.
        #[cfg(not(target_arch = "wasm32"))]
        mod imports {
            $( pub(super) fn $name() {} )*
            $( pub(super) fn $special() {} )*
        }
    };
}

host_functions! {
    /// Reads a file, or a piece of it.
    fs_read(FsReadRequest) -> FsReadReply;
    /// Examines a path.
    fs_stat(FsStatRequest) -> FsStatReply;
    /// Lists a directory.
    fs_list(FsListRequest) -> FsListReply;
    /// Writes a file.
    fs_write(FsWriteRequest) -> FsWriteReply;
    /// Reads a variable of the environment.
    env_get(EnvGetRequest) -> EnvGetReply;
    /// Connects, sends and receives.
    net_connect(NetConnectRequest) -> NetConnectReply;
    /// Tries a connection.
    tcp_connect(TcpConnectRequest) -> TcpConnectReply;
    /// Fetches a URL.
    http_request(HttpRequest) -> HttpReply;
    /// Looks a name up.
    dns_lookup(DnsLookupRequest) -> DnsLookupReply;
    /// Asks a mail server for its greeting.
    smtp_connect(SmtpConnectRequest) -> SmtpConnectReply;
    ; exec_run // Its reply is more than its error, so its wrapper is written by hand.
}

/// Runs a command to its end. A reply says how it ended, which may be with a failure, or that its
/// time was up: then `is_timeout` and `error` are set beside what it had written.
///
/// # Errors
///
/// As [`fs_read`], if the command did not run.
pub fn exec_run(request: &ExecRequest) -> Result<ExecReply, ErrorDetail> {
    let mut reply: ExecReply = wire::ask(imports::exec_run, request)?;
    if reply.is_timeout {
        return Ok(reply);
    }
    reply.error.take().map_or(Ok(reply), Err)
}

/// Writes a line to the host's log.
pub fn log(level: Level, message: impl Into<String>, attrs: Vec<LogAttr>) {
    wire::tell(&LogMessage {
        level: level.as_str().into(),
        message: message.into(),
        attrs,
        ..LogMessage::default()
    });
}

/// An attribute of type `string` for [`log`].
pub fn attr(key: &str, value: impl Into<String>) -> LogAttr {
    LogAttr {
        key: key.into(),
        kind: "string".into(),
        value: value.into(),
    }
}

/// The whole content of a file.
///
/// # Errors
///
/// As [`fs_read`].
pub fn read(path: &str) -> Result<Vec<u8>, ErrorDetail> {
    let mut content = Vec::new();
    read_pieces(path, PIECE, |piece| content.extend_from_slice(piece))?;
    Ok(content)
}

/// Gives `take` the content of a file, piece by piece in order, so that a large file need not fit
/// into memory. A piece has at most `piece` bytes, or as many as the host allows.
///
/// # Errors
///
/// As [`fs_read`]; `take` may have seen pieces by then.
pub fn read_pieces(path: &str, piece: u64, mut take: impl FnMut(&[u8])) -> Result<(), ErrorDetail> {
    let mut request = FsReadRequest {
        path: path.into(),
        limit: piece,
        ..FsReadRequest::default()
    };
    loop {
        let reply = fs_read(&request)?;
        let bytes = content(&reply)?;
        take(&bytes);
        if !reply.truncated {
            return Ok(());
        }
        if bytes.is_empty() {
            return Err(broken(
                "the host says that the file goes on and sends nothing",
            ));
        }
        request.offset = request.offset.saturating_add(bytes.len() as u64);
    }
}

/// The bytes of a reply, whichever encoding it came in.
///
/// # Errors
///
/// Type `internal` if the content is not in the encoding that the reply names.
pub fn content(reply: &FsReadReply) -> Result<Vec<u8>, ErrorDetail> {
    if reply.encoding == "utf-8" {
        return Ok(reply.content.as_bytes().into());
    }
    base64::decode(&reply.content)
        .map_err(|error| broken(format!("the host sent a file in bad base64: {error}")))
}

fn broken(message: impl Into<String>) -> ErrorDetail {
    ErrorDetail::new(kinds::INTERNAL, message)
}

/// Requests and replies in linear memory.
#[cfg(target_arch = "wasm32")]
mod wire {
    use super::broken;
    use crate::{ErrorDetail, PtrLen, from_json, guest::exports, host::LogMessage, to_json};
    use alloc::format;
    use serde::{Serialize, de::DeserializeOwned};

    pub(super) fn ask<T: DeserializeOwned>(
        import: extern "C" fn(u64) -> u64,
        request: &impl Serialize,
    ) -> Result<T, ErrorDetail> {
        let request = to_json(request);
        let reply = import(packed(&request));
        let range = match PtrLen::unpack(reply) {
            Ok(range) if !range.is_empty() => range,
            Ok(_) => return Err(broken("the host sent no reply")),
            Err(error) => return Err(broken(format!("the host sent a bad reply: {error}"))),
        };
        let decoded = exports::with_buffer(range, from_json);
        exports::release(range);
        match decoded {
            Some(Ok(reply)) => Ok(reply),
            Some(Err(error)) => Err(broken(format!("the host sent a bad reply: {error}"))),
            None => Err(broken(
                "the host sent a reply that is not in a buffer from `allocate`",
            )),
        }
    }

    pub(super) fn tell(message: &LogMessage) {
        let message = to_json(message);
        super::imports::log_message(packed(&message));
    }

    /// The place of a request, which stays valid while its owner waits for the host.
    fn packed(request: &[u8]) -> u64 {
        PtrLen::new(
            request.as_ptr().expose_provenance() as u32,
            request.len() as u32,
        )
        .map_or(0, PtrLen::pack)
    }
}

/// Outside wasm32 there is no host.
#[cfg(not(target_arch = "wasm32"))]
mod wire {
    use super::broken;
    use crate::{ErrorDetail, host::LogMessage};

    pub(super) fn ask<T, R>(_import: fn(), _request: &R) -> Result<T, ErrorDetail> {
        Err(broken("not inside a host"))
    }

    pub(super) fn tell(_message: &LogMessage) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_every_wish_fails() {
        assert_eq!(read("/etc/motd"), Err(broken("not inside a host")));
        assert_eq!(
            fs_stat(&FsStatRequest::default()),
            Err(broken("not inside a host"))
        );
        assert_eq!(
            exec_run(&ExecRequest::default()),
            Err(broken("not inside a host"))
        );
        log(
            Level::Info,
            "nobody hears this",
            [attr("key", "value")].into(),
        );
    }

    #[test]
    fn content_is_decoded_as_the_reply_says() {
        let reply = |content: &str, encoding: &str| FsReadReply {
            content: content.into(),
            encoding: encoding.into(),
            ..FsReadReply::default()
        };
        assert_eq!(content(&reply("Zm9v", "base64")).unwrap(), b"foo");
        assert_eq!(content(&reply("Zm9v", "")).unwrap(), b"foo");
        assert_eq!(content(&reply("Zm9v", "utf-8")).unwrap(), b"Zm9v");
        assert_eq!(
            content(&reply("foo", "base64")).unwrap_err().kind,
            kinds::INTERNAL
        );
    }
}
