//! The host functions as a plugin calls them. Each call waits for the reply of the host, which checks
//! the grants. Outside wasm32 a [`Script`](super::Script) replies; without one every call fails with
//! "not inside a host".
//!
//! A function with the name of a host function takes its whole request. [`read`], [`write()`],
//! [`stat`], [`env()`] and [`run`] cover the common cases.
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
//!
//! A whole request, and scripted replies:
//!
//! ```
//! use tollgate_abi::guest::{ErrorKind, Script, host};
//! use tollgate_abi::host::{
//!     FsListReply, FsListRequest, HttpReply, HttpRequest, NetConnectRequest,
//! };
//!
//! let script = Script::new().on("fs_list", |_: FsListRequest| Ok(FsListReply::default()));
//! let request = FsListRequest { path: "/etc".into(), ..FsListRequest::default() };
//! assert!(script.run(|| host::fs_list(&request)).unwrap().entries.is_empty());
//!
//! let request = NetConnectRequest { host: "mail".into(), port: 25, ..Default::default() };
//! let script = Script::new().fail("net_connect", ErrorKind::Network, "refused");
//! assert_eq!(script.run(|| host::net_connect(&request)).unwrap_err().message(), "refused");
//!
//! let script = Script::new().on("http_request", |request: HttpRequest| {
//!     assert_eq!(request.url, "https://example.com/health");
//!     Ok(HttpReply { status_code: 503, ..HttpReply::default() })
//! });
//! let request = HttpRequest { url: "https://example.com/health".into(), ..Default::default() };
//! assert_eq!(script.run(|| host::http_request(&request)).unwrap().status_code, 503);
//! ```

use super::{Error, json};
use crate::{
    base64,
    host::{
        self as shapes, EnvGetRequest, ExecReply, ExecRequest, FsReadReply, FsReadRequest,
        FsStatReply, FsStatRequest, FsWriteRequest, LogAttr, LogMessage,
    },
    wire::Wire,
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;

/// How many bytes [`read`] requests at a time.
pub const PIECE: u64 = 1024 * 1024;

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the levels are fixed by the protocol"
)]
pub enum Level {
    /// For developers of the plugin.
    Debug,
    /// For operators.
    Info,
    /// Something unexpected that the plugin can handle.
    Warn,
    /// A failure.
    Error,
}

impl Level {
    /// The level as a log message carries it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }
}

/// One wrapper for each row of the table of host functions, and its import.
macro_rules! wrappers {
    (
        answering { $(
            $(#[doc = $doc:literal])*
            $constant:ident $name:ident($request:ident) -> $reply:ident $(partial_if $flag:ident)? { $($about:tt)* }
        )* }
        aliases { $($aliases:tt)* }
        silent { $(
            $(#[doc = $silent_doc:literal])*
            $silent_constant:ident $silent:ident($silent_request:ident) { $($silent_about:tt)* }
        )* }
    ) => {
        $(
            $(#[doc = $doc])*
            $(
                ///
                #[doc = concat!("A reply whose `", stringify!($flag), "` is true is returned with its `error`.")]
            )?
            ///
            /// # Errors
            ///
            /// The error of the reply; kind `Internal` if the host sent no valid reply.
            pub fn $name(request: &shapes::$request) -> Result<shapes::$reply, Error> {
                #[allow(unused_mut)]
                let (mut reply, error) = call_host::<shapes::$reply>(import!($name), request)?;
                match error {
                    None => Ok(reply),
                    $(Some(error) if reply.$flag => {
                        reply.error = Some(error.into());
                        Ok(reply)
                    })?
                    Some(error) => Err(error),
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
                $( pub(super) safe fn $silent(request: u64); )*
            }
        }
    };
}

/// The function to call for an import. Outside wasm32 the script finds it by its name.
#[cfg(target_arch = "wasm32")]
macro_rules! import {
    ($name:ident) => {
        imports::$name
    };
}
#[cfg(not(target_arch = "wasm32"))]
macro_rules! import {
    ($name:ident) => {
        stringify!($name)
    };
}

crate::host_functions!(wrappers);

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

/// Returns an environment variable, or `None` if it is not set.
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

/// Returns why the last function of WASI that failed was denied, with the grant that would help: after
/// `std::fs` returned `PermissionDenied` in a plugin with WASI. `None` if it was not denied.
///
/// ```
/// use tollgate_abi::guest::{Error, ErrorKind, Script, host};
/// use tollgate_abi::{ErrorDetail, host::{LastDenialReply, LastDenialRequest}};
///
/// let script = Script::new().on("last_denial", |_: LastDenialRequest| {
///     let denial = ErrorDetail::new("capability", "the grant fs:read:/etc/motd would allow it");
///     Ok(LastDenialReply { denial: Some(denial), ..LastDenialReply::default() })
/// });
/// assert_eq!(script.run(host::denial).unwrap().kind(), ErrorKind::Denied);
/// assert_eq!(Script::new().run(host::denial), None);
/// ```
pub fn denial() -> Option<Error> {
    let reply = last_denial(&shapes::LastDenialRequest::default()).ok()?;
    reply.denial.map(Error::from)
}

/// Describes a file or directory. A symbolic link is followed.
///
/// ```
/// # use tollgate_abi::guest::{Script, host};
/// let script = Script::new().file("/etc/motd", "hello");
/// assert_eq!(script.run(|| host::stat("/etc/motd")).unwrap().size, 5);
/// ```
///
/// # Errors
///
/// As [`fs_read`]; kind `NotFound` if nothing is there.
pub fn stat(path: &str) -> Result<FsStatReply, Error> {
    fs_stat(&FsStatRequest {
        path: path.into(),
        ..FsStatRequest::default()
    })
}

/// Replaces the content of a file, whole or not at all.
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
    transport::send(&crate::to_json(&LogMessage {
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

/// Returns the whole content of a file, read in pieces.
///
/// # Errors
///
/// As [`fs_read`].
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    read_pieces(path, PIECE, |piece| content.extend_from_slice(piece))?;
    Ok(content)
}

/// Passes the content of a file to `take`, piece by piece and in order, so that a large file need not
/// fit into memory. A piece has at most `piece` bytes, or as many as the host allows.
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
/// As [`fs_read`]; `take` may have received pieces before the error.
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
                "the host reports more content and sends none",
            ));
        }
        request.offset = request.offset.saturating_add(bytes.len() as u64);
    }
}

/// Decodes the content of a reply.
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

/// Calls a host function and reads the reply and the error in it.
fn call_host<T: Wire>(
    import: transport::Import,
    request: &impl Serialize,
) -> Result<(T, Option<Error>), Error> {
    struct Reply<T>(T, Option<Error>);
    impl<'de, T: Wire> serde::Deserialize<'de> for Reply<T> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            T::read(deserializer).map(|(reply, error)| Reply(reply, error))
        }
    }
    let request = crate::to_json(request);
    match transport::call(import, &request, json::read::<Reply<T>>)? {
        Ok(Reply(reply, error)) => Ok((reply, error)),
        Err(error) => Err(Error::broken(format!("the host sent a bad reply: {error}"))),
    }
}

/// Requests and replies in linear memory.
#[cfg(target_arch = "wasm32")]
mod transport {
    use super::Error;
    use crate::{PtrLen, guest::exports};

    pub(super) type Import = extern "C" fn(u64) -> u64;

    /// Passes the reply to a request to `read`.
    pub(super) fn call<R>(
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

    pub(super) fn send(message: &[u8]) {
        super::imports::log_message(packed(message));
    }

    /// Packs a request, which stays in place while the host reads it.
    fn packed(request: &[u8]) -> u64 {
        PtrLen::new(
            request.as_ptr().expose_provenance() as u32,
            request.len() as u32,
        )
        .map_or(0, PtrLen::pack)
    }
}

/// Outside wasm32 a script replies.
#[cfg(not(target_arch = "wasm32"))]
mod transport {
    use super::Error;
    use crate::guest::script;

    pub(super) type Import = &'static str;

    pub(super) fn call<R>(
        import: Import,
        request: &[u8],
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        script::reply_to(import, request).map(|reply| read(&reply))
    }

    pub(super) fn send(message: &[u8]) {
        script::record_log_line(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::ErrorKind;

    #[test]
    fn without_a_host_every_call_fails() {
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
            "this line is lost",
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
