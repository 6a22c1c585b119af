//! An in-memory file system: nodes by inode, directories of names, and the space left. Copies share
//! everything until one of them changes. Paths are resolved in `names`.

use super::blocks::Blocks;
use crate::{
    effect::{DirectoryEntry, FileKind, MOST_LISTED, Stat},
    room::OutOfMemory,
    world::file_error::FileError,
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use serde::Deserialize;
use tollgate_abi::rfc3339::Moment;

pub(super) type Inode = u64;

pub(super) const ROOT: Inode = 1;
/// The longest name, in bytes.
const MAX_NAME: usize = 255;
/// The space that a name takes in addition to the content, in bytes.
const NAME_COST: u64 = 512;
/// The default space for what plugins write, in bytes.
pub(super) const DEFAULT_ROOM: u64 = 256 << 20;
/// Permissions that new files and directories lack.
const UMASK: u32 = 0o022;

/// A permission, as the bit of others.
#[derive(Clone, Copy, Debug)]
pub(super) enum May {
    Read = 0o4,
    Write = 0o2,
    Search = 0o1,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    File(Blocks),
    Directory(BTreeMap<String, Inode>),
    Link(String),
    Special(Special),
}

/// A file that is neither a regular file nor a directory nor a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Special {
    /// `/dev/null`: reading it returns nothing, and what is written to it is gone.
    Null,
    /// Another character device, which plugins cannot open.
    CharacterDevice,
    /// A block device, which plugins cannot open.
    BlockDevice,
    /// A socket, which plugins cannot open.
    Socket,
    /// A FIFO, which plugins cannot open.
    Fifo,
}

impl Special {
    fn kind(self) -> FileKind {
        match self {
            Special::Null | Special::CharacterDevice => FileKind::CharacterDevice,
            Special::BlockDevice => FileKind::BlockDevice,
            Special::Socket => FileKind::Socket,
            Special::Fifo => FileKind::Other,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// How many names it has. A directory has one, or none after it was removed.
    pub(super) names: u64,
    /// The directory that a directory is in, and its name there.
    pub(super) place: Option<(Inode, String)>,
    /// How many directories a directory contains.
    pub(super) directories: u64,
    pub(super) accessed: Moment,
    pub(super) modified: Moment,
    pub(super) changed: Moment,
}

impl Node {
    fn new(content: Content, mode: u32, now: Moment) -> Node {
        Node {
            content,
            mode,
            uid: 0,
            gid: 0,
            names: 0,
            place: None,
            directories: 0,
            accessed: now,
            modified: now,
            changed: now,
        }
    }

    pub(super) fn file(content: &[u8], now: Moment) -> Node {
        Node::new(Content::File(content.into()), 0o666 & !UMASK, now)
    }

    pub(super) fn directory(now: Moment) -> Node {
        Node::new(Content::Directory(BTreeMap::new()), 0o777 & !UMASK, now)
    }

    pub(super) fn link(target: &str, now: Moment) -> Node {
        Node::new(Content::Link(target.to_owned()), 0o777, now)
    }

    pub(super) fn special(special: Special, now: Moment) -> Node {
        Node::new(Content::Special(special), 0o666, now)
    }

    /// Whether it is `/dev/null`, by whatever name.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.content, Content::Special(Special::Null))
    }

    pub(super) fn kind(&self) -> FileKind {
        match self.content {
            Content::Special(special) => special.kind(),
            Content::File(_) => FileKind::File,
            Content::Directory(_) => FileKind::Directory,
            Content::Link(_) => FileKind::Symlink,
        }
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self.content, Content::Directory(_))
    }

    pub(super) fn target(&self) -> Option<&str> {
        match &self.content {
            Content::Link(target) => Some(target),
            _ => None,
        }
    }

    /// Checks a permission. Every plugin has those of the owner.
    pub(super) fn may(&self, what: May) -> Result<(), FileError> {
        if self.mode >> 6 & what as u32 == 0 {
            return Err(FileError::NotPermitted);
        }
        Ok(())
    }

    fn size(&self) -> u64 {
        match &self.content {
            Content::File(bytes) => bytes.size(),
            Content::Directory(_) | Content::Special(_) => 0,
            Content::Link(target) => target.len() as u64,
        }
    }
}

/// Checks whether a file can have this name.
pub(super) fn check_name(name: &str) -> Result<(), FileError> {
    if name.contains('\0') {
        return Err(FileError::Invalid);
    }
    if name.len() > MAX_NAME {
        return Err(FileError::NameTooLong);
    }
    Ok(())
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Arc<BTreeMap<Inode, Arc<Node>>>,
    next: Inode,
    /// The space left, in bytes.
    pub(super) room: u64,
    /// Changes fail, so a copy takes no memory.
    pub(super) frozen: bool,
}

impl Tree {
    /// An empty root directory.
    pub(super) fn new(now: Moment) -> Tree {
        let mut root = Node::directory(now);
        root.names = 1;
        Tree {
            nodes: Arc::new(BTreeMap::from([(ROOT, Arc::new(root))])),
            next: ROOT + 1,
            room: DEFAULT_ROOM,
            frozen: false,
        }
    }

    /// How many files, directories and links there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    fn nodes_mut(&mut self) -> Result<&mut BTreeMap<Inode, Arc<Node>>, FileError> {
        match self.frozen {
            true => Err(FileError::NotPermitted),
            false => Ok(Arc::make_mut(&mut self.nodes)),
        }
    }

    pub(super) fn node(&self, inode: Inode) -> Result<&Node, FileError> {
        let node = self.nodes.get(&inode).ok_or(FileError::Missing)?;
        Ok(node)
    }

    pub(super) fn node_mut(&mut self, inode: Inode) -> Result<&mut Node, FileError> {
        let node = self.nodes_mut()?.get_mut(&inode);
        Ok(Arc::make_mut(node.ok_or(FileError::Missing)?))
    }

    fn entries(&self, directory: Inode) -> Result<&BTreeMap<String, Inode>, FileError> {
        match &self.node(directory)?.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(FileError::NotADirectory),
        }
    }

    /// The names in a directory, which is modified at this time.
    fn entries_mut(
        &mut self,
        directory: Inode,
        now: Moment,
    ) -> Result<&mut BTreeMap<String, Inode>, FileError> {
        let node = self.node_mut(directory)?;
        (node.modified, node.changed) = (now, now);
        match &mut node.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(FileError::NotADirectory),
        }
    }

    /// What has this name in a directory that may be searched.
    pub(super) fn child(&self, directory: Inode, name: &str) -> Result<Option<Inode>, FileError> {
        let entries = self.entries(directory)?;
        self.node(directory)?.may(May::Search)?;
        check_name(name)?;
        Ok(entries.get(name).copied())
    }

    /// What has this name in a directory, without a check of permissions.
    pub(super) fn has(&self, directory: Inode, name: &str) -> Option<Inode> {
        self.entries(directory).ok()?.get(name).copied()
    }

    /// Gives a new node a name that is free.
    pub(super) fn add(
        &mut self,
        directory: Inode,
        name: &str,
        node: Node,
        now: Moment,
    ) -> Result<Inode, FileError> {
        let inode = self.add_unnamed(node)?;
        let named = self.name(directory, name, inode, now);
        named.inspect_err(|_| self.forget(inode))?;
        Ok(inode)
    }

    /// Adds a node that has no name yet.
    pub(super) fn add_unnamed(&mut self, node: Node) -> Result<Inode, FileError> {
        self.take_room(node.size())?;
        let inode = self.next;
        self.nodes_mut()?.insert(inode, Arc::new(node));
        self.next += 1;
        Ok(inode)
    }

    /// Gives a node another name, which is free.
    pub(super) fn name(
        &mut self,
        directory: Inode,
        name: &str,
        inode: Inode,
        now: Moment,
    ) -> Result<(), FileError> {
        self.take_room(NAME_COST)?;
        self.entries_mut(directory, now)?
            .insert(name.to_owned(), inode);
        let node = self.node_mut(inode)?;
        node.names += 1;
        node.changed = now;
        if node.is_directory() {
            node.place = Some((directory, name.to_owned()));
            self.node_mut(directory)?.directories += 1;
        }
        Ok(())
    }

    /// Removes a name. The node stays until [`forget`](Tree::forget).
    pub(super) fn unname(
        &mut self,
        directory: Inode,
        name: &str,
        now: Moment,
    ) -> Result<Inode, FileError> {
        let inode = self.entries_mut(directory, now)?.remove(name);
        let inode = inode.ok_or(FileError::Missing)?;
        self.room = self.room.saturating_add(NAME_COST);
        let node = self.node_mut(inode)?;
        node.names = node.names.saturating_sub(1);
        node.changed = now;
        if node.is_directory() {
            node.place = None;
            let parent = self.node_mut(directory)?;
            parent.directories = parent.directories.saturating_sub(1);
        }
        Ok(inode)
    }

    /// Removes a node that has no name left.
    pub(super) fn forget(&mut self, inode: Inode) {
        let Ok(node) = self.node(inode) else { return };
        if node.names == 0 {
            self.room = self.room.saturating_add(node.size());
            if let Ok(nodes) = self.nodes_mut() {
                nodes.remove(&inode);
            }
        }
    }

    fn take_room(&mut self, bytes: u64) -> Result<(), FileError> {
        self.room = self.room.checked_sub(bytes).ok_or(FileError::NoSpace)?;
        Ok(())
    }

    /// Changes the content of a file, which has `length` bytes afterwards.
    pub(super) fn change(
        &mut self,
        inode: Inode,
        length: u64,
        now: Moment,
        change: impl FnOnce(&mut Blocks) -> Result<(), OutOfMemory>,
    ) -> Result<(), FileError> {
        let before = self.node(inode)?.size();
        let room = self.room;
        self.take_room(length.saturating_sub(before))?;
        self.room = self.room.saturating_add(before.saturating_sub(length));
        let node = self.node_mut(inode)?;
        (node.modified, node.changed) = (now, now);
        let Content::File(bytes) = &mut node.content else {
            return Err(FileError::IsADirectory);
        };
        let changed = change(bytes);
        changed.map_err(|_| {
            self.room = room;
            FileError::NoMemory
        })
    }

    pub(super) fn is_empty(&self, directory: Inode) -> Result<bool, FileError> {
        Ok(self.entries(directory)?.is_empty())
    }

    /// The real name that a directory has now.
    pub(super) fn directory_name(&self, directory: Inode) -> Result<Vec<u8>, FileError> {
        let mut names = Vec::new();
        let mut inode = directory;
        while inode != ROOT {
            let node = self.node(inode)?;
            let (parent, name) = node.place.as_ref().ok_or(match node.is_directory() {
                true => FileError::Missing,
                false => FileError::NotADirectory,
            })?;
            names.push(name.as_str());
            inode = *parent;
        }
        names.reverse();
        Ok(format!("/{}", names.join("/")).into_bytes())
    }

    /// The metadata of a node.
    pub(super) fn stat(&self, inode: Inode) -> Result<Stat, FileError> {
        let node = self.node(inode)?;
        let links = match &node.content {
            Content::Directory(_) if node.names == 0 => 0,
            Content::Directory(_) => 2 + node.directories,
            _ => node.names,
        };
        Ok(Stat {
            kind: node.kind(),
            size: match node.content {
                Content::Directory(_) => 4096,
                _ => node.size(),
            },
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            device: 1,
            inode,
            links,
            accessed: node.accessed,
            modified: node.modified,
            changed: node.changed,
            target: node.target().map(str::to_owned),
        })
    }

    /// The names in a directory, in byte order.
    pub(super) fn names(&self, directory: Inode) -> Result<&BTreeMap<String, Inode>, FileError> {
        let entries = self.entries(directory)?;
        self.node(directory)?.may(May::Read)?;
        Ok(entries)
    }

    /// The entries of a directory, in byte order of their names.
    pub(super) fn list(&self, directory: Inode) -> Result<Vec<DirectoryEntry>, FileError> {
        let entries = self.names(directory)?;
        if entries.len() > MOST_LISTED {
            return Err(FileError::TooManyListed);
        }
        let entry = |(name, inode): (&String, &Inode)| {
            Ok(DirectoryEntry {
                name: name.clone(),
                kind: self.node(*inode)?.kind(),
                inode: *inode,
            })
        };
        entries.iter().map(entry).collect()
    }
}
