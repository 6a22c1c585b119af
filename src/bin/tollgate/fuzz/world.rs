//! The world of `--fuzz-world`: a simulated one with the replies of an input. A reply without a name goes to the
//! first request of its kind that the world cannot answer otherwise; the gate judges all of them as usual.

use super::{
    reply::{Kind, Reply, parse},
    scene,
};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};
use tollgate::{
    effect::{Answer, Effect, Failure, Refusal},
    gate::{Checkpoint, Permitted},
    world::{Simulated, World},
};

thread_local! {
    /// The world of the run of this thread: instances are made long before their inputs.
    static RUN: RefCell<Option<Run>> = const { RefCell::new(None) };
}

/// Makes the worlds of a campaign.
#[derive(Clone)]
pub struct Worlds {
    base: Simulated,
    /// The world as initialisation left it.
    initialised: Arc<Mutex<Option<Initialised>>>,
}

#[derive(Clone)]
struct Initialised {
    world: Simulated,
    /// The random bytes that it drew.
    drawn: Vec<u8>,
}

/// The world of one run.
struct Run {
    world: Simulated,
    /// Replies without a name that no request has taken.
    free: VecDeque<Reply>,
    /// Replies with a name, and those that got one.
    bound: Vec<Reply>,
    /// Files of made-up directories that nobody looked into.
    entries: BTreeSet<String>,
    requests: Requests,
}

/// What a run requested.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// The effects that the gate allowed.
    pub effects: BTreeSet<&'static str>,
    /// What replies would have answered.
    pub missing: BTreeSet<Kind>,
}

impl Worlds {
    pub fn new(base: Simulated) -> Worlds {
        Worlds {
            base,
            initialised: Arc::default(),
        }
    }

    /// The world of a new instance.
    pub fn world(&self) -> Made {
        Made {
            base: self.base.clone(),
            drawn: Vec::new(),
            origin: Some(self.clone()),
        }
    }

    fn initialised(&self) -> Initialised {
        let initialised = super::shared::lock(&self.initialised).clone();
        initialised.unwrap_or_else(|| Initialised {
            world: self.base.clone(),
            drawn: Vec::new(),
        })
    }

    /// Sets the world of the next run of this thread, and returns its config.
    pub fn set<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        let (config, replies) = parse(input);
        let (mut bound, free): (Vec<_>, VecDeque<_>) = {
            let (named, free): (Vec<_>, Vec<_>) = replies.into_iter().partition(Reply::is_named);
            (named, free.into())
        };
        // Files go into directories that are there.
        bound.sort_by_key(|reply| reply.kind != Kind::Directory);
        let mut entries = BTreeSet::new();
        for reply in bound.iter().filter(|reply| reply.kind == Kind::Directory) {
            entries.extend(files_of(reply));
        }
        for reply in bound.iter().filter(|reply| reply.kind == Kind::File) {
            if let Some(path) = reply.text("path") {
                entries.remove(path);
            }
        }
        let world = bound.iter().fold(self.initialised().world, scene::add);
        RUN.set(Some(Run {
            world,
            free,
            bound,
            entries,
            requests: Requests::default(),
        }));
        config
    }

    /// The replies of the last run of this thread, all with names: also those that requests took, and none that
    /// nothing requested.
    pub fn bound(&self) -> Vec<Reply> {
        RUN.with_borrow(|run| {
            run.as_ref()
                .map(|run| run.bound.clone())
                .unwrap_or_default()
        })
    }

    /// The random bytes that initialisation drew.
    pub fn drawn(&self) -> Vec<u8> {
        self.initialised().drawn
    }
}

/// What the last run of this thread requested.
pub fn requests() -> Requests {
    RUN.with_borrow(|run| {
        run.as_ref()
            .map(|run| run.requests.clone())
            .unwrap_or_default()
    })
}

/// The files in a made-up directory.
fn files_of(directory: &Reply) -> impl Iterator<Item = String> {
    let path = directory.text("path").unwrap_or_default();
    let entries = scene::entries(path, directory).into_iter();
    entries.filter_map(|(path, is_directory)| (!is_directory).then_some(path))
}

/// The world of an instance: that of its thread's run while there is one, and else the one that it begins with.
pub struct Made {
    base: Simulated,
    drawn: Vec<u8>,
    /// None in copies: the first one has the state after initialisation.
    origin: Option<Worlds>,
}

impl World for Made {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        RUN.with_borrow_mut(|run| match run {
            Some(run) => run.perform(effect, gate),
            None => {
                let reply = self.base.perform(effect, gate)?;
                if let Answer::Bytes(bytes) = reply.as_answer()
                    && matches!(effect, Effect::Random { .. })
                {
                    self.drawn.extend(bytes);
                }
                Ok(reply)
            }
        })
    }

    fn fork(&self) -> Option<Box<dyn World>> {
        if let Some(origin) = &self.origin {
            *super::shared::lock(&origin.initialised) = Some(Initialised {
                world: self.base.clone(),
                drawn: self.drawn.clone(),
            });
        }
        Some(Box::new(Made {
            base: self.base.clone(),
            drawn: Vec::new(),
            origin: None,
        }))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        self.base.real_name(path)
    }

    fn working_directory(&self) -> String {
        self.base.working_directory()
    }
}

impl Run {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        if let Effect::Open { path, .. } | Effect::Stat { path, .. } = effect
            && self.entries.contains(path)
        {
            let path = path.clone();
            self.entries.remove(&path);
            self.take(&[Kind::File], "path", &path.into());
        }
        // A reply may be no answer either, such as a link that leads nowhere.
        const MOST: u32 = 8;
        let mut reply = self.world.perform(effect, gate);
        for _ in 0..MOST {
            if !self.is_missing(effect, &reply) || !self.answer(effect) {
                break;
            }
            reply = self.world.perform(effect, gate);
        }
        if !matches!(reply, Err(Refusal::Denied(_))) {
            self.requests.effects.insert(effect.kind());
        }
        reply
    }

    /// Whether the world has nothing of what an effect names.
    fn is_missing(&self, effect: &Effect, reply: &Result<Permitted, Refusal>) -> bool {
        match reply {
            Ok(permitted) => matches!(permitted.as_answer(), Answer::Variable(None)),
            Err(Refusal::Failed(Failure { code, .. })) => match effect {
                Effect::Run { .. } => matches!(&**code, "ENOENT" | "ENOEXEC"),
                _ => matches!(&**code, "ENOENT" | "NXDOMAIN" | "ECONNREFUSED"),
            },
            Err(_) => false,
        }
    }

    /// Gives an effect that the world cannot answer the next reply of its kind. Returns whether there was one.
    fn answer(&mut self, effect: &Effect) -> bool {
        match effect {
            Effect::Open { path, options } => {
                let kinds: &[Kind] = match (options.create, options.directory) {
                    (true, _) => return self.take(&[Kind::Directory], "path", &parent(path)),
                    (_, true) => &[Kind::Directory],
                    _ => &[Kind::File, Kind::Directory, Kind::Link],
                };
                self.take(kinds, "path", &path.clone().into())
            }
            Effect::Stat { path, .. } => {
                let kinds = [Kind::File, Kind::Directory, Kind::Link];
                self.take(&kinds, "path", &path.clone().into())
            }
            Effect::ReadLink { path } => self.take(&[Kind::Link], "path", &path.clone().into()),
            Effect::WriteFile { path, .. } | Effect::MakeDirectory { path } => {
                self.take(&[Kind::Directory], "path", &parent(path))
            }
            Effect::Variable { name } => self.take(&[Kind::Variable], "name", &name.clone().into()),
            Effect::Http { method, url, .. } => self.take(
                &[Kind::Http],
                "when",
                &json!({ "method": method, "url": url }),
            ),
            Effect::Exchange { host, port, .. } => self.take(
                &[Kind::Exchange],
                "when",
                &json!({ "host": host, "port": port }),
            ),
            Effect::Tls { host, port, .. } => {
                self.take(&[Kind::Tls], "when", &json!({ "host": host, "port": port }))
            }
            Effect::Greet { host, port, .. } => self.take(
                &[Kind::Greet],
                "when",
                &json!({ "host": host, "port": port }),
            ),
            Effect::Lookup {
                name,
                records,
                nameserver,
                ..
            } => {
                let fields = match nameserver {
                    Some(server) => json!({ "name": name, "records": records,
                        "nameserver": { "host": server.host, "port": server.port } }),
                    None => json!({ "name": name, "records": records }),
                };
                self.take(&[Kind::Lookup], "when", &fields)
            }
            Effect::Run { command, args, .. } => self.take(
                &[Kind::Run],
                "when",
                &json!({ "command": command, "args": args }),
            ),
            _ => false,
        }
    }

    /// Names the first free reply of one of these kinds, and adds it to the world.
    fn take(&mut self, kinds: &[Kind], field: &str, name: &Value) -> bool {
        let found = self.free.iter().position(|it| kinds.contains(&it.kind));
        let Some(mut reply) = found.and_then(|at| self.free.remove(at)) else {
            self.requests.missing.extend(kinds);
            return false;
        };
        reply.fields.insert(field.to_owned(), name.clone());
        self.world = scene::add(std::mem::take(&mut self.world), &reply);
        if reply.kind == Kind::Directory {
            self.entries.extend(files_of(&reply));
        }
        self.bound.push(reply);
        true
    }
}

/// The directory that a path is in.
fn parent(path: &str) -> Value {
    let path = path.trim_end_matches('/');
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    match parent {
        "" => "/".into(),
        parent => parent.into(),
    }
}
