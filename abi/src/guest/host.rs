//! The host functions as a plugin calls them. Each asks the host and waits for the answer; whether
//! the answer is "no" is the host's business. Outside wasm32 the answers come out of a
//! [`Script`](super::Script), and without one every request fails with "not inside a host".
//!
//! The functions named like the host's take its whole request. [`read`], [`write()`], [`stat`],
//! [`env()`] and [`run`] are the same for the usual case.
//!
//! ```
//! use tollgate_abi::guest::{ErrorKind, Script, host};
//!
//! let script = Script::new().file("/etc/motd", "hello").variable("LANG", "C");
//! script.run(|| {
//!     assert_eq!(host::read("/etc/motd").unwrap(), b"hello");
//!     assert_eq!(host::env("LANG").unwrap().as_deref(), Some("C"));
//!     assert_eq!(host::read("/etc/shadow").unwrap_err().kind(), ErrorKind::NotFound);
//! });
//! ```

use super::{Error, json};
use crate::{
    base64,
    host::{
        DnsLookupReply, DnsLookupRequest, EnvGetReply, EnvGetRequest, ExecReply, ExecRequest,
        FsListReply, FsListRequest, FsReadReply, FsReadRequest, FsStatReply, FsStatRequest,
        FsWriteReply, FsWriteRequest, HttpReply, HttpRequest, LogAttr, LogMessage, NetConnectReply,
        NetConnectRequest, SmtpConnectReply, SmtpConnectRequest, TcpConnectReply,
        TcpConnectRequest,
    },
    wire::Wire,
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;

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
    ( $( $(#[$doc:meta])* $name:ident($request:ident) -> $reply:ident; )* ) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// The host's refusal or failure, or kind `Internal` if there was no proper reply.
            pub fn $name(request: &$request) -> Result<$reply, Error> {
                match ask::<$reply>(call!($name), request)? {
                    (_, Some(error)) => Err(error),
                    (reply, None) => Ok(reply),
                }
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
                pub(super) safe fn exec_run(request: u64) -> u64;
                pub(super) safe fn log_message(request: u64);
            }
        }
    };
}

/// The function to call for an import. Outside wasm32 the script knows it by its name.
#[cfg(target_arch = "wasm32")]
macro_rules! call {
    ($name:ident) => {
        imports::$name
    };
}
#[cfg(not(target_arch = "wasm32"))]
macro_rules! call {
    ($name:ident) => {
        stringify!($name)
    };
}

host_functions! {
    /// Reads a file, or a piece of it. See [`read`] and [`content`].
    fs_read(FsReadRequest) -> FsReadReply;
    /// Examines a path. See [`stat`].
    fs_stat(FsStatRequest) -> FsStatReply;
    /// Lists a directory.
    ///
    /// ```
    /// use tollgate_abi::guest::{Script, host};
    /// use tollgate_abi::host::{FsListReply, FsListRequest};
    ///
    /// let script = Script::new().on("fs_list", |_: FsListRequest| Ok(FsListReply::default()));
    /// let request = FsListRequest { path: "/etc".into(), ..FsListRequest::default() };
    /// assert!(script.run(|| host::fs_list(&request)).unwrap().entries.is_empty());
    /// ```
    fs_list(FsListRequest) -> FsListReply;
    /// Writes a file. See [`write()`].
    fs_write(FsWriteRequest) -> FsWriteReply;
    /// Reads a variable of the environment. See [`env()`].
    env_get(EnvGetRequest) -> EnvGetReply;
    /// Connects, sends and receives.
    ///
    /// ```
    /// use tollgate_abi::guest::{ErrorKind, Script, host};
    /// use tollgate_abi::host::NetConnectRequest;
    ///
    /// let request = NetConnectRequest { host: "mail".into(), port: 25, ..Default::default() };
    /// let script = Script::new().fail("net_connect", ErrorKind::Network, "refused");
    /// assert_eq!(script.run(|| host::net_connect(&request)).unwrap_err().message(), "refused");
    /// ```
    net_connect(NetConnectRequest) -> NetConnectReply;
    /// Tries a connection; like [`net_connect`].
    tcp_connect(TcpConnectRequest) -> TcpConnectReply;
    /// Fetches a URL.
    ///
    /// ```
    /// use tollgate_abi::guest::{Script, host};
    /// use tollgate_abi::host::{HttpReply, HttpRequest};
    ///
    /// let script = Script::new().on("http_request", |request: HttpRequest| {
    ///     assert_eq!(request.url, "https://example.com/health");
    ///     Ok(HttpReply { status_code: 503, ..HttpReply::default() })
    /// });
    /// let request = HttpRequest { url: "https://example.com/health".into(), ..Default::default() };
    /// assert_eq!(script.run(|| host::http_request(&request)).unwrap().status_code, 503);
    /// ```
    http_request(HttpRequest) -> HttpReply;
    /// Looks a name up; like [`http_request`].
    dns_lookup(DnsLookupRequest) -> DnsLookupReply;
    /// Asks a mail server for its greeting; like [`net_connect`].
    smtp_connect(SmtpConnectRequest) -> SmtpConnectReply;
}

/// Runs a command to its end. A reply says how it ended, which may be with a failure, or that its
/// time was up: then `is_timeout` and `error` are set beside what it had written. See [`run`].
///
/// # Errors
///
/// As [`fs_read`], if the command did not run.
pub fn exec_run(request: &ExecRequest) -> Result<ExecReply, Error> {
    let (mut reply, error) = ask::<ExecReply>(call!(exec_run), request)?;
    match error {
        Some(error) if !reply.is_timeout => Err(error),
        error => {
            reply.error = error.map(Into::into);
            Ok(reply)
        }
    }
}

/// Runs a command with these arguments, as [`exec_run`] does.
///
/// ```
/// use tollgate_abi::guest::{Script, host};
/// use tollgate_abi::host::{ExecReply, ExecRequest};
///
/// let script = Script::new().on("exec_run", |request: ExecRequest| {
///     assert_eq!((request.command.as_str(), request.args.len()), ("/bin/uname", 1));
///     Ok(ExecReply { stdout: "Linux".into(), ..ExecReply::default() })
/// });
/// assert_eq!(script.run(|| host::run("/bin/uname", &["-s"])).unwrap().stdout, "Linux");
/// ```
///
/// # Errors
///
/// As [`exec_run`].
pub fn run(command: &str, args: &[&str]) -> Result<ExecReply, Error> {
    exec_run(&ExecRequest {
        command: command.into(),
        args: args.iter().map(|&arg| arg.into()).collect(),
        ..ExecRequest::default()
    })
}

/// The value of a variable, or `None` if it is not set.
///
/// ```
/// # use tollgate_abi::guest::{Script, host};
/// let script = Script::new().variable("HOME", "/root");
/// assert_eq!(script.run(|| host::env("HOME")).unwrap().as_deref(), Some("/root"));
/// assert_eq!(script.run(|| host::env("PAGER")).unwrap(), None);
/// ```
///
/// # Errors
///
/// As [`fs_read`].
pub fn env(name: &str) -> Result<Option<String>, Error> {
    let reply = env_get(&EnvGetRequest {
        name: name.into(),
        ..EnvGetRequest::default()
    })?;
    Ok(reply.is_set.then_some(reply.value))
}

/// What a path names, a symbolic link followed.
///
/// ```
/// # use tollgate_abi::guest::{Script, host};
/// let script = Script::new().file("/etc/motd", "hello");
/// assert_eq!(script.run(|| host::stat("/etc/motd")).unwrap().size, 5);
/// ```
///
/// # Errors
///
/// As [`fs_read`]; kind `NotFound` if there is nothing.
pub fn stat(path: &str) -> Result<FsStatReply, Error> {
    fs_stat(&FsStatRequest {
        path: path.into(),
        ..FsStatRequest::default()
    })
}

/// Writes a file: the new content takes the old one's place, or nothing changes.
///
/// ```
/// use tollgate_abi::guest::{Script, host};
/// use tollgate_abi::host::{FsWriteReply, FsWriteRequest};
///
/// let script = Script::new().on("fs_write", |request: FsWriteRequest| {
///     assert_eq!(request.content, "b2s=");
///     Ok(FsWriteReply { written: 2, ..FsWriteReply::default() })
/// });
/// script.run(|| host::write("/srv/state", b"ok")).unwrap();
/// ```
///
/// # Errors
///
/// As [`fs_read`].
pub fn write(path: &str, content: &[u8]) -> Result<(), Error> {
    fs_write(&FsWriteRequest {
        path: path.into(),
        content: base64::encode(content),
        ..FsWriteRequest::default()
    })
    .map(|_| ())
}

/// Writes a line to the host's log.
///
/// ```
/// use tollgate_abi::guest::{Script, host::{self, Level}};
///
/// let script = Script::new();
/// script.run(|| host::log(Level::Warn, "nearly full", vec![host::attr("disk", "/srv")]));
/// assert_eq!(script.lines(), ["WARN nearly full disk=/srv"]);
/// ```
pub fn log(level: Level, message: impl Into<String>, attrs: Vec<LogAttr>) {
    wire::tell(&crate::to_json(&LogMessage {
        level: level.as_str().into(),
        message: message.into(),
        attrs,
        ..LogMessage::default()
    }));
}

/// An attribute of type `string` for [`log()`].
pub fn attr(key: &str, value: impl Into<String>) -> LogAttr {
    LogAttr {
        key: key.into(),
        kind: "string".into(),
        value: value.into(),
    }
}

/// The whole content of a file, asked for in pieces.
///
/// # Errors
///
/// As [`fs_read`].
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    read_pieces(path, PIECE, |piece| content.extend_from_slice(piece))?;
    Ok(content)
}

/// Gives `take` the content of a file, piece by piece in order, so that a large file need not fit
/// into memory. A piece has at most `piece` bytes, or as many as the host allows.
///
/// ```
/// # use tollgate_abi::guest::{Script, host};
/// let mut sizes = vec![];
/// let script = Script::new().file("/a", "12345");
/// script.run(|| host::read_pieces("/a", 2, |piece| sizes.push(piece.len()))).unwrap();
/// assert_eq!(sizes, [2, 2, 1]);
/// ```
///
/// # Errors
///
/// As [`fs_read`]; `take` may have seen pieces by then.
pub fn read_pieces(path: &str, piece: u64, mut take: impl FnMut(&[u8])) -> Result<(), Error> {
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
            return Err(Error::broken(
                "the host says that the file goes on and sends nothing",
            ));
        }
        request.offset = request.offset.saturating_add(bytes.len() as u64);
    }
}

/// The bytes of a reply, whichever encoding it came in.
///
/// ```
/// # use tollgate_abi::{guest::host, host::FsReadReply};
/// let reply = FsReadReply { content: "aGk=".into(), ..FsReadReply::default() };
/// assert_eq!(host::content(&reply).unwrap(), b"hi");
/// ```
///
/// # Errors
///
/// Kind `Internal` if the content is not in the encoding that the reply names.
pub fn content(reply: &FsReadReply) -> Result<Vec<u8>, Error> {
    if reply.encoding == "utf-8" {
        return Ok(reply.content.as_bytes().into());
    }
    base64::decode(&reply.content)
        .map_err(|error| Error::broken(format!("the host sent a file in bad base64: {error}")))
}

/// Asks the host, and reads the reply and the error in it.
fn ask<T: Wire>(
    import: wire::Import,
    request: &impl Serialize,
) -> Result<(T, Option<Error>), Error> {
    struct Reply<T>(T, Option<Error>);
    impl<'de, T: Wire> serde::Deserialize<'de> for Reply<T> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            T::read(deserializer).map(|(reply, error)| Reply(reply, error))
        }
    }
    let request = crate::to_json(request);
    match wire::ask(import, &request, json::read::<Reply<T>>)? {
        Ok(Reply(reply, error)) => Ok((reply, error)),
        Err(error) => Err(Error::broken(format!("the host sent a bad reply: {error}"))),
    }
}

/// Requests and replies in linear memory.
#[cfg(target_arch = "wasm32")]
mod wire {
    use super::Error;
    use crate::{PtrLen, guest::exports};

    pub(super) type Import = extern "C" fn(u64) -> u64;

    /// Gives `read` the reply to a request.
    pub(super) fn ask<R>(
        import: Import,
        request: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        let range = match PtrLen::unpack(import(packed(request))) {
            Ok(range) if !range.is_empty() => range,
            Ok(_) => return Err(Error::broken("the host sent no reply")),
            Err(_) => return Err(Error::broken("the host sent a reply at address 0")),
        };
        let decoded = exports::with_buffer(range, read);
        exports::release(range);
        decoded.ok_or_else(|| {
            Error::broken("the host sent a reply that is not in a buffer from `allocate`")
        })
    }

    pub(super) fn tell(message: &[u8]) {
        super::imports::log_message(packed(message));
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

/// Outside wasm32 a script plays the host.
#[cfg(not(target_arch = "wasm32"))]
mod wire {
    use super::Error;
    use crate::guest::script;

    pub(super) type Import = &'static str;

    pub(super) fn ask<R>(
        import: Import,
        request: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        script::answer(import, request).map(|reply| read(&reply))
    }

    pub(super) fn tell(message: &[u8]) {
        script::hear(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::ErrorKind;

    #[test]
    fn without_a_host_every_request_fails() {
        assert_eq!(read("/etc/motd"), Err(Error::broken("not inside a host")));
        assert_eq!(
            fs_stat(&FsStatRequest::default()),
            Err(Error::broken("not inside a host"))
        );
        assert_eq!(
            exec_run(&ExecRequest::default()),
            Err(Error::broken("not inside a host"))
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
            content(&reply("foo", "base64")).unwrap_err().kind(),
            ErrorKind::Internal
        );
    }
}
