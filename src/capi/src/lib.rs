//! The C interface: pointers in, handles and JSON out. `tollgate.h` beside this package's manifest
//! documents each function; `options` reads the options of a runtime. It uses the public Rust
//! interface only.

#![warn(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]
#![warn(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod options;

use serde_json::json;
use std::{
    cell::RefCell,
    ffi::{CStr, CString, c_char},
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::{Mutex, PoisonError},
};
use tollgate::{
    Config, Error, Observation, Plugin, Runtime, RuntimeBuilder,
    printable::{self, Printable, write_printable},
    replay::{Replay, ReplayError, Replayed},
};

/// How a call ended.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// As it should.
    Ok = 0,
    /// An argument is wrong.
    BadInput = 2,
    /// The plugin cannot be loaded, or did not run to its end.
    PluginFailed = 3,
    /// The transcript holds another run.
    Diverged = 4,
    /// A fault of ours.
    Internal = 5,
}

/// `tollgate_runtime`.
#[derive(Debug)]
pub struct RuntimeHandle(Mutex<Stage>);

/// Grants are fixed when a runtime is built, which is when its first plugin is loaded.
#[derive(Debug)]
enum Stage {
    Granting(Box<RuntimeBuilder>),
    Running(Runtime),
}

/// `tollgate_plugin`.
#[derive(Debug)]
pub struct PluginHandle(Plugin);

/// A failure for C: its status, and its message.
struct Failure(Status, String);

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::Build(_) | Error::Config { .. } | Error::NotLoaded { .. } => Status::BadInput,
            _ => Status::PluginFailed,
        };
        Failure(status, error.report())
    }
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Failure {
        let status = match error {
            ReplayError::Diverged(_) => Status::Diverged,
            _ => Status::BadInput,
        };
        Failure(status, error.report())
    }
}

fn bad(message: impl Into<String>) -> Failure {
    Failure(Status::BadInput, message.into())
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// The most bytes of one line of an error.
const MAX_LINE: usize = 64 << 10;

fn remember(message: &str) {
    // Errors are safe to print by themselves, and some have several lines. What they are put
    // together with may come from anywhere, NUL included.
    let mut text = String::new();
    for (number, line) in message.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = write_printable(&mut text, line, MAX_LINE);
    }
    let text = CString::new(text).unwrap_or_default();
    LAST_ERROR.with(|last| *last.borrow_mut() = text);
}

/// Runs the body of an exported function. No panic may reach C.
fn guarded<T>(body: impl FnOnce() -> Result<T, Failure>) -> Result<T, Status> {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let Failure(status, message) = match outcome {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(failure)) => failure,
        Err(_) => Failure(
            Status::Internal,
            "tollgate panicked; please report it".into(),
        ),
    };
    remember(&message);
    Err(status)
}

fn status(outcome: Result<(), Status>) -> Status {
    outcome.err().unwrap_or(Status::Ok)
}

/// # Safety
///
/// `text` is NULL or a text that ends with NUL and lives for `'a`.
unsafe fn optional_text<'a>(text: *const c_char, what: &str) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str();
    text.map(Some)
        .map_err(|_| bad(format!("the {what} is not UTF-8")))
}

/// # Safety
///
/// As [`optional_text`].
unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller promises it.
    let text = unsafe { optional_text(text, what) }?;
    text.ok_or_else(|| bad(format!("the {what} is NULL")))
}

/// # Safety
///
/// `handle` is NULL or a handle that was not freed.
unsafe fn handle<'a, T>(handle: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller promises it.
    let handle = unsafe { handle.as_ref() };
    handle.ok_or_else(|| bad(format!("the {what} is NULL")))
}

/// JSON for C to keep, on one line and safe to print.
fn give(json: &str) -> Result<*mut c_char, Failure> {
    CString::new(printable::json(json))
        .map(CString::into_raw)
        .map_err(|_| Failure(Status::Internal, "the answer holds NUL".into()))
}

/// # Safety
///
/// `options` is NULL or a text that ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_create(options: *const c_char) -> *mut RuntimeHandle {
    let created = guarded(|| {
        // SAFETY: the caller promises it.
        let options = unsafe { optional_text(options, "options") }?;
        let builder = options::builder(options.unwrap_or("{}")).map_err(bad)?;
        Ok(RuntimeHandle(Mutex::new(Stage::Granting(Box::new(
            builder,
        )))))
    });
    created.map_or(ptr::null_mut(), |runtime| Box::into_raw(Box::new(runtime)))
}

/// # Safety
///
/// The handle is NULL or alive; the texts are NULL or end with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_grant(
    runtime: *const RuntimeHandle,
    plugin: *const c_char,
    capability: *const c_char,
) -> Status {
    status(guarded(|| {
        // SAFETY: the caller promises it.
        let (runtime, plugin, grant) = unsafe {
            (
                handle(runtime, "runtime")?,
                text(plugin, "name of the plugin")?,
                text(capability, "capability")?,
            )
        };
        let grant = grant
            .parse()
            .map_err(|error| bad(format!("the grant cannot be used: {error}")))?;
        match &mut *runtime.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Stage::Granting(builder) => {
                **builder = builder.as_ref().clone().grant(plugin, grant);
                Ok(())
            }
            Stage::Running(_) => Err(bad(
                "a plugin is loaded already, and grants are fixed; grant first, or make another runtime",
            )),
        }
    }))
}

/// # Safety
///
/// The handle is NULL or alive; the name is NULL or ends with NUL; `bytes` is NULL or points to
/// `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_load(
    runtime: *const RuntimeHandle,
    name: *const c_char,
    bytes: *const u8,
    length: usize,
) -> *mut PluginHandle {
    let loaded = guarded(|| {
        // SAFETY: the caller promises it.
        let (runtime, name) = unsafe { (handle(runtime, "runtime")?, text(name, "name")?) };
        if bytes.is_null() {
            return Err(bad("the bytes of the module are NULL"));
        }
        // SAFETY: they are not NULL, and the caller promises the rest.
        let bytes = unsafe { std::slice::from_raw_parts(bytes, length) };
        let runtime = {
            let mut stage = runtime.0.lock().unwrap_or_else(PoisonError::into_inner);
            match &*stage {
                Stage::Running(runtime) => runtime.clone(),
                Stage::Granting(builder) => {
                    let runtime = builder.as_ref().clone().build()?;
                    *stage = Stage::Running(runtime.clone());
                    runtime
                }
            }
        };
        Ok(runtime.load(name, bytes)?)
    });
    loaded.map_or(ptr::null_mut(), |plugin| {
        Box::into_raw(Box::new(PluginHandle(plugin)))
    })
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_describe(plugin: *const PluginHandle) -> *mut c_char {
    let described = guarded(|| {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        give(&json!(&*plugin.0.describe()?).to_string())
    });
    described.unwrap_or(ptr::null_mut())
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_schema(plugin: *const PluginHandle) -> *mut c_char {
    let schema = guarded(|| {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        give(plugin.0.schema()?.raw())
    });
    schema.unwrap_or(ptr::null_mut())
}

/// # Safety
///
/// The handle is NULL or alive; the config is NULL or ends with NUL; `observation` is NULL or may
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_observe(
    plugin: *const PluginHandle,
    config: *const c_char,
    observation: *mut *mut c_char,
) -> Status {
    // SAFETY: the caller promises it.
    let run = |plugin: &Plugin| Ok(Some(plugin.observe(&unsafe { read_config(config) }?)?));
    // SAFETY: the caller promises it.
    unsafe { answering(plugin, observation, run) }
}

/// # Safety
///
/// As [`tollgate_observe`]; the path is NULL or ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_record(
    plugin: *const PluginHandle,
    config: *const c_char,
    path: *const c_char,
    observation: *mut *mut c_char,
) -> Status {
    let run = |plugin: &Plugin| {
        // SAFETY: the caller promises it.
        let (config, path) = unsafe { (read_config(config)?, text(path, "path")?) };
        let recorded = plugin.record(&config, path);
        let outcome = recorded.map_err(|error| bad(format!("{}: {error}", Printable(path))))?;
        Ok(Some(outcome?))
    };
    // SAFETY: the caller promises it.
    unsafe { answering(plugin, observation, run) }
}

/// # Safety
///
/// The handle is NULL or alive; the path is NULL or ends with NUL; `observation` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_replay(
    plugin: *const PluginHandle,
    path: *const c_char,
    observation: *mut *mut c_char,
) -> Status {
    let run = |plugin: &Plugin| {
        // SAFETY: the caller promises it.
        let path = unsafe { text(path, "path") }?;
        Ok(match Replay::open(path)?.run(plugin)? {
            Replayed::Observation(seen) => Some(seen),
            Replayed::Failed(error) => {
                remember(&error.report());
                None
            }
            Replayed::Deadline(message) | Replayed::Cancelled(message) => {
                remember(&message);
                None
            }
            _ => None,
        })
    };
    // SAFETY: the caller promises it.
    unsafe { answering(plugin, observation, run) }
}

/// # Safety
///
/// The config is NULL or ends with NUL.
unsafe fn read_config(config: *const c_char) -> Result<Config, Failure> {
    // SAFETY: the caller promises it.
    let config = unsafe { optional_text(config, "config") }?;
    let config = config.unwrap_or("{}").parse();
    config.map_err(|error| bad(format!("the config cannot be used: {error}")))
}

/// Runs a plugin and writes its observation to where C wants it.
///
/// # Safety
///
/// The handle is NULL or alive; `observation` is NULL or may be written.
unsafe fn answering(
    plugin: *const PluginHandle,
    observation: *mut *mut c_char,
    run: impl FnOnce(&Plugin) -> Result<Option<Observation>, Failure>,
) -> Status {
    // SAFETY: the caller promises it.
    let Some(place) = (unsafe { observation.as_mut() }) else {
        remember("the place for the observation is NULL");
        return Status::BadInput;
    };
    *place = ptr::null_mut();
    status(guarded(|| {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        if let Some(seen) = run(&plugin.0)? {
            *place = give(&json!(seen).to_string())?;
        }
        Ok(())
    }))
}

/// What the last function that failed on this thread says.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_last_error() -> *const c_char {
    LAST_ERROR.with(|last| last.borrow().as_ptr())
}

/// # Safety
///
/// The text is NULL or came from this library, and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_string_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it came from `give`, as the caller promises.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_free(plugin: *mut PluginHandle) {
    if !plugin.is_null() {
        // SAFETY: it came from `tollgate_load`, as the caller promises.
        drop(unsafe { Box::from_raw(plugin) });
    }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_runtime_free(runtime: *mut RuntimeHandle) {
    if !runtime.is_null() {
        // SAFETY: it came from `tollgate_create`, as the caller promises.
        drop(unsafe { Box::from_raw(runtime) });
    }
}
