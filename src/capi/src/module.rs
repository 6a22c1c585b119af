//! Modules that are no plugins yet: what they contain, and what a host would refuse.

use crate::{
    arguments::{optional_text, slice, text},
    call::parse_config,
    error::{ErrorHandle, Failure, guarded},
    memory::give_json,
};
use serde_json::json;
use std::{ffi::c_char, ptr};
use tollgate::{Error, Inspection, Limits, lint::lint};

/// # Safety
///
/// `bytes` is NULL or points to `length` bytes; `error` is NULL or points to NULL or an error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_inspect(
    bytes: *const u8,
    length: usize,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let bytes = unsafe { slice(bytes, length, "bytes of the module") }?;
        let inspection = Inspection::new(bytes, &Limits::default());
        let inspection = inspection.map_err(|problem| {
            Failure::from(Error::Load {
                plugin: "".into(),
                problem,
            })
        })?;
        give_json(&json!(inspection).to_string())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}

/// # Safety
///
/// As [`tollgate_inspect`]; the texts are NULL or end with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_check(
    name: *const c_char,
    bytes: *const u8,
    length: usize,
    config: *const c_char,
    error: *mut *mut ErrorHandle,
) -> *mut c_char {
    let body = || {
        // SAFETY: the caller promises it.
        let (name, config) = unsafe { (text(name, "name")?, optional_text(config, "config")?) };
        // SAFETY: the caller promises it.
        let bytes = unsafe { slice(bytes, length, "bytes of the module") }?;
        let config = config.map(parse_config).transpose()?;
        give_json(&json!(lint(name, bytes, config.as_ref())?).to_string())
    };
    // SAFETY: the caller promises it.
    unsafe { guarded(error, ptr::null_mut(), body) }
}
