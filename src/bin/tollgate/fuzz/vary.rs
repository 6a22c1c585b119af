//! Changed inputs of `--fuzz-world`: their configs as trees, the content of their replies, their fields, and which
//! replies there are.

use super::{
    havoc::{self, Materials},
    json::Shapes,
    random::Random,
    reply::{Kind, Reply, parse, print},
    worker::Worker,
    world::{self, Requests},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the runs of a thread requested so far, and what the replies to that may be.
pub struct Replies {
    requests: Requests,
    /// Variables whose names are granted.
    variables: Vec<String>,
    /// Of content that is JSON.
    any: Shapes,
}

/// Errors that effects fail with. What absence means is not among them: then there is no reply.
const FAILURES: [(&str, &[(&str, &str)]); 3] = [
    (
        "fs",
        &[
            ("fs", "EIO"),
            ("fs", "EACCES"),
            ("fs", "EISDIR"),
            ("fs", "EMFILE"),
        ],
    ),
    (
        "network",
        &[
            ("network", "ECONNRESET"),
            ("timeout", "ETIMEDOUT"),
            ("tls", ""),
            ("network", "EHOSTUNREACH"),
        ],
    ),
    (
        "run",
        &[
            ("execution", "EACCES"),
            ("timeout", "ETIMEDOUT"),
            ("execution", "E2BIG"),
        ],
    ),
];

/// The errors of an effect; none for those that do not fail.
fn failures(effect: &str) -> &'static [(&'static str, &'static str)] {
    let class = match effect {
        "http" | "exchange" | "tls" | "lookup" | "greet" => "network",
        "run" => "run",
        "now" | "sleep" | "random" | "variable" | "variables" | "log" | "custom" => return &[],
        _ => "fs",
    };
    let found = FAILURES.iter().find(|(of, _)| *of == class);
    found.map_or(&[], |(_, failures)| failures)
}

impl Replies {
    pub fn new(variables: Vec<String>) -> Replies {
        Replies {
            requests: Requests::default(),
            variables,
            any: Shapes::new(Value::Null, &[]),
        }
    }

    /// The inputs that a kept one leads to: with what its run missed, and with what it requested failing.
    pub fn grown(&mut self, input: &[u8], run: &Requests, random: &mut Random) -> Vec<Vec<u8>> {
        let (config, replies) = parse(input);
        let with = |more: &[Reply]| print(config, &[&replies, more].concat());
        let mut grown = Vec::new();
        let new: BTreeSet<_> = run.effects.difference(&self.requests.effects).collect();
        for effect in new {
            if let Some(failure) = random.pick(failures(effect)) {
                grown.push(with(&[failing(effect, *failure)]));
            }
        }
        let has = |kind: Kind| replies.iter().any(|reply| reply.kind == kind);
        for (effect, kind) in [("now", Kind::Clock), ("random", Kind::Random)] {
            if run.effects.contains(effect) && !has(kind) {
                grown.push(with(&[self.made(kind, random)]));
            }
        }
        if run.effects.contains("variables") && !has(Kind::Variable) {
            for name in &self.variables {
                let value = Reply::new(Kind::Variable, text(24, random));
                grown.push(with(&[value.with("name", &**name)]));
            }
        }
        for kind in &run.missing {
            let reply = self.made(*kind, random);
            // The last one is run first.
            let empty = Reply {
                content: Vec::new(),
                ..reply.clone()
            };
            grown.push(with(&[empty]));
            grown.push(with(&[reply]));
        }
        self.requests.effects.extend(&run.effects);
        self.requests.missing.extend(&run.missing);
        grown
    }

    /// A reply of a kind, for any request.
    fn made(&self, kind: Kind, random: &mut Random) -> Reply {
        let reply = Reply::new(kind, text(24, random));
        match kind {
            Kind::Directory => Reply {
                content: b"a\nb.conf\nc/\n".to_vec(),
                ..reply
            },
            Kind::Link => Reply {
                content: b"a".to_vec(),
                ..reply
            },
            Kind::Lookup => Reply {
                content: b"192.0.2.1\n".to_vec(),
                ..reply
            },
            // As a number that is there, it can be compared.
            Kind::Http => reply.with("status", 200),
            Kind::Run => reply.with("exit_code", 0),
            Kind::Greet => Reply {
                content: b"220 ready".to_vec(),
                ..reply
            },
            Kind::Clock => Reply::new(kind, *b"")
                .with("seconds", 1_767_225_600 + random.below(1 << 24) as u64)
                .with("nanos", random.below(1_000_000_000) as u64),
            Kind::Random => Reply::new(kind, (0..32).map(|_| random.byte()).collect::<Vec<u8>>()),
            _ => reply,
        }
    }

    /// An input with other replies, another config, or both; `None` if it has nothing to change so.
    pub fn change(
        &self,
        input: &[u8],
        shapes: &Shapes,
        with: &Materials<'_>,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let (config, mut replies) = parse(input);
        let mut config = config.to_vec();
        for _ in 0..=random.below(2) {
            match random.below(8) {
                0..3 => config = shapes.change(&config, random)?,
                3 if random.one_in(4) => config = shapes.fresh(random),
                _ => self.change_replies(&mut replies, with, random),
            }
        }
        Some(print(&config, &replies))
    }

    fn change_replies(&self, replies: &mut Vec<Reply>, with: &Materials<'_>, random: &mut Random) {
        const MOST: usize = 32;
        let at = random.below(replies.len());
        match random.below(12) {
            0 if replies.len() < MOST => {
                if let Some(reply) = self.new_reply(random) {
                    replies.insert(random.below(replies.len() + 1), reply);
                }
            }
            1 if replies.len() < MOST => {
                // Also those of another input.
                let (_, others) = parse(with.other);
                if let Some(other) = random.pick(&others) {
                    replies.insert(random.below(replies.len() + 1), other.clone());
                }
            }
            2 if at < replies.len() => drop(replies.remove(at)),
            3 if at < replies.len() => {
                let other = random.below(replies.len());
                replies.swap(at, other);
            }
            4 if at < replies.len() && replies.len() < MOST => {
                if let Some(copy) = replies.get(at).cloned() {
                    replies.insert(at, copy);
                }
            }
            5 | 6 => {
                if let Some(reply) = replies.get_mut(at) {
                    change_fields(reply, random);
                }
            }
            _ => {
                if let Some(reply) = replies.get_mut(at) {
                    let tree = match random.one_in(2) {
                        true => self.any.change(&reply.content, random),
                        false => None,
                    };
                    match tree {
                        Some(changed) => reply.content = changed,
                        None => havoc::change(&mut reply.content, random, with),
                    }
                }
            }
        }
    }

    /// A reply to something that was requested.
    fn new_reply(&self, random: &mut Random) -> Option<Reply> {
        let effects: Vec<_> = self.requests.effects.iter().copied().collect();
        if random.one_in(3)
            && let Some(effect) = random.pick(&effects)
            && let Some(failure) = random.pick(failures(effect))
        {
            let failing = failing(effect, *failure);
            return Some(match random.one_in(2) {
                true => failing.with("once", true),
                false => failing,
            });
        }
        let mut kinds: Vec<Kind> = self.requests.missing.iter().copied().collect();
        for (effect, kind) in [("now", Kind::Clock), ("random", Kind::Random)] {
            if self.requests.effects.contains(effect) {
                kinds.push(kind);
            }
        }
        let kind = *random.pick(&kinds)?;
        Some(self.made(kind, random))
    }
}

fn failing(effect: &str, (kind, code): (&str, &str)) -> Reply {
    Reply::new(Kind::Fail, *b"")
        .with("when", json!({ effect: {} }))
        .with("kind", kind)
        .with("code", code)
}

fn text(len: usize, random: &mut Random) -> Vec<u8> {
    (0..len).map(|_| b' ' + random.byte() % 95).collect()
}

/// Sets a field of a reply to a value that hosts have.
fn change_fields(reply: &mut Reply, random: &mut Random) {
    const STATUS: [u64; 16] = [
        200, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 418, 429, 500, 503, 999,
    ];
    const EXIT: [i64; 8] = [0, 1, 2, 126, 127, 128, 255, -1];
    const MODES: [&str; 8] = [
        "0644", "0600", "0400", "0000", "0755", "0777", "4755", "1777",
    ];
    const IDS: [u64; 5] = [0, 1, 1000, 65534, 4_294_967_295];
    const SECONDS: [i64; 9] = [
        0,
        -1,
        1,
        951_782_400,
        1_709_164_800,
        2_147_483_647,
        2_147_483_648,
        4_102_444_800,
        253_402_300_800,
    ];
    const STEPS: [u64; 6] = [0, 1, 1_000_000, 1_000_000_000, 86_400_000_000_000, u64::MAX];
    const HEADERS: [(&str, &str); 6] = [
        ("location", "/"),
        ("content-type", "application/json"),
        ("content-type", "text/html"),
        ("retry-after", "0"),
        ("content-length", "0"),
        ("set-cookie", "a=b"),
    ];
    let number = |numbers: &[u64], random: &mut Random| match random.one_in(4) {
        true => random.below(1 << 16).into(),
        false => random.pick(numbers).copied().unwrap_or(0).into(),
    };
    let (field, value): (&str, Value) = match (reply.kind, random.below(4)) {
        (Kind::File | Kind::Directory, 0 | 1) => (
            "mode",
            random.pick(&MODES).copied().unwrap_or_default().into(),
        ),
        (Kind::File | Kind::Directory, 2) => ("uid", number(&IDS, random)),
        (Kind::File | Kind::Directory, _) => (
            "modified",
            random.pick(&SECONDS).copied().unwrap_or(0).into(),
        ),
        (Kind::Http, 0) => {
            let (name, value) = random.pick(&HEADERS).copied().unwrap_or_default();
            let headers = reply.fields.get("headers").and_then(Value::as_object);
            let mut headers = headers.cloned().unwrap_or_default();
            headers.insert(name.to_owned(), value.into());
            ("headers", headers.into())
        }
        (Kind::Http, _) => ("status", number(&STATUS, random)),
        (Kind::Run, 0) => ("stderr", "error: no such thing\n".into()),
        (Kind::Run, _) => ("exit_code", random.pick(&EXIT).copied().unwrap_or(0).into()),
        (Kind::Exchange, _) => ("timed_out", random.one_in(2).into()),
        (Kind::Clock, 0) => ("step", number(&STEPS, random)),
        (Kind::Clock, 1) => ("nanos", random.below(1_000_000_000).into()),
        (Kind::Clock, _) => (
            "seconds",
            random.pick(&SECONDS).copied().unwrap_or(0).into(),
        ),
        (Kind::Tls, _) => (
            "session",
            json!({
                "version": if random.one_in(2) { "TLS 1.2" } else { "TLS 1.3" },
                "not_after": { "seconds": random.pick(&SECONDS), "nanos": 0 },
            }),
        ),
        (Kind::Fail, _) => ("once", random.one_in(2).into()),
        _ => return,
    };
    reply.fields.insert(field.to_owned(), value);
}

impl Worker<'_> {
    /// Queues what a kept input leads to.
    pub fn grow(&mut self, input: &[u8]) {
        if let Some(replies) = &mut self.replies {
            let grown = replies.grown(input, &world::requests(), &mut self.random);
            self.grown.extend(grown);
        }
    }
}
