//! Building a simulated world piece by piece.

use super::{
    Simulated, SimulatedError,
    clock::{Generator, Time},
    names::absolute,
    script::Script,
    tree::{Inode, Node, ROOT, Special, Tree, check_name},
};
use crate::{
    capability::address::{Host, parse_host},
    effect::{Answer, CommandOutput, Exchanged, Failure, HttpResponse},
    world::{links::MOST_MOVED, resolve::MAX_PATH},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use serde_json::{Value, json};
use tollgate_abi::rfc3339::Moment;

/// The default start: 2026-01-01T00:00:00Z.
const START: Moment = Moment {
    seconds: 1_767_225_600,
    nanos: 0,
};
/// The default time that passes at each reading of a clock.
const STEP: Duration = Duration::from_millis(1);

impl Default for Simulated {
    fn default() -> Simulated {
        Simulated::new()
    }
}

impl Simulated {
    /// A world with an empty root directory, where relative paths begin, and no variables, host names
    /// or answers. It begins at 2026-01-01T00:00:00Z, a millisecond passes at each reading of a
    /// clock, and the seed of random numbers is 0.
    #[must_use]
    pub fn new() -> Simulated {
        Simulated {
            working_directory: "/".into(),
            variables: Arc::default(),
            hosts: Arc::default(),
            script: Script::default(),
            clock: Time::new(START, STEP),
            random: Generator::new(0),
            tree: Tree::new(START),
            opened: Default::default(),
            moves_left: MOST_MOVED,
        }
    }

    /// Sets the seed of random numbers, which SplitMix64 generates alike on every machine.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Simulated {
        self.random = Generator::new(seed);
        self
    }

    /// Sets the first random bytes; those of the seed follow.
    #[must_use]
    pub fn random(mut self, bytes: impl Into<Vec<u8>>) -> Simulated {
        self.random.choose(bytes.into());
        self
    }

    /// Sets the first time of the real-time clock. Files that are added after this call have this
    /// time, too.
    #[must_use]
    pub fn start(mut self, moment: Moment) -> Simulated {
        self.clock.start = moment;
        self
    }

    /// Sets how much time passes at each reading of a clock. Time also passes while a plugin sleeps
    /// and by the duration that an answer states.
    #[must_use]
    pub fn step(mut self, step: Duration) -> Simulated {
        self.clock.step = step;
        self
    }

    /// Sets where relative paths and patterns begin, and creates the directory if it is missing.
    #[must_use]
    pub fn at(mut self, path: &str) -> Simulated {
        let path = self.absolute(path);
        self.make_directory(&path);
        self.working_directory = path.into();
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Simulated {
        Arc::make_mut(&mut self.variables).insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets how many bytes plugins can add to the files before there is no space left on the device.
    /// A name takes 512 bytes. The default is 256 MiB.
    #[must_use]
    pub fn room(mut self, bytes: u64) -> Simulated {
        self.tree.room = bytes;
        self
    }

    /// Adds a file with this content and mode 0644.
    ///
    /// This and the following methods accept relative paths, create missing directories on the way,
    /// and replace what exists, even a file where a directory is needed.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Simulated {
        let file = Node::file(&content.into(), self.clock.start);
        self.put(path, file);
        self
    }

    /// Adds a directory with mode 0755; an existing one stays as it is.
    #[must_use]
    pub fn directory(mut self, path: &str) -> Simulated {
        let path = self.absolute(path);
        self.make_directory(&path);
        self
    }

    /// Adds a symbolic link to this target, which need not exist.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Simulated {
        let link = Node::link(target, self.clock.start);
        self.put(path, link);
        self
    }

    /// Adds a device, a FIFO or a socket, with mode 0666.
    #[must_use]
    pub fn special(mut self, path: &str, special: Special) -> Simulated {
        let special = Node::special(special, self.clock.start);
        self.put(path, special);
        self
    }

    /// Adds a hard link to an existing file or symbolic link. Does nothing if there is none.
    #[must_use]
    pub fn hard_link(mut self, path: &str, existing: &str) -> Simulated {
        if let Some(inode) = self.inode(existing)
            && self.tree.node(inode).is_ok_and(|node| !node.is_directory())
        {
            let path = self.absolute(path);
            self.put_at(&path, Err(inode));
        }
        self
    }

    /// Sets the permission bits at a path, such as 0o600. Every plugin has the permissions of the
    /// owner; the bits of group and others are only reported.
    #[must_use]
    pub fn mode(self, path: &str, mode: u32) -> Simulated {
        self.alter(path, |node| node.mode = mode & 0o7777)
    }

    /// Sets the owner and the group at a path, which are only reported. The default is 0.
    #[must_use]
    pub fn owner(self, path: &str, uid: u32, gid: u32) -> Simulated {
        self.alter(path, |node| (node.uid, node.gid) = (uid, gid))
    }

    /// Sets the time of the last modification at a path.
    #[must_use]
    pub fn modified(self, path: &str, moment: Moment) -> Simulated {
        self.alter(path, |node| node.modified = moment)
    }

    /// Adds a host name with these addresses. Does nothing if it is not a valid host name.
    #[must_use]
    pub fn host(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Simulated {
        // No effect looks up an invalid name.
        let _ = self.give_addresses(name, addresses.into_iter().collect());
        self
    }

    pub(super) fn give_addresses(
        &mut self,
        name: &str,
        addresses: Vec<IpAddr>,
    ) -> Result<(), String> {
        match parse_host(name) {
            Ok(Host::Name(name)) => {
                Arc::make_mut(&mut self.hosts).insert(name, addresses);
                Ok(())
            }
            Ok(Host::Ip(_)) => Err("an address cannot have addresses".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Adds a response to a URL, for every method and without delay. A host name in it needs an
    /// address by [`host`](Simulated::host).
    ///
    /// # Errors
    ///
    /// If it is not an HTTP URL.
    pub fn http(
        self,
        url: &str,
        status: u16,
        body: impl Into<Vec<u8>>,
    ) -> Result<Simulated, SimulatedError> {
        let fetched = HttpResponse {
            status,
            protocol: "HTTP/1.1".to_owned(),
            headers: Vec::new(),
            body: body.into(),
            truncated: false,
            took: Duration::ZERO,
        };
        let when = json!({"http": {"url": url}});
        self.answer(when, Ok(Answer::Fetched(fetched)))
    }

    /// Adds a server that sends these bytes to each connection. A host name needs an address by
    /// [`host`](Simulated::host).
    #[must_use]
    pub fn exchange(mut self, host: &str, port: u16, received: impl Into<Vec<u8>>) -> Simulated {
        let unset = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
        let exchanged = Exchanged {
            received: received.into(),
            truncated: false,
            remote: unset,
            local: unset,
            timed_out: false,
            connect_time: Duration::ZERO,
        };
        let when = json!({"exchange": {"host": host, "port": port}});
        // This pattern is always valid.
        let _ = self
            .script
            .add(when, Ok(Answer::Exchanged(exchanged)), false);
        self
    }

    /// Adds the result of a command with these arguments. An executable file is created if nothing
    /// exists at the path. A bare name finds it if its directory is in the variable `PATH`.
    #[must_use]
    pub fn command(self, path: &str, args: &[&str], ran: CommandOutput) -> Simulated {
        let path = self.absolute(path);
        let mut world = self.program(&path);
        let when = json!({"run": {"command": path, "args": args}});
        // This pattern is always valid.
        let _ = world.script.add(when, Ok(Answer::Ran(ran)), false);
        world
    }

    /// Adds the outcome of every effect that matches the pattern, in the JSON form that
    /// [`from_json`](Simulated::from_json) describes. Patterns are tried in the order in which they
    /// were added.
    ///
    /// # Errors
    ///
    /// If the pattern matches no effect, or the answer is not one to such an effect.
    pub fn answer(
        self,
        pattern: Value,
        outcome: Result<Answer, Failure>,
    ) -> Result<Simulated, SimulatedError> {
        self.add_answer(pattern, outcome, false)
            .map_err(SimulatedError::in_pattern)
    }

    /// Does the same for the first matching effect only.
    ///
    /// # Errors
    ///
    /// As [`answer`](Simulated::answer).
    pub fn answer_once(
        self,
        pattern: Value,
        outcome: Result<Answer, Failure>,
    ) -> Result<Simulated, SimulatedError> {
        self.add_answer(pattern, outcome, true)
            .map_err(SimulatedError::in_pattern)
    }

    pub(super) fn add_answer(
        mut self,
        when: Value,
        outcome: Result<Answer, Failure>,
        once: bool,
    ) -> Result<Simulated, String> {
        let command = when.pointer("/run/command").and_then(Value::as_str);
        if let Some(path) = command.filter(|path| path.starts_with('/')) {
            check_length(path)?;
            let path = path.to_owned();
            self = self.program(&path);
        }
        self.script.add(when, outcome, once)?;
        Ok(self)
    }

    /// Adds an executable file unless something exists at the path.
    fn program(self, path: &str) -> Simulated {
        if self.has(path) {
            return self;
        }
        self.file(path, "").mode(path, 0o755)
    }

    /// Whether something exists at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.inode(path).is_some()
    }

    /// Checks whether a description in JSON may add something at a path.
    pub(super) fn may_be_put(&self, path: &str, directory: bool) -> Result<(), String> {
        check_length(path)?;
        let path = self.absolute(path);
        let mut here = Some(ROOT);
        let mut names = path.split('/').filter(|name| !name.is_empty()).peekable();
        if names.peek().is_none() && !directory {
            return Err("the root is a directory".to_owned());
        }
        while let Some(name) = names.next() {
            check_name(name).map_err(|error| error.failure(name).message)?;
            here = here.and_then(|parent| self.tree.has(parent, name));
            let Some(inode) = here else { continue };
            let is_directory = self.tree.node(inode).is_ok_and(Node::is_directory);
            match names.peek() {
                Some(_) if !is_directory => return Err(format!("{name:?} is not a directory")),
                None if !(directory && is_directory) => {
                    return Err("already exists".to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn alter(mut self, path: &str, change: impl FnOnce(&mut Node)) -> Simulated {
        if let Some(inode) = self.inode(path)
            && let Ok(node) = self.tree.node_mut(inode)
        {
            change(node);
        }
        self
    }

    pub(super) fn absolute(&self, path: &str) -> String {
        absolute(&self.working_directory, path)
    }

    /// What exists at a path. Links are not followed: a builder names real places.
    fn inode(&self, path: &str) -> Option<Inode> {
        let path = self.absolute(path);
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(ROOT, |directory, name| self.tree.has(directory, name))
    }

    fn put(&mut self, path: &str, node: Node) {
        let path = self.absolute(path);
        self.put_at(&path, Ok(node));
    }

    /// Creates a directory and its missing ancestors.
    fn make_directory(&mut self, path: &str) -> Inode {
        let now = self.clock.start;
        let mut directory = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let there = self.tree.has(directory, name);
            let there = there.filter(|inode| self.tree.node(*inode).is_ok_and(Node::is_directory));
            directory = match there {
                Some(inode) => inode,
                None => self.put_in(directory, name, Ok(Node::directory(now))),
            };
        }
        directory
    }

    /// Adds something new, or another name of something, at an absolute path.
    fn put_at(&mut self, path: &str, what: Result<Node, Inode>) {
        let Some((parent, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
        else {
            return;
        };
        let directory = self.make_directory(parent);
        self.put_in(directory, name, what);
    }

    /// Adds it in a directory. What a world begins with does not count as written by plugins.
    fn put_in(&mut self, directory: Inode, name: &str, what: Result<Node, Inode>) -> Inode {
        let now = self.clock.start;
        let room = core::mem::replace(&mut self.tree.room, u64::MAX);
        let inode = match what {
            Ok(node) => self.tree.add_unnamed(node).unwrap_or(directory),
            Err(inode) => inode,
        };
        if let Ok(before) = self.tree.unname(directory, name, now)
            && before != inode
        {
            self.tree.forget(before);
        }
        let _ = self.tree.name(directory, name, inode, now);
        self.tree.room = room;
        inode
    }
}

/// Checks the length of a path.
pub(super) fn check_length(path: &str) -> Result<(), String> {
    if path.len() >= MAX_PATH {
        return Err(format!("a path has at most {} bytes", MAX_PATH - 1));
    }
    Ok(())
}
