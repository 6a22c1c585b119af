//! `tollgate_error`: why a function failed, field by field. And the guard around every function: no panic
//! reaches C, and a function that is given an error that is already set does nothing.

use serde_json::{Map, Value, json};
use std::{
    ffi::{CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};
use tollgate::{
    Error,
    printable::{self, write_printable},
    replay::{BadTranscript, ReplayError},
};

/// `tollgate_status`: whose fault it is, in the numbers of the command line's exit codes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Nothing failed.
    Ok = 0,
    /// An argument, an option, a config or a file is wrong.
    BadInput = 2,
    /// The plugin cannot be loaded, or did not run to its end.
    PluginFailed = 3,
    /// The transcript holds another run.
    Diverged = 4,
    /// A fault of this library's.
    Internal = 5,
}

/// `tollgate_error`.
#[derive(Debug)]
pub struct ErrorHandle {
    status: Status,
    kind: CString,
    message: CString,
    plugin: CString,
    backtrace: CString,
    grants: CString,
    json: CString,
}

/// A failure on its way to C.
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) kind: &'static str,
    pub(crate) message: String,
    pub(crate) plugin: String,
    pub(crate) backtrace: String,
    /// The grants that the denied requests of the call needed.
    pub(crate) grants: Vec<String>,
    /// What else its JSON has.
    pub(crate) more: Value,
}

impl Failure {
    fn new(status: Status, kind: &'static str, message: impl Into<String>) -> Failure {
        Failure {
            status,
            kind,
            message: message.into(),
            plugin: String::new(),
            backtrace: String::new(),
            grants: Vec::new(),
            more: Value::Null,
        }
    }

    pub(crate) fn bad(kind: &'static str, message: impl Into<String>) -> Failure {
        Failure::new(Status::BadInput, kind, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Failure {
        Failure::bad("argument", message)
    }

    pub(crate) fn internal(message: &str) -> Failure {
        Failure::new(Status::Internal, "internal", message)
    }

    /// The error as one JSON object. What the library's own error has is its.
    pub(crate) fn json(&self) -> Value {
        let mut json = Map::new();
        json.insert("kind".to_owned(), self.kind.into());
        json.insert("message".to_owned(), self.message.as_str().into());
        if !self.plugin.is_empty() {
            json.insert("plugin".to_owned(), self.plugin.as_str().into());
        }
        if !self.grants.is_empty() {
            json.insert("grants".to_owned(), json!(self.grants));
        }
        if let Value::Object(more) = &self.more {
            json.extend(more.clone());
        }
        json.into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::Build(_) | Error::Config { .. } | Error::NotLoaded { .. } => Status::BadInput,
            _ => Status::PluginFailed,
        };
        let more = json!(error);
        let text = |key: &str| more.get(key).and_then(Value::as_str).unwrap_or_default();
        let backtrace = error.backtrace().map(ToString::to_string);
        Failure {
            plugin: text("plugin").to_owned(),
            backtrace: backtrace.unwrap_or_default(),
            kind: kind(text("kind")),
            ..Failure::new(status, "", error.report())
        }
        .with(more)
    }
}

/// A kind of the library's errors, for ever.
fn kind(kind: &str) -> &'static str {
    const KINDS: [&str; 9] = [
        "build",
        "load",
        "bake",
        "snapshot",
        "not_loaded",
        "config",
        "busy",
        "fault",
        "protocol",
    ];
    let known = KINDS.into_iter().find(|known| *known == kind);
    known.unwrap_or("other")
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        let (kind, status, more) = match &error {
            ReplayError::Diverged(divergence) => (
                "diverged",
                Status::Diverged,
                json!({"divergence": divergence}),
            ),
            ReplayError::Io { .. } => ("io", Status::BadInput, json!({})),
            ReplayError::Bad(bad) => ("transcript", Status::BadInput, json!({"line": bad.line})),
            ReplayError::Limit { plugin, .. } => {
                ("limit", Status::BadInput, json!({"plugin": plugin}))
            }
            ReplayError::Cancelled => ("cancelled", Status::PluginFailed, json!({})),
            _ => ("other", Status::PluginFailed, json!({})),
        };
        let backtrace = match &error {
            ReplayError::Diverged(divergence) => divergence.backtrace.as_ref(),
            _ => None,
        };
        Failure {
            backtrace: backtrace.map(ToString::to_string).unwrap_or_default(),
            ..Failure::new(status, kind, error.report())
        }
        .with(more)
    }
}

impl From<BadTranscript> for Failure {
    fn from(error: BadTranscript) -> Failure {
        ReplayError::from(error).into()
    }
}

impl Failure {
    fn with(self, more: Value) -> Failure {
        Failure { more, ..self }
    }

    /// The same failure of a plugin of this name.
    pub(crate) fn of(self, plugin: &str) -> Failure {
        Failure {
            plugin: plugin.to_owned(),
            ..self
        }
    }
}

impl From<Failure> for ErrorHandle {
    fn from(failure: Failure) -> ErrorHandle {
        ErrorHandle {
            status: failure.status,
            kind: lines(failure.kind),
            message: lines(&failure.message),
            plugin: lines(&failure.plugin),
            backtrace: lines(&failure.backtrace),
            grants: lines(&failure.grants.join("\n")),
            json: CString::new(printable::json(&failure.json().to_string())).unwrap_or_default(),
        }
    }
}

/// The most bytes of one line of an error.
const MAX_LINE: usize = 64 << 10;

/// Lines that are safe to print. Errors are so by themselves; what they are put together with may come from
/// anywhere, NUL included.
fn lines(message: &str) -> CString {
    let mut text = String::new();
    for (number, line) in message.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = write_printable(&mut text, line, MAX_LINE);
    }
    CString::new(text).unwrap_or_default()
}

/// Runs the body of an exported function, and sets the caller's error if it fails.
///
/// # Safety
///
/// `error` is NULL or points to NULL or an error.
pub(crate) unsafe fn guarded<T>(
    error: *mut *mut ErrorHandle,
    failed: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> T {
    // SAFETY: the caller promises it.
    let mut place = unsafe { error.as_mut() };
    if place.as_ref().is_some_and(|place| !place.is_null()) {
        return failed;
    }
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => return value,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::internal("tollgate panicked; please report it"),
    };
    if let Some(place) = &mut place {
        **place = Box::into_raw(Box::new(failure.into()));
    }
    failed
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_status(error: *const ErrorHandle) -> Status {
    // SAFETY: the caller promises it.
    let error = unsafe { error.as_ref() };
    error.map_or(Status::Ok, |error| error.status)
}

/// A field of an error; the empty text without an error.
///
/// # Safety
///
/// The error is NULL or alive.
unsafe fn field(error: *const ErrorHandle, field: fn(&ErrorHandle) -> &CString) -> *const c_char {
    // SAFETY: the caller promises it.
    let error = unsafe { error.as_ref() };
    error.map_or(c"".as_ptr(), |error| field(error).as_ptr())
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_kind(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.kind) }
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_message(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.message) }
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_plugin(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.plugin) }
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_backtrace(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.backtrace) }
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_grants(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.grants) }
}

/// # Safety
///
/// The error is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_json(error: *const ErrorHandle) -> *const c_char {
    // SAFETY: the caller promises it.
    unsafe { field(error, |error| &error.json) }
}

/// # Safety
///
/// `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_error_clear(error: *mut *mut ErrorHandle) {
    // SAFETY: the caller promises it.
    let Some(place) = (unsafe { error.as_mut() }) else {
        return;
    };
    let error = std::mem::replace(place, ptr::null_mut());
    if !error.is_null() {
        // SAFETY: it came from `guarded`, as the caller promises.
        drop(unsafe { Box::from_raw(error) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::panic, reason = "what is tested")]
    fn a_panic_is_an_error() {
        let mut error = ptr::null_mut();
        // SAFETY: the place of the error is ours.
        let result = unsafe { guarded(&raw mut error, 7, || panic!("not to reach C")) };
        assert_eq!(result, 7);
        // SAFETY: the error is alive until it is cleared.
        unsafe {
            assert_eq!(tollgate_error_status(error), Status::Internal);
            tollgate_error_clear(&raw mut error);
        }
        assert!(error.is_null());
    }

    #[test]
    fn the_kinds_are_those_of_the_library() {
        let error = Error::NotLoaded { plugin: "x".into() };
        assert_eq!(Failure::from(error).kind, "not_loaded");
        assert_eq!(kind("fault"), "fault");
        assert_eq!(kind("new"), "other");
    }

    #[test]
    fn texts_are_printable_and_keep_their_lines() {
        let text = lines("one\n\u{9b}two\0");
        assert_eq!(text.to_str(), Ok("one\n\\u{9b}two\\u{0}"));
    }
}
