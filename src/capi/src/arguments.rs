//! Reads what C passes. NULL where something is needed is an error.

use crate::error::Failure;
use serde::de::DeserializeOwned;
use std::ffi::{CStr, c_char};
use tollgate::printable::Printable;

/// # Safety
///
/// `text` is NULL or a text that ends with NUL and lives for `'a`.
pub(crate) unsafe fn optional_text<'a>(
    text: *const c_char,
    what: &str,
) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_str();
    text.map(Some)
        .map_err(|_| Failure::argument(format!("the {what} is not UTF-8")))
}

/// # Safety
///
/// As [`optional_text`].
pub(crate) unsafe fn text<'a>(text: *const c_char, what: &str) -> Result<&'a str, Failure> {
    // SAFETY: the caller promises it.
    let text = unsafe { optional_text(text, what) }?;
    text.ok_or_else(|| is_null(what))
}

/// # Safety
///
/// `handle` is NULL or a handle that was not freed.
pub(crate) unsafe fn handle<'a, T>(handle: *const T, what: &str) -> Result<&'a T, Failure> {
    // SAFETY: the caller promises it.
    let handle = unsafe { handle.as_ref() };
    handle.ok_or_else(|| is_null(what))
}

/// # Safety
///
/// `first` is NULL or the first of `length` values.
pub(crate) unsafe fn slice<'a, T>(
    first: *const T,
    length: usize,
    what: &str,
) -> Result<&'a [T], Failure> {
    if first.is_null() {
        return Err(Failure::argument(format!("the {what} are NULL")));
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(first, length) })
}

/// Options as a JSON object; NULL is an empty one.
///
/// # Safety
///
/// As [`optional_text`].
pub(crate) unsafe fn options<T: DeserializeOwned>(json: *const c_char) -> Result<T, Failure> {
    // SAFETY: the caller promises it.
    let json = unsafe { optional_text(json, "options") }?.unwrap_or("{}");
    // A list would be read as the fields in their order.
    let read = match json.trim_start().starts_with('[') {
        true => return Err(invalid_options(&"they are a JSON object, not a list")),
        false => serde_json::from_str(json),
    };
    read.map_err(|error| invalid_options(&error))
}

pub(crate) fn invalid_options(problem: &dyn std::fmt::Display) -> Failure {
    Failure::bad(
        "options",
        format!("invalid options: {}", Printable(problem)),
    )
}

fn is_null(what: &str) -> Failure {
    Failure::argument(format!("the {what} is NULL"))
}
