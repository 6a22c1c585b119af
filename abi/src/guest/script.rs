//! A host for native tests: scripted replies, through the same JSON as from a real host.

use super::{Error, ErrorKind, Plugin, evidence_of};
use crate::{
    Evidence, base64, from_json,
    host::{
        EnvGetReply, EnvGetRequest, FsReadReply, FsReadRequest, FsStatReply, FsStatRequest,
        LogMessage,
    },
    names::import,
    to_json,
};
use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    format,
    rc::Rc,
    string::{String, ToString},
    vec::Vec,
};
use core::{cell::RefCell, fmt};
use serde::{Serialize, de::DeserializeOwned};

std::thread_local! {
    static PLAYING: RefCell<Option<Rc<RefCell<Scene>>>> = const { RefCell::new(None) };
}

type Answer = Box<dyn FnMut(&[u8]) -> Vec<u8>>;

#[derive(Default)]
struct Scene {
    answers: BTreeMap<String, Answer>,
    files: BTreeMap<String, Vec<u8>>,
    variables: BTreeMap<String, String>,
    calls: Vec<String>,
    lines: Vec<String>,
}

/// A scripted host for a test, on the thread of the test.
///
/// Files and variables work as with a real host that grants everything. Any other function returns
/// what [`on`](Script::on) or [`fail`](Script::fail) sets, and otherwise fails with kind `Unsupported`.
///
/// ```
/// use std::borrow::Cow;
/// use tollgate_abi::guest::{Error, ErrorKind, Evidence, Info, Plugin, Script, host, schema_of};
///
/// tollgate_abi::config! {
///     pub struct Nothing {}
/// }
///
/// struct Motd;
///
/// impl Plugin for Motd {
///     type Config = Nothing;
///     const INFO: Info = Info {
///         name: "motd",
///         version: "1.0.0",
///         description: "Is there a message of the day?",
///         capabilities: &[("fs", "read:/etc/motd")],
///     };
///     fn schema() -> Cow<'static, str> {
///         schema_of::<Nothing>()
///     }
///     fn observe(_: Nothing) -> Result<Evidence, Error> {
///         match host::read("/etc/motd") {
///             Ok(text) => Ok(Evidence::success().with("bytes", text.len())),
///             Err(error) if error.kind() == ErrorKind::NotFound => Ok(Evidence::failure()),
///             Err(error) => Err(error),
///         }
///     }
/// }
///
/// let script = Script::new().file("/etc/motd", "hello");
/// assert_eq!(script.observe::<Motd>("{}").data["bytes"], 5);
/// assert_eq!(script.calls(), ["fs_read"]);
///
/// assert!(!Script::new().observe::<Motd>("{}").status);
///
/// let denied = Script::new().fail("fs_read", ErrorKind::Denied, "no");
/// assert_eq!(denied.observe::<Motd>("{}").error.unwrap().kind, "capability");
/// ```
#[derive(Default)]
pub struct Script {
    scene: Rc<RefCell<Scene>>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scene = self.scene.borrow();
        f.debug_struct("Script")
            .field("replies", &scene.answers.keys())
            .field("files", &scene.files.keys())
            .field("variables", &scene.variables.keys())
            .field("calls", &scene.calls)
            .field("lines", &scene.lines)
            .finish()
    }
}

impl Script {
    /// Creates a host without files and variables.
    pub fn new() -> Script {
        Script::default()
    }

    /// Adds a file that can be read and examined.
    #[must_use]
    pub fn file(self, path: &str, content: impl Into<Vec<u8>>) -> Script {
        let content = content.into();
        self.scene
            .borrow_mut()
            .files
            .insert(path.to_owned(), content);
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(self, name: &str, value: &str) -> Script {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.scene.borrow_mut().variables.insert(name, value);
        self
    }

    /// Sets the reply to every call of a host function, such as `http_request`, instead of files and
    /// variables. The types are those of the function in [`host`](crate::host).
    #[must_use]
    pub fn on<Request, Reply>(
        self,
        function: &str,
        mut answer: impl FnMut(Request) -> Result<Reply, Error> + 'static,
    ) -> Script
    where
        Request: DeserializeOwned,
        Reply: Serialize,
    {
        let answer = move |request: &[u8]| {
            let request = from_json::<Request>(request).map_err(|error| {
                Error::new(
                    ErrorKind::Config,
                    format!("the script expects another request: {error}"),
                )
            });
            reply(request.and_then(&mut answer))
        };
        let mut scene = self.scene.borrow_mut();
        scene.answers.insert(function.to_owned(), Box::new(answer));
        drop(scene);
        self
    }

    /// Sets an error as the reply to every call of a host function.
    #[must_use]
    pub fn fail(self, function: &str, kind: ErrorKind, message: &str) -> Script {
        let error = Error::new(kind, message);
        self.on(function, move |_: serde_json::Value| {
            Err::<(), Error>(error.clone())
        })
    }

    /// Runs `act` with this as its host.
    pub fn run<T>(&self, act: impl FnOnce() -> T) -> T {
        struct Restore(Option<Rc<RefCell<Scene>>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                let before = self.0.take();
                PLAYING.with_borrow_mut(|playing| *playing = before);
            }
        }
        let before = PLAYING.with_borrow_mut(|playing| playing.replace(self.scene.clone()));
        // Also when `act` panics: the next test may be on the same thread.
        let _restore = Restore(before);
        act()
    }

    /// Runs a plugin with this host and a config in JSON, and returns its evidence.
    pub fn observe<P: Plugin>(&self, config: &str) -> Evidence {
        self.run(|| evidence_of::<P>(config.as_bytes()))
    }

    /// Returns the names of the functions that were called, in order, without log lines.
    pub fn calls(&self) -> Vec<String> {
        self.scene.borrow().calls.clone()
    }

    /// Returns the log lines: level, message, and attributes as `key=value`.
    pub fn lines(&self) -> Vec<String> {
        self.scene.borrow().lines.clone()
    }
}

/// A reply in JSON, or an error in the place of one.
fn reply<T: Serialize>(answer: Result<T, Error>) -> Vec<u8> {
    match answer {
        Ok(reply) => to_json(&reply),
        Err(error) => {
            let mut json = b"{\"error\":".to_vec();
            json.extend(to_json(&error.0));
            json.push(b'}');
            json
        }
    }
}

/// The reply of the current script.
pub(super) fn reply_to(name: &str, request: &[u8]) -> Result<Vec<u8>, Error> {
    let Some(scene) = PLAYING.with_borrow(Clone::clone) else {
        return Err(Error::broken("not inside a host"));
    };
    // Taken out while it runs: it may run another plugin with this script.
    let mine = {
        let mut scene = scene.borrow_mut();
        scene.calls.push(name.to_owned());
        scene.answers.remove(name)
    };
    Ok(match mine {
        Some(mut answer) => {
            let reply = answer(request);
            scene.borrow_mut().answers.insert(name.to_owned(), answer);
            reply
        }
        None => scene.borrow().usual(name, request),
    })
}

pub(super) fn record_log_line(message: &[u8]) {
    let Some(scene) = PLAYING.with_borrow(Clone::clone) else {
        return;
    };
    let message: LogMessage = from_json(message).unwrap_or_default();
    let attrs = message.attrs.iter();
    let attrs = attrs.map(|attr| format!(" {}={}", attr.key, attr.value));
    let line = format!(
        "{} {}{}",
        message.level,
        message.message,
        attrs.collect::<String>()
    );
    scene.borrow_mut().lines.push(line);
}

impl Scene {
    fn usual(&self, name: &str, request: &[u8]) -> Vec<u8> {
        match name {
            import::FS_READ => reply(with(request, |request| self.read(&request))),
            import::FS_STAT => reply(with(request, |request: FsStatRequest| {
                let size = self.find(&request.path)?.len() as u64;
                Ok(FsStatReply {
                    kind: "file".into(),
                    size,
                    mode: 0o644,
                    modified: "2026-01-01T00:00:00Z".into(),
                    ..FsStatReply::default()
                })
            })),
            import::ENV_GET => reply(with(request, |request: EnvGetRequest| {
                let value = self.variables.get(&request.name);
                Ok(EnvGetReply {
                    is_set: value.is_some(),
                    value: value.cloned().unwrap_or_default(),
                    error: None,
                })
            })),
            _ => {
                let message = format!("the script has no answer for {name}");
                reply(Err::<(), Error>(Error::new(
                    ErrorKind::Unsupported,
                    message,
                )))
            }
        }
    }

    fn find(&self, path: &str) -> Result<&[u8], Error> {
        let found = self.files.get(path).map(Vec::as_slice);
        found.ok_or_else(|| {
            let message = format!("{path}: no such file or directory");
            Error::new(ErrorKind::NotFound, message).with_code("ENOENT")
        })
    }

    fn read(&self, request: &FsReadRequest) -> Result<FsReadReply, Error> {
        let content = self.find(&request.path)?;
        let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let rest = content.get(offset..).unwrap_or_default();
        let limit = match request.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let piece = rest.get(..limit).unwrap_or(rest);
        let utf8 = request.encoding == "utf-8";
        Ok(FsReadReply {
            content: if utf8 {
                String::from_utf8_lossy(piece).into_owned()
            } else {
                base64::encode(piece)
            },
            encoding: if utf8 { "utf-8" } else { "base64" }.to_string(),
            size: content.len() as u64,
            truncated: piece.len() < rest.len(),
            error: None,
        })
    }
}

fn with<Request: DeserializeOwned, Reply>(
    request: &[u8],
    answer: impl FnOnce(Request) -> Result<Reply, Error>,
) -> Result<Reply, Error> {
    let request = from_json(request);
    answer(request.map_err(|error| Error::broken(format!("a bad request: {error}")))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::host;

    #[test]
    fn a_script_ends_with_its_run_even_by_a_panic() {
        let script = Script::new().variable("A", "1");
        let caught = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            script.run(|| panic!("as planned"));
        }));
        assert!(caught.is_err());
        assert_eq!(host::env("A").unwrap_err().message(), "not inside a host");
        let other = Script::new().variable("A", "2");
        let both = script.run(|| (other.run(|| host::env("A")), host::env("A")));
        assert_eq!(both, (Ok(Some("2".into())), Ok(Some("1".into()))));
    }

    #[test]
    fn a_function_without_an_answer_is_unsupported() {
        let error = Script::new()
            .run(|| host::dns_lookup(&Default::default()))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("dns_lookup"));
    }

    #[test]
    fn a_command_that_timed_out_is_returned_with_its_output() {
        use crate::host::{ExecReply, ExecRequest};
        let script = Script::new().on("exec_run", |_: ExecRequest| {
            Ok(ExecReply {
                stdout: "half".into(),
                is_timeout: true,
                error: Some(Error::new(ErrorKind::Timeout, "late").into()),
                ..ExecReply::default()
            })
        });
        let reply = script.run(|| host::run("sleep", &["9"])).unwrap();
        assert_eq!(
            (reply.stdout.as_str(), reply.error.unwrap().is_timeout),
            ("half", true)
        );
        let script = Script::new().fail("exec_run", ErrorKind::Execution, "no such command");
        assert_eq!(
            script.run(|| host::run("x", &[])).unwrap_err().kind(),
            ErrorKind::Execution
        );
    }
}
