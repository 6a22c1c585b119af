//! Resolving paths on systems without descriptors of objects: the name is resolved, the gate judges
//! it, and the resolved name is used. A link that is put into the resolved name between the check
//! and the use goes unnoticed; only Linux prevents that.

use super::names::{Reach, below, to_bytes, to_path};
use crate::world::resolve::split;
use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

/// The real name of an object.
#[derive(Debug)]
pub(super) struct Handle(PathBuf);

impl Reach for Handle {
    fn find(path: &Path, follow: bool) -> io::Result<(Handle, Metadata, PathBuf)> {
        #[cfg(windows)]
        if let Some(root) = super::windows::in_place_of_root(path) {
            return Ok((Handle(path.into()), fs::metadata(root)?, path.into()));
        }
        let bytes = to_bytes(path);
        let real = match split(&bytes) {
            // The root is no directory on Windows, so drives are in none.
            Some((parent, name))
                if !follow
                    && name != b".."
                    && bytes.ends_with(name)
                    && !(cfg!(windows) && parent == b"/") =>
            {
                below(&to_path(parent)?.canonicalize()?, name)
            }
            _ => path.canonicalize()?,
        };
        let metadata = fs::symlink_metadata(&real)?;
        Ok((Handle(real.clone()), metadata, real))
    }

    fn path(&self) -> PathBuf {
        self.0.clone()
    }

    fn metadata(&self) -> io::Result<Metadata> {
        #[cfg(windows)]
        if let Some(root) = super::windows::in_place_of_root(&self.0) {
            return fs::metadata(root);
        }
        fs::symlink_metadata(&self.0)
    }

    fn present_name(&self) -> io::Result<PathBuf> {
        #[cfg(windows)]
        if super::windows::in_place_of_root(&self.0).is_some() {
            return Ok(self.0.clone());
        }
        self.0.canonicalize()
    }

    fn is_inconclusive(_error: &io::Error) -> bool {
        false
    }
}

/// The error behind one that seems to say that a file is missing: none, since only the file system
/// is involved.
#[cfg(not(target_os = "linux"))]
pub(super) fn cause(_error: &io::Error) -> Option<io::Error> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::{linux, names::Disk};
    use super::*;
    use crate::world::resolve::{Asked, Left, Placed, Resolved, place, resolve, text};
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    /// What a path leads to, as text.
    fn described<H: Reach>(path: &[u8], follow: bool) -> String {
        let files = Disk::<H>::default();
        let asked = Asked::absolute(path);
        let (placed, entry_left) = place(&files, &asked).unwrap();
        let entry = match placed {
            Placed::Entry(entry) => format!("{:?} {}", entry.last, text(&entry.real)),
            Placed::Nowhere { real, error } => {
                let failure = crate::world::system::errors::failure("", &error);
                format!("{} {}", failure.code, text(&real))
            }
        };
        let found = resolve(&files, &asked, follow).unwrap();
        let resolved = match found.resolved {
            Resolved::Object(object) => format!("{:?} {}", object.kind, text(&object.real)),
            Resolved::Vacant(entry) => format!("vacant {}", text(&entry.real)),
            Resolved::Unreachable { real, error } => {
                let failure = crate::world::system::errors::failure("", &error);
                format!("{} {}", failure.code, text(&real))
            }
        };
        let left = |left: &[Left]| -> String {
            let left = left.iter();
            left.map(|left| format!(" {} is {}", asked.shown_to(left), text(&left.real)))
                .collect()
        };
        let (on_the_way, to_entry) = (left(&found.left), left(&entry_left));
        format!("{resolved} leaves{on_the_way}; entry {entry} leaves{to_entry}")
    }

    fn paths() -> impl Strategy<Value = String> {
        let names = &[
            "a", "f", "none", "link", "up", "loop", "dangling", "out", "chain", "..", ".", "",
        ][..];
        let names = prop::collection::vec(prop::sample::select(names), 0..6);
        names.prop_map(|names| format!("/{}", names.join("/")))
    }

    #[test]
    fn every_system_resolves_paths_like_linux() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/a/a")).unwrap();
        fs::write(root.join("f"), "").unwrap();
        fs::write(root.join("a/f"), "").unwrap();
        for (link, target) in [
            ("link", "a"),
            ("a/link", "a/a"),
            ("a/up", "../a/.."),
            ("loop", "loop"),
            ("a/loop", "../loop/x"),
            ("dangling", "a/none"),
            ("a/dangling", "none/none/../x"),
            ("a/out", "/dev/null"),
            ("out", "/dev"),
            ("chain", "dangling"),
            ("a/chain", "../link/link/"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        proptest!(ProptestConfig::with_cases(2000), |(path in paths(), follow: bool)| {
            let path = [to_bytes(&root), path.into_bytes()].concat();
            prop_assert_eq!(
                described::<Handle>(&path, follow),
                described::<linux::Handle>(&path, follow),
                "{}",
                text(&path)
            );
        });
    }
}
