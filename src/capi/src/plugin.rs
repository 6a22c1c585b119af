//! `tollgate_plugin`: what a plugin says of itself, and calls of it.

use crate::{
    arguments::{handle, text},
    call::{Settings, answer, read_config},
    cancel::CancelHandle,
    error::{ErrorHandle, Failure, guarded},
    events::noting,
    memory::{give, give_json},
};
use serde_json::json;
use std::{ffi::c_char, ptr, sync::Arc};
use tollgate::{Limits, Plugin, printable::Printable};

/// `tollgate_plugin`.
#[derive(Debug)]
pub struct PluginHandle {
    pub(crate) plugin: Plugin,
    /// Those of its runtime.
    pub(crate) limits: Arc<Limits>,
}

impl PluginHandle {
    pub(crate) fn give(plugin: Plugin, limits: Arc<Limits>) -> *mut PluginHandle {
        Box::into_raw(Box::new(PluginHandle { plugin, limits }))
    }
}

/// Gives a text about a plugin.
///
/// # Safety
///
/// The handle is NULL or alive; `error` is NULL or points to NULL or an error.
unsafe fn about(
    plugin: *const PluginHandle,
    error: *mut *mut ErrorHandle,
    ask: impl FnOnce(&Plugin) -> Result<String, Failure>,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let plugin = unsafe { handle(plugin, "plugin") }?;
        give_json(&ask(&plugin.plugin)?)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handle is NULL or alive; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_describe(
    plugin: *const PluginHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    // SAFETY: the caller promises it.
    unsafe {
        about(plugin, error, |plugin| {
            Ok(json!(&*plugin.describe()?).to_string())
        })
    }
}

/// # Safety
///
/// As [`tollgate_plugin_describe`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_schema(
    plugin: *const PluginHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    // SAFETY: the caller promises it.
    unsafe {
        about(plugin, error, |plugin| {
            Ok(plugin.schema()?.raw().to_owned())
        })
    }
}

/// # Safety
///
/// As [`tollgate_plugin_describe`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_review(
    plugin: *const PluginHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    // SAFETY: the caller promises it.
    unsafe {
        about(plugin, error, |plugin| {
            Ok(json!(plugin.review()?).to_string())
        })
    }
}

/// # Safety
///
/// As [`tollgate_plugin_describe`]; `length` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_bake(
    plugin: *const PluginHandle,
    length: *mut usize,
    error: *mut *mut ErrorHandle,
) -> *mut u8 {
    let body = || {
        // SAFETY: the caller promises it.
        let (plugin, length) = unsafe { (handle(plugin, "plugin")?, length.as_mut()) };
        let length = length.ok_or_else(|| Failure::argument("the place for the length is NULL"))?;
        let baked = plugin.plugin.bake()?;
        *length = baked.len();
        give(&baked)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handles are NULL or alive; the texts are NULL or end with NUL; `error` is NULL or points to NULL or an
/// error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_observe(
    plugin: *const PluginHandle,
    config: *const c_char,
    options: *const c_char,
    cancel: *const CancelHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let (plugin, config) = unsafe { (handle(plugin, "plugin")?, read_config(config)?) };
        // SAFETY: the caller promises it.
        let settings = unsafe { Settings::read(options, cancel, &plugin.limits) }?;
        let (outcome, denied) = noting(|| plugin.plugin.call(settings.call(config)));
        answer(outcome, &denied)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// As [`tollgate_plugin_observe`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_record(
    plugin: *const PluginHandle,
    config: *const c_char,
    path: *const c_char,
    options: *const c_char,
    cancel: *const CancelHandle,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let (plugin, config, path) = unsafe {
            (
                handle(plugin, "plugin")?,
                read_config(config)?,
                text(path, "path")?,
            )
        };
        // SAFETY: the caller promises it.
        let settings = unsafe { Settings::read(options, cancel, &plugin.limits) }?;
        let (recorded, denied) = noting(|| plugin.plugin.record(settings.call(config), path));
        let outcome = recorded.map_err(|error| {
            let message = format!("{}: {error}", Printable(path));
            Failure::bad("io", message).of(plugin.plugin.name())
        })?;
        answer(outcome, &denied)
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_plugin_free(plugin: *mut PluginHandle) {
    if !plugin.is_null() {
        // SAFETY: it came from this library, as the caller promises.
        drop(unsafe { Box::from_raw(plugin) });
    }
}
