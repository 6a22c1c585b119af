//! What an absolute path names on Windows, and what it must not name. Text only, so the rules are the same, and
//! tested, on every system; [`System`](crate::world::System) uses them on Windows.

use alloc::{
    format,
    string::{String, ToString as _},
};

/// Begins a name that Windows passes to the file system as it is: without devices, and without removing dots and spaces.
const VERBATIM: &str = r"\\?\";

/// Characters that are no part of a name: separators, streams, wildcards and what file systems of Windows reserve.
const RESERVED: &[char] = &['\\', '/', ':', '*', '?', '"', '<', '>', '|'];

/// Why a path names nothing on Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoWindowsName {
    /// It does not begin with a drive. So it is no path of a network share or a device either.
    #[error("a path on Windows begins with a drive, such as /C:/")]
    Drive,
    /// A name in it contains a character that no name may contain: `\`, the `:` of a stream, a wildcard, a control.
    #[error("a name on Windows contains no {0:?}")]
    Character(char),
    /// A name in it ends with a dot or a space, which most programs on Windows leave out.
    #[error("a name on Windows does not end with a dot or a space")]
    End,
    /// A name in it is that of a device, with or without an extension.
    #[error("a device is no file")]
    Device,
}

/// The name of an absolute path for Windows: `/C:/data/x` is `\\?\C:\data\x`. `.` and `..` are removed by name.
///
/// Such a name is passed to the file system as it is, so it is a file below the drive and no device, stream or share,
/// whatever its parts are called. In addition, parts that other programs would take for something else are
/// refused here.
///
/// # Errors
///
/// If Windows or most of its programs would take the path for another one.
pub fn name_of_path(path: &str) -> Result<String, NoWindowsName> {
    let path = super::path::cleaned(path);
    let mut names = path.split('/').filter(|name| !name.is_empty());
    let drive = names.next().and_then(|name| name.strip_suffix(':'));
    let mut windows = match drive.map(str::as_bytes) {
        Some([letter]) if letter.is_ascii_alphabetic() => {
            format!("{VERBATIM}{}:", char::from(letter.to_ascii_uppercase()))
        }
        _ => return Err(NoWindowsName::Drive),
    };
    let length = windows.len();
    for name in names {
        check_name(name)?;
        windows.push('\\');
        windows.push_str(name);
    }
    if windows.len() == length {
        windows.push('\\');
    }
    Ok(windows)
}

/// Checks that every program on Windows means the same by this part of a path.
pub(crate) fn check_name(name: &str) -> Result<(), NoWindowsName> {
    let reserved = |c: &char| RESERVED.contains(c) || c.is_control();
    if let Some(found) = name.chars().find(reserved) {
        return Err(NoWindowsName::Character(found));
    }
    if name.ends_with(['.', ' ']) {
        return Err(NoWindowsName::End);
    }
    match is_device(name) {
        true => Err(NoWindowsName::Device),
        false => Ok(()),
    }
}

/// Whether a name without `\\?\` before it is a device: the extension and spaces before it do not count.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    let stem = stem.to_uppercase();
    let numbered = stem.strip_prefix("COM").or(stem.strip_prefix("LPT"));
    let mut number = numbered.unwrap_or_default().chars();
    match (number.next(), number.next()) {
        (Some('0'..='9' | '¹' | '²' | '³'), None) => true,
        _ => matches!(
            stem.as_str(),
            "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$"
        ),
    }
}

/// The absolute path of a real name of Windows, the opposite of [`name_of_path`]. `None` for what has no such
/// path: a network share, a volume without a letter, a device, and names that [`name_of_path`] refuses.
#[must_use]
pub fn path_of_name(name: &str) -> Option<String> {
    let rest = name.strip_prefix(VERBATIM).unwrap_or(name);
    if rest.contains('/') {
        return None;
    }
    let path = format!("/{}", rest.replace('\\', "/"));
    let path = path.trim_end_matches('/');
    name_of_path(path).is_ok().then(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use NoWindowsName::{Character, Device, Drive, End};

    #[test]
    fn a_path_below_a_drive_is_passed_on_as_it_is() {
        for (path, name) in [
            ("/C:/data/a b.txt", r"\\?\C:\data\a b.txt"),
            ("/c:/Data", r"\\?\C:\Data"),
            ("/C:", r"\\?\C:\"),
            ("/C:/", r"\\?\C:\"),
            ("//C://a/./b/../c", r"\\?\C:\a\c"),
            (
                "/D:/console/com10/nul_/.hidden",
                r"\\?\D:\console\com10\nul_\.hidden",
            ),
            ("/C:/x/ é", r"\\?\C:\x\ é"),
        ] {
            assert_eq!(name_of_path(path).as_deref(), Ok(name), "{path}");
        }
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_refused() {
        for (path, reason) in [
            // No drive: shares, devices, verbatim names, roots of other systems.
            ("/", Drive),
            ("/etc/passwd", Drive),
            ("//server/share/x", Drive),
            ("/UNC/server/share", Drive),
            ("/?/C:/x", Drive),
            ("/./C/x", Drive),
            ("/CC:/x", Drive),
            ("/1:/x", Drive),
            ("/é:/x", Drive),
            ("/C:x", Drive),
            ("/C:/..", Drive),
            ("/\\\\server\\share", Drive),
            // Streams, separators, wildcards.
            ("/C:/a.txt:stream", Character(':')),
            ("/C:/a.txt::$DATA", Character(':')),
            ("/C:/a:$I30:$INDEX_ALLOCATION/b", Character(':')),
            ("/C:/x/D:/y", Character(':')),
            ("/C:/a\\..\\..\\b", Character('\\')),
            ("/C:/a*", Character('*')),
            ("/C:/a\u{1}", Character('\u{1}')),
            // What is left out at the end.
            ("/C:/a.txt.", End),
            ("/C:/a.txt ", End),
            ("/C:/a/... /b", End),
            ("/C:/.../b", End),
            // Devices.
            ("/C:/CON", Device),
            ("/C:/a/nul.txt", Device),
            ("/C:/a/NUL .tar.gz", Device),
            ("/C:/Com1", Device),
            ("/C:/lpt¹.log/x", Device),
            ("/C:/conin$", Device),
        ] {
            assert_eq!(name_of_path(path), Err(reason), "{path}");
        }
    }

    #[test]
    fn a_real_name_has_the_path_that_it_comes_from() {
        for (name, path) in [
            (r"\\?\C:\data\x", Some("/C:/data/x")),
            (r"\\?\C:\", Some("/C:")),
            (r"C:\x", Some("/C:/x")),
            (r"\\?\UNC\server\share\x", None),
            (r"\\server\share\x", None),
            (r"\\?\Volume{4c1b02c1-d990-11dc-99ae-806e6f6e6963}\x", None),
            (r"\\.\COM1", None),
            (r"\\?\C:\a\CON", None),
            (r"\\?\C:\a. ", None),
            (r"\\?\C:\a/b", None),
        ] {
            let found = path_of_name(name);
            assert_eq!(found.as_deref(), path, "{name}");
            if let Some(path) = found {
                assert_eq!(path_of_name(&name_of_path(&path).unwrap()), Some(path));
            }
        }
    }
}
