//! Making a simulated world, a piece at a time.

use super::{
    Simulated, SimulatedError,
    clock::{Chance, Time},
    names::absolute,
    script::Script,
    tree::{Inode, Node, ROOT, Tree, check_name},
};
use crate::{
    capability::address::{Host, parse_host},
    effect::{Answer, CommandOutput, Exchanged, Failure, HttpResponse},
    world::{links::MOST_MOVED, resolve::MAX_PATH},
};
use serde_json::{Value, json};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tollgate_abi::rfc3339::Moment;

/// When a world begins that says nothing of it: 2026-01-01T00:00:00Z.
const START: Moment = Moment {
    seconds: 1_767_225_600,
    nanos: 0,
};
/// How much time passes at each reading of a clock, unless the world says otherwise.
const STEP: Duration = Duration::from_millis(1);

impl Default for Simulated {
    fn default() -> Simulated {
        Simulated::new()
    }
}

impl Simulated {
    /// A world in which there is an empty directory `/`, where relative paths begin, and nothing
    /// else: no variable, no name that can be resolved, nobody who answers. It is the first moment
    /// of 2026, each reading of a clock takes a millisecond, and random numbers come from the seed
    /// 0.
    pub fn new() -> Simulated {
        Simulated {
            working_directory: "/".into(),
            variables: Arc::default(),
            hosts: Arc::default(),
            script: Script::default(),
            clock: Time::new(START, STEP),
            chance: Chance::new(0),
            tree: Tree::new(START),
            opened: Default::default(),
            moves_left: MOST_MOVED,
        }
    }

    /// Random numbers come from this seed, by SplitMix64, the same on every machine.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Simulated {
        self.chance = Chance::new(seed);
        self
    }

    /// The moment that the clock of the day shows first. What is put in the world from then on has
    /// this time.
    #[must_use]
    pub fn start(mut self, moment: Moment) -> Simulated {
        self.clock = Time::new(moment, self.clock.step);
        self
    }

    /// How much time passes at each reading of a clock. Beside that it passes only where a plugin
    /// sleeps, by as much as it sleeps, and where an answer took time, by as much as that took.
    #[must_use]
    pub fn step(mut self, step: Duration) -> Simulated {
        self.clock = Time::new(self.clock.start, step);
        self
    }

    /// Where relative paths and patterns begin; the directory is made if there is none.
    #[must_use]
    pub fn at(mut self, path: &str) -> Simulated {
        let path = self.absolute(path);
        self.make_directory(&path);
        self.working_directory = path.into();
        self
    }

    /// A variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Simulated {
        Arc::make_mut(&mut self.variables).insert(name.to_owned(), value.to_owned());
        self
    }

    /// How many bytes plugins can add to the files of the world; beyond that there is no space left
    /// on the device. A name costs 512 bytes. Unless this is called, 256 MiB.
    #[must_use]
    pub fn room(mut self, bytes: u64) -> Simulated {
        self.tree.room = bytes;
        self
    }

    /// A file with this content, readable by all and writable by its owner (0644).
    ///
    /// For this and all that follows: paths may be relative, directories on the way are made, and
    /// what is there already makes way, be it a file where a directory is needed.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Simulated {
        let file = Node::file(&content.into(), self.clock.start);
        self.put(path, file);
        self
    }

    /// A directory, searchable by all (0755); one that is there stays as it is.
    #[must_use]
    pub fn directory(mut self, path: &str) -> Simulated {
        let path = self.absolute(path);
        self.make_directory(&path);
        self
    }

    /// A symbolic link to this target, which need not exist.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Simulated {
        let link = Node::link(target, self.clock.start);
        self.put(path, link);
        self
    }

    /// One more name for a file or symbolic link. Without effect where there is none.
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

    /// The permission bits of what is at a path, such as 0o600. Those of the owner hold for every
    /// plugin, whoever the owner is; those of others are only told.
    #[must_use]
    pub fn mode(self, path: &str, mode: u32) -> Simulated {
        self.alter(path, |node| node.mode = mode & 0o7777)
    }

    /// The owner and the group of what is at a path, which are only told. Unless this is called, 0.
    #[must_use]
    pub fn owner(self, path: &str, uid: u32, gid: u32) -> Simulated {
        self.alter(path, |node| (node.uid, node.gid) = (uid, gid))
    }

    /// When what is at a path was last modified.
    #[must_use]
    pub fn modified(self, path: &str, moment: Moment) -> Simulated {
        self.alter(path, |node| node.modified = moment)
    }

    /// A name that leads to these addresses.
    #[must_use]
    pub fn host(mut self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Simulated {
        // What cannot be the name of a host is never asked for.
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
            Ok(Host::Ip(_)) => Err("an address leads to itself".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Answers to a URL, whatever the method, in no time. If its host is a name,
    /// [`host`](Simulated::host) must give that an address.
    ///
    /// # Errors
    ///
    /// If the URL is none, or not one for HTTP.
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

    /// Sends these bytes to whoever connects to this port. If the host is a name,
    /// [`host`](Simulated::host) must give that an address.
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
        // A host and a port always make a pattern.
        let _ = self
            .script
            .add(when, Ok(Answer::Exchanged(exchanged)), false);
        self
    }

    /// How a command with these arguments ends. The executable file is made if there is nothing
    /// at the path. Who asks for it by a bare name finds it if the variable `PATH` says so.
    #[must_use]
    pub fn command(self, path: &str, args: &[&str], ran: CommandOutput) -> Simulated {
        let path = self.absolute(path);
        let mut world = self.program(&path);
        let when = json!({"run": {"command": path, "args": args}});
        // A path and arguments always make a pattern.
        let _ = world.script.add(when, Ok(Answer::Ran(ran)), false);
        world
    }

    /// What comes of every effect that has all that the pattern has, in the JSON form that
    /// [`from_json`](Simulated::from_json) describes. What was added first is tried first.
    ///
    /// # Errors
    ///
    /// If there is no such effect, or none that is answered so.
    pub fn answer(
        self,
        pattern: Value,
        outcome: Result<Answer, Failure>,
    ) -> Result<Simulated, SimulatedError> {
        self.add_answer(pattern, outcome, false)
            .map_err(SimulatedError::in_pattern)
    }

    /// The same, but for the first such effect only.
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

    /// An executable file, unless something is there.
    fn program(self, path: &str) -> Simulated {
        if self.has(path) {
            return self;
        }
        self.file(path, "").mode(path, 0o755)
    }

    /// Whether something is at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.inode(path).is_some()
    }

    /// Whether a strict description may put something there.
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
                    return Err("something is there already".to_owned());
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

    /// What is at a path, links on the way followed by name only: whoever builds a world says where
    /// things are.
    fn inode(&self, path: &str) -> Option<Inode> {
        let path = self.absolute(path);
        let mut names = path.split('/').filter(|name| !name.is_empty());
        names.try_fold(ROOT, |directory, name| self.tree.has(directory, name))
    }

    fn put(&mut self, path: &str, node: Node) {
        let path = self.absolute(path);
        self.put_at(&path, Ok(node));
    }

    /// Makes a directory and those that lead to it, and gives the number of the last.
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

    /// Puts something new, or one more name of something, at an absolute path.
    fn put_at(&mut self, path: &str, what: Result<Node, Inode>) {
        let Some((parent, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
        else {
            return;
        };
        let directory = self.make_directory(parent);
        self.put_in(directory, name, what);
    }

    /// Gives the number of what was put; what a world begins with takes none of its room.
    fn put_in(&mut self, directory: Inode, name: &str, what: Result<Node, Inode>) -> Inode {
        let now = self.clock.start;
        let room = std::mem::replace(&mut self.tree.room, u64::MAX);
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

/// Whether a system would take a path of this length.
pub(super) fn check_length(path: &str) -> Result<(), String> {
    if path.len() >= MAX_PATH {
        return Err(format!("a path has at most {} bytes", MAX_PATH - 1));
    }
    Ok(())
}
