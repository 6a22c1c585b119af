//! The embedder's callbacks: events, and functions that plugins call. `tollgate_call` is the call of such a
//! function while it runs.

use crate::{
    arguments::{handle, text},
    error::{ErrorHandle, Failure, guarded},
    events,
};
use serde_json::{Value, json};
use std::{
    ffi::{CString, c_char, c_void},
    sync::{Arc, Mutex, PoisonError},
};
use tollgate::{Event, HostCall, HostError, RuntimeBuilder, abi::host::kinds, printable};

/// `tollgate_callbacks`. Each of them may be NULL.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "C fills it in")]
pub struct Callbacks {
    /// Passed to each callback.
    pub context: *mut c_void,
    /// Gets the name of a plugin and an event as JSON.
    pub event: Option<unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char)>,
    /// Gets a call, the name of the function (`module.name`) and the request as JSON.
    pub host_function: Option<
        unsafe extern "C" fn(*mut c_void, *mut CallHandle<'_>, *const c_char, *const c_char),
    >,
    /// Called once, when no other callback will be.
    pub release: Option<unsafe extern "C" fn(*mut c_void)>,
}

/// Callbacks, until nobody can call them any more.
pub(crate) struct Host(Callbacks);

// SAFETY: the header says that callbacks are called from any thread, also at the same time.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: the embedder promises that its callbacks may be called with its context.
            unsafe { release(self.0.context) };
        }
    }
}

impl Host {
    /// # Safety
    ///
    /// `callbacks` is NULL or points to callbacks.
    pub(crate) unsafe fn new(callbacks: *const Callbacks) -> Arc<Host> {
        // SAFETY: the caller promises it.
        let callbacks = unsafe { callbacks.as_ref() };
        Arc::new(Host(callbacks.copied().unwrap_or(Callbacks {
            context: std::ptr::null_mut(),
            event: None,
            host_function: None,
            release: None,
        })))
    }

    /// Reports events of plugins, and notes what they are denied.
    pub(crate) fn watch(self: &Arc<Host>, builder: RuntimeBuilder) -> RuntimeBuilder {
        let host = self.clone();
        builder.on_event(move |plugin, event| {
            events::note(event);
            host.event(plugin, event);
        })
    }

    fn event(&self, plugin: &str, event: &Event) {
        let Some(callback) = self.0.event else {
            return;
        };
        let (plugin, event) = (to_c(plugin), json_to_c(&json!(event)));
        // SAFETY: the embedder promises it, and the texts live until it returns.
        unsafe { callback(self.0.context, plugin.as_ptr(), event.as_ptr()) };
    }

    /// Offers a function.
    pub(crate) fn offer(
        self: &Arc<Host>,
        builder: RuntimeBuilder,
        module: &str,
        name: &str,
        kind: &str,
    ) -> Result<RuntimeBuilder, Failure> {
        let Some(callback) = self.0.host_function else {
            return Err(Failure::argument(
                "there are host functions, but the callback for them is NULL",
            ));
        };
        let host = self.clone();
        let function = to_c(&format!("{module}.{name}"));
        let body = move |request: Value, call: &HostCall<'_>| {
            let request = json_to_c(&request);
            let mut handle = CallHandle {
                plugin: to_c(call.plugin),
                call,
                reply: Mutex::new(None),
            };
            // SAFETY: the embedder promises it, and all of this lives until it returns.
            unsafe {
                callback(
                    host.0.context,
                    &raw mut handle,
                    function.as_ptr(),
                    request.as_ptr(),
                );
            }
            let reply = handle.reply.into_inner();
            reply
                .unwrap_or_else(PoisonError::into_inner)
                .unwrap_or_else(|| {
                    Err(HostError::new(
                        kinds::INTERNAL,
                        "the host function gave no reply",
                    ))
                })
        };
        Ok(builder.host_function(module, name, kind, body))
    }
}

/// Text for C. What is behind NUL could not be seen.
fn to_c(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

fn json_to_c(json: &Value) -> CString {
    to_c(&printable::json(&json.to_string()))
}

/// `tollgate_call`: a call of a host function of the embedder's, while it runs.
#[derive(Debug)]
pub struct CallHandle<'a> {
    plugin: CString,
    call: &'a HostCall<'a>,
    reply: Mutex<Option<Result<Value, HostError>>>,
}

impl CallHandle<'_> {
    fn set(&self, reply: Result<Value, HostError>) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
    }
}

/// # Safety
///
/// The call is NULL or running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_call_plugin(call: *const CallHandle<'_>) -> *const c_char {
    // SAFETY: the caller promises it.
    let call = unsafe { call.as_ref() };
    call.map_or(c"".as_ptr(), |call| call.plugin.as_ptr())
}

/// # Safety
///
/// The call is NULL or running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_call_remaining_ms(call: *const CallHandle<'_>) -> i64 {
    // SAFETY: the caller promises it.
    let remaining = unsafe { call.as_ref() }.and_then(|call| call.call.remaining);
    remaining.map_or(-1, |time| {
        i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
    })
}

/// # Safety
///
/// The call is NULL or running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_call_is_cancelled(call: *const CallHandle<'_>) -> bool {
    // SAFETY: the caller promises it.
    unsafe { call.as_ref() }.is_some_and(|call| call.call.is_cancelled())
}

/// # Safety
///
/// The call is NULL or running; the text is NULL or ends with NUL; `error` is NULL or points to NULL or an
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_call_reply(
    call: *mut CallHandle<'_>,
    reply: *const c_char,
    error: *mut *mut ErrorHandle,
) -> bool {
    let body = || {
        // SAFETY: the caller promises it.
        let (call, reply) = unsafe { (handle(call, "call")?, text(reply, "reply")?) };
        let reply = serde_json::from_str(reply)
            .map_err(|error| Failure::argument(format!("the reply is not JSON: {error}")))?;
        call.set(Ok(reply));
        Ok(true)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, false, body) }
}

/// # Safety
///
/// As [`tollgate_call_reply`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_call_fail(
    call: *mut CallHandle<'_>,
    kind: *const c_char,
    message: *const c_char,
    error: *mut *mut ErrorHandle,
) -> bool {
    let body = || {
        // SAFETY: the caller promises it.
        let (call, kind, message) = unsafe {
            (
                handle(call, "call")?,
                text(kind, "kind")?,
                text(message, "message")?,
            )
        };
        call.set(Err(HostError::new(kind, message)));
        Ok(true)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, false, body) }
}
