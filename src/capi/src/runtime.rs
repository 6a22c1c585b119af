//! `tollgate_runtime`: what is granted to plugins, what their calls may use, and the world they are in.

use crate::{
    arguments::{handle, optional_text, options, slice, text},
    error::{ErrorHandle, Failure, guarded},
    host::{Callbacks, Host},
    options::{Options, unreadable},
    plugin::PluginHandle,
};
use std::{ffi::c_char, fs, path::Path, ptr, sync::Arc};
use tollgate::{Limits, Runtime};

/// `tollgate_runtime`.
#[derive(Debug)]
pub struct RuntimeHandle {
    runtime: Runtime,
    limits: Arc<Limits>,
}

/// # Safety
///
/// The text is NULL or ends with NUL; `callbacks` is NULL or points to callbacks; `error` is NULL or points to
/// NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_runtime_new(
    json: *const c_char,
    callbacks: *const Callbacks,
    error: *mut *mut ErrorHandle,
) -> *mut RuntimeHandle {
    // First, so that they are released in any case.
    // SAFETY: the caller promises it.
    let host = unsafe { Host::new(callbacks) };
    let body = || {
        // SAFETY: the caller promises it.
        let mut options: Options = unsafe { options(json) }?;
        let functions = std::mem::take(&mut options.host_functions);
        let mut builder = host.watch(options.builder()?);
        for function in functions {
            builder = host.offer(builder, &function.module, &function.name, &function.kind)?;
        }
        let runtime = builder.build()?;
        let limits = Arc::new(runtime.limits().clone());
        Ok(Box::into_raw(Box::new(RuntimeHandle { runtime, limits })))
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

impl RuntimeHandle {
    fn load(&self, name: &str, bytes: Vec<u8>) -> Result<*mut PluginHandle, Failure> {
        let plugin = self.runtime.load(name, bytes)?;
        Ok(PluginHandle::give(plugin, self.limits.clone()))
    }
}

/// # Safety
///
/// The handle is NULL or alive; the name is NULL or ends with NUL; `bytes` is NULL or points to `length`
/// bytes; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_runtime_load(
    runtime: *const RuntimeHandle,
    name: *const c_char,
    bytes: *const u8,
    length: usize,
    error: *mut *mut ErrorHandle,
) -> *mut PluginHandle {
    let body = || {
        // SAFETY: the caller promises it.
        let (runtime, name) = unsafe { (handle(runtime, "runtime")?, text(name, "name")?) };
        // SAFETY: the caller promises it.
        let bytes = unsafe { slice(bytes, length, "bytes of the module") }?;
        runtime.load(name, bytes.to_vec())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handle is NULL or alive; the texts are NULL or end with NUL; `error` is NULL or points to NULL or an
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_runtime_load_file(
    runtime: *const RuntimeHandle,
    name: *const c_char,
    path: *const c_char,
    error: *mut *mut ErrorHandle,
) -> *mut PluginHandle {
    let body = || {
        // SAFETY: the caller promises it.
        let (runtime, name, path) = unsafe {
            (
                handle(runtime, "runtime")?,
                optional_text(name, "name")?,
                text(path, "path")?,
            )
        };
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
        let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
        runtime.load(name.or(stem).unwrap_or_default(), bytes)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_runtime_free(runtime: *mut RuntimeHandle) {
    if !runtime.is_null() {
        // SAFETY: it came from `tollgate_runtime_new`, as the caller promises.
        drop(unsafe { Box::from_raw(runtime) });
    }
}
