//! The descriptor table: which number stands for what, and where a file is read next. What an
//! open file may be used for is the gate's to say.

use super::{
    call::Call,
    errno::{Errno, Halt},
    layout::{self, filetype, rights},
};
use crate::effect::{DirectoryEntry, Effect, Handle};
use std::collections::BTreeMap;

/// The most numbers in use at once.
const MAX_FDS: usize = 256;
/// The lowest number that opening gives.
const FIRST: u32 = 3;
/// The one directory that is open from the start.
const ROOT: &str = "/";

/// Flags of descriptors.
pub(super) mod flags {
    pub(in super::super) const APPEND: u16 = 1;
    pub(in super::super) const DSYNC: u16 = 2;
    pub(in super::super) const SYNC: u16 = 16;
    pub(in super::super) const ALL: u16 = 31;
}

#[derive(Clone)]
pub(super) struct Table(BTreeMap<u32, Descriptor>);

#[derive(Clone)]
pub(super) struct Descriptor {
    pub(super) kind: Kind,
    pub(super) flags: u16,
    /// What a directory held when its listing was begun.
    pub(super) listing: Option<Vec<DirectoryEntry>>,
}

/// What a number stands for.
#[derive(Clone)]
pub(super) enum Kind {
    /// Standard input, which is at its end.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
    /// The directory of everything. It is open without having been opened: what may be done with
    /// it is asked for each time.
    Root,
    File(OpenFile),
    Directory(OpenDirectory),
}

#[derive(Clone, Copy)]
pub(super) struct OpenFile {
    pub(super) handle: Handle,
    /// Where it is read and written next.
    pub(super) position: u64,
    pub(super) read: bool,
    pub(super) write: bool,
}

#[derive(Clone)]
pub(super) struct OpenDirectory {
    pub(super) handle: Handle,
    /// The path it was opened by, where paths relative to it begin.
    pub(super) path: String,
    pub(super) inode: u64,
}

impl Descriptor {
    pub(super) fn new(kind: Kind, flags: u16) -> Descriptor {
        Descriptor {
            kind,
            flags,
            listing: None,
        }
    }

    /// The path where relative paths begin.
    pub(super) fn base(&self) -> Result<&str, Errno> {
        match &self.kind {
            Kind::Root => Ok(ROOT),
            Kind::Directory(directory) => Ok(&directory.path),
            Kind::File(_) | Kind::Input | Kind::Output | Kind::Errors => Err(Errno::NOTDIR),
        }
    }

    pub(super) fn file(&self) -> Result<OpenFile, Errno> {
        match &self.kind {
            Kind::File(file) => Ok(*file),
            Kind::Root | Kind::Directory(_) => Err(Errno::ISDIR),
            Kind::Input | Kind::Output | Kind::Errors => Err(Errno::SPIPE),
        }
    }

    /// What was opened for it, and is given back when the number is.
    pub(super) fn handle(&self) -> Option<Handle> {
        match &self.kind {
            Kind::File(file) => Some(file.handle),
            Kind::Directory(directory) => Some(directory.handle),
            Kind::Root | Kind::Input | Kind::Output | Kind::Errors => None,
        }
    }
}

impl Default for Table {
    fn default() -> Table {
        let first = [Kind::Input, Kind::Output, Kind::Errors, Kind::Root];
        let numbered = (0..).zip(first);
        Table(
            numbered
                .map(|(number, kind)| (number, Descriptor::new(kind, 0)))
                .collect(),
        )
    }
}

impl Table {
    pub(super) fn get(&self, fd: u32) -> Result<&Descriptor, Errno> {
        self.0.get(&fd).ok_or(Errno::BADF)
    }

    pub(super) fn get_mut(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.0.get_mut(&fd).ok_or(Errno::BADF)
    }

    /// Moves the place where a file is used next.
    pub(super) fn set_position(&mut self, fd: u32, to: u64) {
        if let Some(Descriptor {
            kind: Kind::File(file),
            ..
        }) = self.0.get_mut(&fd)
        {
            file.position = to;
        }
    }

    /// The number that the next thing to be opened will have.
    pub(super) fn free(&self) -> Result<u32, Errno> {
        if self.0.len() >= MAX_FDS {
            return Err(Errno::MFILE);
        }
        (FIRST..)
            .find(|number| !self.0.contains_key(number))
            .ok_or(Errno::MFILE)
    }

    pub(super) fn holds_files(&self) -> bool {
        self.0.values().any(|open| open.handle().is_some())
    }

    /// Whether the numbers stand for what they stood for at first.
    pub(super) fn is_untouched(&self) -> bool {
        let first = |(number, open): (&u32, &Descriptor)| {
            let kind = match number {
                0 => matches!(open.kind, Kind::Input),
                1 => matches!(open.kind, Kind::Output),
                2 => matches!(open.kind, Kind::Errors),
                _ => matches!(open.kind, Kind::Root),
            };
            kind && open.flags == 0 && open.listing.is_none()
        };
        self.0.len() == Table::default().0.len() && self.0.iter().all(first)
    }

    pub(super) fn insert(&mut self, fd: u32, descriptor: Descriptor) {
        self.0.insert(fd, descriptor);
    }
}

pub(super) fn close(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Halt> {
    let closed = call.state().fds.0.remove(&fd).ok_or(Errno::BADF)?;
    if let Some(handle) = closed.handle() {
        call.pass(&Effect::Close { handle })?;
    }
    Ok(())
}

pub(super) fn renumber(call: &mut Call<'_, '_>, from: u32, to: u32) -> Result<(), Halt> {
    let table = &mut call.state().fds;
    table.get(from)?;
    table.get(to)?;
    if from == to {
        return Ok(());
    }
    let moved = table.0.remove(&from).ok_or(Errno::BADF)?;
    let replaced = table.0.insert(to, moved);
    if let Some(handle) = replaced.and_then(|replaced| replaced.handle()) {
        call.pass(&Effect::Close { handle })?;
    }
    Ok(())
}

pub(super) fn fdstat_get(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    let descriptor = call.state().fds.get(fd)?;
    let (filetype, base, inheriting) = match &descriptor.kind {
        // Without the rights to seek, C libraries take a character device for a terminal, and
        // print line by line.
        Kind::Input => (
            filetype::CHARACTER_DEVICE,
            rights::ALL & !rights::WRITING & !rights::FD_SEEK & !rights::FD_TELL,
            0,
        ),
        Kind::Output | Kind::Errors => (
            filetype::CHARACTER_DEVICE,
            rights::ALL & !rights::FD_READ & !rights::FD_SEEK & !rights::FD_TELL,
            0,
        ),
        // C libraries ask for no more than what a directory hands down.
        Kind::Root | Kind::Directory(_) => (
            filetype::DIRECTORY,
            rights::ALL & !rights::FD_SEEK & !rights::FD_TELL,
            rights::ALL,
        ),
        Kind::File(file) => {
            let mut base = rights::ALL;
            if !file.read {
                base &= !rights::FD_READ;
            }
            if !file.write {
                base &= !rights::WRITING;
            }
            (filetype::REGULAR_FILE, base, rights::ALL)
        }
    };
    let record = layout::fdstat(filetype, descriptor.flags, base, inheriting);
    Ok(call.put(out, &record)?)
}

pub(super) fn fdstat_set_flags(call: &mut Call<'_, '_>, fd: u32, new: u32) -> Result<(), Halt> {
    let descriptor = call.state().fds.get_mut(fd)?;
    match u16::try_from(new) {
        Ok(new) if new & !flags::ALL == 0 => {
            descriptor.flags = new;
            Ok(())
        }
        _ => Err(Errno::INVAL.into()),
    }
}

/// What may be done with a file was settled when it was opened, and cannot be given away.
pub(super) fn fdstat_set_rights(
    call: &mut Call<'_, '_>,
    fd: u32,
    _base: u64,
    _inheriting: u64,
) -> Result<(), Halt> {
    call.state().fds.get(fd)?;
    Err(Errno::NOSYS.into())
}

pub(super) fn prestat_get(call: &mut Call<'_, '_>, fd: u32, out: u32) -> Result<(), Halt> {
    preopened(call, fd)?;
    let name = u32::try_from(ROOT.len()).unwrap_or(0);
    let record = layout::Record::<8>::new().u32(4, name);
    Ok(call.put(out, &record.0)?)
}

pub(super) fn prestat_dir_name(
    call: &mut Call<'_, '_>,
    fd: u32,
    out: u32,
    len: u32,
) -> Result<(), Halt> {
    preopened(call, fd)?;
    if u64::from(len) < ROOT.len() as u64 {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(call.put(out, ROOT.as_bytes())?)
}

/// Guests count up from 3 until they hear "bad file number".
fn preopened(call: &mut Call<'_, '_>, fd: u32) -> Result<(), Errno> {
    match call.state().fds.get(fd)?.kind {
        Kind::Root => Ok(()),
        _ => Err(Errno::BADF),
    }
}
