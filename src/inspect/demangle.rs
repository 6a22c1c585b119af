//! Names as the authors of Rust and C++ programs wrote them.

use super::cpp::path;
use core::fmt::{self, Write};

/// The longest name that is demangled, in bytes. Demangling takes memory and time of its own, which a
/// name can make much of.
const LONGEST: usize = 2048;

/// The most bytes that one name becomes.
const MOST: usize = 1024;

/// Returns the demangled name, or `None` if it is not mangled or too long.
pub(super) fn demangle(name: &str) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // Without the hash.
        return written(|to| write!(to, "{rust:#}"));
    }
    if name.starts_with("_Z") {
        return path(name);
    }
    // Demangled by the linker already.
    let (path, hash) = name.rsplit_once("::h")?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hash.then(|| path.to_owned())
}

/// Text up to [`MOST`] bytes; more ends the writing.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > MOST {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

fn written(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Option<String> {
    let mut to = Bounded(String::new());
    write(&mut to).ok()?;
    Some(to.0)
}
