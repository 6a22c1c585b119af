//! The state behind the functions of preview 1: which number stands for what, where a file is read
//! next, and lines that are not complete. The gate decides what an open file may be used for.

use super::output::Stream;
use crate::{
    effect::{DirectoryEntry, FileKind, Handle, LogSource},
    gate::Gate,
    module::DescriptorFlags,
};
use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};

/// The most names that the listings of all open directories remember together.
const MAX_LISTED: usize = 200_000;
/// The lowest number that opening gives.
const FIRST: u32 = 3;

/// DescriptorFlags of descriptors.
pub(crate) mod flags {
    pub(crate) const APPEND: u16 = 1;
    pub(crate) const DSYNC: u16 = 2;
    pub(crate) const SYNC: u16 = 16;
    pub(crate) const ALL: u16 = 31;
}

#[derive(Clone)]
pub(crate) struct Table(BTreeMap<u32, Descriptor>);

#[derive(Clone)]
pub(crate) struct Descriptor {
    pub(crate) kind: Kind,
    pub(crate) flags: u16,
    /// What a directory held when its listing was begun.
    pub(crate) listing: Option<Vec<DirectoryEntry>>,
}

/// What a number stands for.
#[derive(Clone)]
pub(crate) enum Kind {
    /// Standard input, which is at its end.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
    /// The root directory, open from the start. Each use of it is checked.
    Root,
    File(OpenFile),
    Directory(OpenDirectory),
}

#[derive(Clone, Copy)]
pub(crate) struct OpenFile {
    pub(crate) handle: Handle,
    /// What it is: a regular file, or `/dev/null`.
    pub(crate) kind: FileKind,
    /// Where it is read and written next.
    pub(crate) position: u64,
    /// Whether it was opened to be read.
    pub(crate) read: bool,
    /// Whether it was opened to be written.
    pub(crate) write: bool,
}

#[derive(Clone)]
pub(crate) struct OpenDirectory {
    pub(crate) handle: Handle,
    /// The path it was opened by, without `..`, which names it in reports. Paths relative to it begin
    /// in the directory itself, whatever its name is now.
    pub(crate) path: String,
    pub(crate) inode: u64,
    /// Where a guest moved to by seeking. It has no effect on listing.
    pub(crate) position: u64,
    /// Whether it was opened to be listed.
    pub(crate) list: bool,
}

/// What `path_filestat_get` examined.
#[derive(Clone)]
pub(crate) struct Examined {
    /// The descriptor that the path was relative to.
    pub(crate) fd: u32,
    pub(crate) path: String,
    pub(crate) kind: FileKind,
}

impl Descriptor {
    pub(crate) fn new(kind: Kind, flags: u16) -> Descriptor {
        Descriptor {
            kind,
            flags,
            listing: None,
        }
    }

    /// What was opened for it, and is given back when the number is.
    pub(crate) fn handle(&self) -> Option<Handle> {
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
    pub(crate) fn get(&self, fd: u32) -> Option<&Descriptor> {
        self.0.get(&fd)
    }

    pub(crate) fn get_mut(&mut self, fd: u32) -> Option<&mut Descriptor> {
        self.0.get_mut(&fd)
    }

    pub(crate) fn remove(&mut self, fd: u32) -> Option<Descriptor> {
        self.0.remove(&fd)
    }

    /// Moves the place where a file or directory is used next.
    pub(crate) fn set_position(&mut self, fd: u32, to: u64) {
        match self.0.get_mut(&fd).map(|open| &mut open.kind) {
            Some(Kind::File(file)) => file.position = to,
            Some(Kind::Directory(directory)) => directory.position = to,
            _ => {}
        }
    }

    /// The number that the next thing to be opened gets; `None` if so many are in use.
    pub(crate) fn free(&self, limit: u32) -> Option<u32> {
        if self.0.len() as u64 >= u64::from(limit) {
            return None;
        }
        let mut free = FIRST;
        for (number, _) in self.0.range(FIRST..) {
            if *number != free {
                break;
            }
            free = free.saturating_add(1);
        }
        Some(free)
    }

    pub(crate) fn holds_files(&self) -> bool {
        self.0.values().any(|open| open.handle().is_some())
    }

    /// The flags of the numbers that are there at first, if there are no others and they stand
    /// for what they stood for.
    pub(crate) fn first_flags(&self) -> Option<DescriptorFlags> {
        let mut flags = DescriptorFlags::default();
        if self.0.len() != flags.len() {
            return None;
        }
        for ((number, open), kept) in self.0.iter().zip(&mut flags) {
            let same = match number {
                0 => matches!(open.kind, Kind::Input),
                1 => matches!(open.kind, Kind::Output),
                2 => matches!(open.kind, Kind::Errors),
                _ => matches!(open.kind, Kind::Root),
            };
            if !same || open.listing.is_some() {
                return None;
            }
            *kept = open.flags;
        }
        Some(flags)
    }

    /// Gives the numbers that are there at first these flags, as far as there are such flags.
    pub(crate) fn set_first_flags(&mut self, flags: DescriptorFlags) {
        for (open, flags) in self.0.values_mut().zip(flags) {
            open.flags = flags & flags::ALL;
        }
    }

    /// Keeps what a directory held. False if that is too much to keep.
    #[must_use]
    pub(crate) fn set_listing(&mut self, fd: u32, listing: Vec<DirectoryEntry>) -> bool {
        if let Some(descriptor) = self.get_mut(fd) {
            descriptor.listing = None;
        }
        let listings = self.0.values().filter_map(|other| other.listing.as_ref());
        let listed: usize = listings.map(Vec::len).sum();
        if listed.saturating_add(listing.len()) > MAX_LISTED {
            return false;
        }
        if let Some(descriptor) = self.get_mut(fd) {
            descriptor.listing = Some(listing);
        }
        true
    }

    /// Puts a descriptor under a number and returns the one that was there.
    pub(crate) fn insert(&mut self, fd: u32, descriptor: Descriptor) -> Option<Descriptor> {
        self.0.insert(fd, descriptor)
    }
}

/// What the functions of preview 1 remember of an instance.
#[derive(Clone)]
pub(crate) struct WasiState {
    pub(crate) fds: Table,
    pub(crate) output: Stream,
    pub(crate) errors: Stream,
    /// The variables as the guest gets them, after it first asked for them.
    pub(crate) environment: Option<Arc<[Vec<u8>]>>,
    /// What the function before this one examined, if that is what it did.
    pub(crate) examined: Option<Examined>,
}

impl Default for WasiState {
    fn default() -> WasiState {
        WasiState {
            fds: Table::default(),
            output: Stream::new(LogSource::Stdout),
            errors: Stream::new(LogSource::Stderr),
            environment: None,
            examined: None,
        }
    }
}

impl WasiState {
    /// Whether it names files that are open in this instance's world and no other.
    pub(crate) fn holds_files(&self) -> bool {
        self.fds.holds_files()
    }

    /// The flags of the first descriptors, if nothing else is remembered but the variables, which
    /// can be read again.
    pub(crate) fn first_flags(&self) -> Option<DescriptorFlags> {
        let flags = self.fds.first_flags()?;
        (self.output.is_at_start() && self.errors.is_at_start()).then_some(flags)
    }

    /// What the functions remember when nothing was called, but for flags of descriptors.
    pub(crate) fn with_flags(flags: DescriptorFlags) -> WasiState {
        let mut state = WasiState::default();
        state.fds.set_first_flags(flags);
        state
    }

    /// Reports the last lines that a guest printed without ending them.
    pub(crate) fn finish(&mut self, gate: &mut Gate) {
        self.output.finish(gate);
        self.errors.finish(gate);
    }
}
