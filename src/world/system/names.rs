//! The files of the operating system as a [`FileSystem`].

use super::{errors::failure, opened::names_in, stat::kind};
use crate::{
    effect::{Failure, FileKind},
    world::resolve::{self, FileSystem, Names, clean},
};
use std::{
    fs::{self, Metadata},
    io,
    marker::PhantomData,
    path::{Path, PathBuf},
};

#[cfg(target_os = "linux")]
use super::linux as system;
#[cfg(not(target_os = "linux"))]
use super::portable as system;

pub(super) use system::cause;

/// How an object is reached after its name was judged.
pub(super) trait Reach: Sized {
    /// Follows a path to an object and returns its real name with it.
    fn find(path: &Path, follow: bool) -> io::Result<(Self, Metadata, PathBuf)>;

    /// A path that leads to the object.
    fn path(&self) -> PathBuf;

    /// The object as it is now.
    fn metadata(&self) -> io::Result<Metadata>;

    /// The real name that the object has now.
    fn present_name(&self) -> io::Result<PathBuf>;

    /// Whether the error leaves open what a path leads to.
    fn is_inconclusive(error: &io::Error) -> bool;
}

/// The files of the operating system.
pub(super) struct Disk<H>(PhantomData<H>);

impl<H> Default for Disk<H> {
    fn default() -> Disk<H> {
        Disk(PhantomData)
    }
}

/// The files of this operating system.
pub(super) const FILES: Disk<system::Handle> = Disk(PhantomData);

/// An object, and its metadata when it was found.
#[derive(Debug)]
pub(super) struct Found<H> {
    reach: H,
    pub(super) metadata: Metadata,
}

pub(super) type Handle = Found<system::Handle>;
pub(super) type Object = resolve::Object<Handle>;
pub(super) type Entry = resolve::Entry<Handle>;

/// Whether only a directory can have this path: it ends with `/` or `/.`.
fn is_slashed(path: &[u8]) -> bool {
    path.len() > 1 && (path.ends_with(b"/") || path.ends_with(b"/."))
}

impl<H: Reach> FileSystem for Disk<H> {
    type Handle = Found<H>;
    type Error = io::Error;

    fn find(&self, path: &[u8], follow: bool) -> io::Result<resolve::Object<Found<H>>> {
        // Only Unix keeps the slash that says so.
        let directory = cfg!(not(unix)) && is_slashed(path);
        let (reach, metadata, real) = H::find(&to_path(path)?, follow || directory)?;
        if directory && !metadata.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(resolve::Object {
            kind: kind(metadata.file_type()),
            real: to_real(&real)?,
            handle: Found { reach, metadata },
        })
    }

    fn reach(&self, object: &resolve::Object<Found<H>>) -> Vec<u8> {
        to_bytes(&object.handle.path())
    }

    fn find_below(
        &self,
        top: &resolve::Object<Found<H>>,
        path: &[u8],
    ) -> io::Result<resolve::Object<Found<H>>> {
        self.find(&to_bytes(&top.handle.below(path)), false)
    }

    fn kind(&self, directory: &Found<H>, name: &[u8]) -> io::Result<Option<FileKind>> {
        match fs::symlink_metadata(directory.below(name)) {
            Ok(metadata) => Ok(Some(kind(metadata.file_type()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn target(&self, directory: &Found<H>, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(to_bytes(&fs::read_link(directory.below(name))?))
    }

    fn list(&self, directory: &Found<H>, limit: usize) -> io::Result<Option<Names>> {
        let names = names_in(&directory.path(), limit)?;
        Ok(names.map(|names| {
            let names = names.into_iter();
            let mut names: Names = names
                .map(|name| (to_bytes(Path::new(&name.name)), name.kind))
                .collect();
            names.sort_by(|(a, _), (b, _)| a.cmp(b));
            names
        }))
    }

    fn is_missing(error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::NotFound
    }

    fn is_inconclusive(error: &io::Error) -> bool {
        H::is_inconclusive(error)
    }

    fn failure(path: &str, error: &io::Error) -> Failure {
        failure(path, error)
    }
}

impl<H: Reach> Found<H> {
    /// A path that leads to the object; on Linux whatever happens to its name.
    pub(super) fn path(&self) -> PathBuf {
        self.reach.path()
    }

    /// A path that leads below the object, if it is a directory.
    pub(super) fn below(&self, path: &[u8]) -> PathBuf {
        below(&self.path(), path)
    }

    /// The object as it is now.
    pub(super) fn examine(&self) -> io::Result<Metadata> {
        self.reach.metadata()
    }
}

impl<H: Reach> resolve::Entry<Found<H>> {
    /// A path to the name in its directory; on Linux whatever happens to the directory's name.
    pub(super) fn path(&self) -> PathBuf {
        match self.written() {
            Some(written) => self.directory.handle.below(&written),
            None => PathBuf::from("/"),
        }
    }

    /// Another name in the same directory.
    pub(super) fn sibling(&self, name: &str) -> PathBuf {
        self.directory.handle.below(name.as_bytes())
    }

    /// Whether the directory still has the real name that was judged.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        let present = self.directory.handle.reach.present_name()?;
        Ok(to_bytes(&present) == self.directory.real)
    }
}

#[cfg(windows)]
pub(super) use super::windows::{below, to_bytes, to_path, to_real};

#[cfg(not(windows))]
pub(super) use as_written::{below, to_bytes, to_path, to_real};

/// Names that are the paths of effects.
#[cfg(not(windows))]
mod as_written {
    use std::{
        borrow::Cow,
        io,
        path::{Path, PathBuf},
    };

    #[expect(
        clippy::unnecessary_wraps,
        reason = "on Windows not every path is a name"
    )]
    pub(in super::super) fn to_path(path: &[u8]) -> io::Result<Cow<'_, Path>> {
        Ok(as_it_is(path))
    }

    /// A path that leads below a directory.
    pub(in super::super) fn below(directory: &Path, path: &[u8]) -> PathBuf {
        directory.join(as_it_is(path))
    }

    pub(in super::super) fn to_bytes(path: &Path) -> Vec<u8> {
        path.as_os_str().as_encoded_bytes().to_vec()
    }

    /// A real name as the gate judges it.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "on Windows not every name is a path"
    )]
    pub(in super::super) fn to_real(path: &Path) -> io::Result<Vec<u8>> {
        Ok(to_bytes(path))
    }

    #[cfg(unix)]
    fn as_it_is(path: &[u8]) -> Cow<'_, Path> {
        use std::os::unix::ffi::OsStrExt as _;
        Path::new(std::ffi::OsStr::from_bytes(path)).into()
    }

    #[cfg(not(unix))]
    fn as_it_is(path: &[u8]) -> Cow<'_, Path> {
        PathBuf::from(String::from_utf8_lossy(path).into_owned()).into()
    }
}

/// The real name of a path, from a directory if it is relative; `None` if nothing has it.
pub(super) fn real_name(directory: &str, path: &str) -> Option<String> {
    let path = resolve::join(directory.as_bytes(), path.as_bytes());
    // The directory of all drives.
    if cfg!(windows) && clean(&path) == b"/" {
        return Some("/".to_owned());
    }
    let real = to_path(&path).ok()?.canonicalize().ok()?;
    String::from_utf8(to_real(&real).ok()?).ok()
}
