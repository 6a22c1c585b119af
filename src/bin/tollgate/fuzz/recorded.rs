//! Recordings as inputs: the config of a transcript, and the replies in it.

use super::reply::{Kind, Reply, print};
use crate::{Failure, replay};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};
use tollgate::abi::base64;

/// The input of a recorded run, with its replies if they are wanted.
pub fn input(path: &Path, with_replies: bool) -> Result<Vec<u8>, Failure> {
    // It says what is wrong with a transcript, and where.
    replay::open(path)?;
    let text = fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
    let mut lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let header = lines.next().unwrap_or_default();
    let config = header.get("config").cloned().unwrap_or_else(|| json!({}));
    let mut recorded = Recorded::default();
    if with_replies {
        lines.for_each(|line| recorded.line(&line));
    }
    Ok(print(config.to_string().as_bytes(), &recorded.replies()))
}

/// What a transcript records of the host.
#[derive(Default)]
struct Recorded {
    /// Large bytes, by their digests.
    large: HashMap<String, Vec<u8>>,
    /// The path of each open file.
    open: HashMap<u64, String>,
    files: BTreeMap<String, Reply>,
    others: Vec<Reply>,
    random: Vec<u8>,
    clock: Option<Reply>,
}

impl Recorded {
    fn line(&mut self, line: &Value) {
        if let (Some(digest), Some(content)) = (line["blob"].as_str(), line.get("content")) {
            let content = self.bytes(content);
            self.large.insert(digest.to_owned(), content);
            return;
        }
        let effect = match &line["effect"] {
            Value::String(name) => json!({ name: {} }),
            effect => effect.clone(),
        };
        let Some((name, fields)) = effect.as_object().and_then(|effect| effect.iter().next())
        else {
            return;
        };
        let reply = &line["reply"];
        match line["verdict"].as_str() {
            Some("granted") => self.granted(name, fields, reply, line["during"] == "call"),
            Some("failed") => self.failed(name, fields, reply),
            _ => {}
        }
    }

    fn bytes(&self, value: &Value) -> Vec<u8> {
        match (value, value["base64"].as_str(), value["sha256"].as_str()) {
            (Value::String(text), ..) => text.clone().into_bytes(),
            (_, Some(text), _) => base64::decode(text).unwrap_or_default(),
            (.., Some(digest)) => self.large.get(digest).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn granted(&mut self, name: &str, fields: &Value, reply: &Value, in_call: bool) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let handle = fields["handle"].as_u64().and_then(|it| self.open.get(&it));
        match name {
            "open" => {
                let opened = &reply["opened"];
                let path = text(&fields["path"]);
                if let Some(handle) = opened["handle"].as_u64() {
                    self.open.insert(handle, path.clone());
                }
                // What a run creates itself is no reply.
                if fields.pointer("/options/create") != Some(&Value::Bool(true)) {
                    self.seen(&path, &opened["stat"]);
                }
            }
            "stat" => self.seen(&text(&fields["path"]), &reply["stat"]),
            "read_link" => {
                let link = Reply::new(Kind::Link, text(&reply["target"]));
                self.put(&text(&fields["path"]), link);
            }
            "read_at" => {
                let Some(path) = handle.cloned() else { return };
                let bytes = self.bytes(&reply["bytes"]);
                let offset = fields["offset"].as_u64().unwrap_or(0);
                const LARGEST: u64 = 1 << 20;
                if let Some(file) = self.files.get_mut(&path)
                    && let Ok(at) = usize::try_from(offset.min(LARGEST))
                    && !bytes.is_empty()
                {
                    let end = at + bytes.len();
                    if file.content.len() < end {
                        file.content.resize(end, 0);
                    }
                    for (to, byte) in file.content.iter_mut().skip(at).zip(bytes) {
                        *to = byte;
                    }
                }
            }
            "list" => {
                let Some(path) = handle.cloned() else { return };
                let mut names = String::new();
                for entry in reply["entries"].as_array().into_iter().flatten() {
                    names.push_str(entry["name"].as_str().unwrap_or_default());
                    names.push_str(if entry["kind"] == "directory" {
                        "/\n"
                    } else {
                        "\n"
                    });
                }
                self.files.insert(
                    path.clone(),
                    Reply::new(Kind::Directory, names).with("path", path),
                );
            }
            "variable" => {
                if let Some(value) = reply["variable"].as_str() {
                    self.variable(&text(&fields["name"]), value);
                }
            }
            "variables" => {
                for pair in reply["variables"].as_array().into_iter().flatten() {
                    // Those are of the host's own for programs in Go.
                    let name = text(&pair[0]);
                    if !matches!(&*name, "GODEBUG" | "GOGC" | "GOMEMLIMIT") {
                        self.variable(&name, &text(&pair[1]));
                    }
                }
            }
            "random" if in_call => {
                let bytes = self.bytes(&reply["bytes"]);
                self.random.extend(bytes);
            }
            "now" if in_call && fields["clock"] == "realtime" && self.clock.is_none() => {
                let nanos = reply["time"].as_u64().unwrap_or(0);
                let clock = Reply::new(Kind::Clock, *b"")
                    .with("seconds", nanos / 1_000_000_000)
                    .with("nanos", nanos % 1_000_000_000);
                self.clock = Some(clock);
            }
            _ => {
                if let Some(reply) = self.answer(name, reply) {
                    self.others.push(reply.with("when", when(name, fields)));
                }
            }
        }
    }

    /// The reply of the network or of a command.
    fn answer(&self, name: &str, reply: &Value) -> Option<Reply> {
        Some(match name {
            "http" => {
                let fetched = &reply["fetched"];
                let headers = fetched["headers"].as_array().into_iter().flatten();
                let headers = headers
                    .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())));
                let headers: Map<String, Value> = headers.collect();
                Reply::new(Kind::Http, self.bytes(&fetched["body"]))
                    .with("status", fetched["status"].clone())
                    .with("headers", headers)
            }
            "exchange" => {
                let exchanged = &reply["exchanged"];
                Reply::new(Kind::Exchange, self.bytes(&exchanged["received"]))
                    .with("timed_out", exchanged["timed_out"].clone())
            }
            "tls" => {
                Reply::new(Kind::Tls, *b"").with("session", at(reply, "/secured/session").clone())
            }
            "lookup" => {
                let records = at(reply, "/found/records");
                let texts = records["texts"].as_array().into_iter().flatten();
                let mut lines: Vec<String> = texts
                    .filter_map(|text| Some(text.as_str()?.to_owned()))
                    .collect();
                for server in records["mail_servers"].as_array().into_iter().flatten() {
                    lines.push(format!(
                        "{} {}",
                        server[0],
                        server[1].as_str().unwrap_or_default()
                    ));
                }
                Reply::new(Kind::Lookup, lines.join("\n"))
            }
            "greet" => {
                let banner = at(reply, "/greeted/banner").as_str().unwrap_or_default();
                Reply::new(Kind::Greet, banner)
            }
            "run" => {
                let ran = &reply["ran"];
                let stderr = self.bytes(&ran["stderr"]);
                Reply::new(Kind::Run, self.bytes(&ran["stdout"]))
                    .with("exit_code", ran["exit_code"].clone())
                    .with("stderr", String::from_utf8_lossy(&stderr).into_owned())
            }
            _ => return None,
        })
    }

    fn failed(&mut self, name: &str, fields: &Value, failure: &Value) {
        // What is missing is no reply.
        let code = failure["code"].as_str().unwrap_or_default();
        if matches!(code, "ENOENT" | "NXDOMAIN" | "ECONNREFUSED") {
            return;
        }
        let fail = Reply::new(Kind::Fail, *b"")
            .with("when", json!({ name: when(name, fields) }))
            .with("kind", failure["kind"].clone())
            .with("code", code)
            .with("message", failure["message"].clone());
        self.others.push(fail);
    }

    /// Notes what is at a path, unless it is known better.
    fn seen(&mut self, path: &str, stat: &Value) {
        let kind = match stat["kind"].as_str() {
            Some("file") => Kind::File,
            Some("directory") => Kind::Directory,
            Some("symlink") => Kind::Link,
            _ => return,
        };
        let target = stat["target"].as_str().unwrap_or_default();
        let mut reply = Reply::new(kind, target);
        if let Some(mode) = stat["mode"].as_u64() {
            reply = reply.with("mode", format!("{mode:04o}"));
        }
        for owner in ["uid", "gid"] {
            if let Some(id) = stat[owner].as_u64().filter(|id| *id > 0) {
                reply = reply.with(owner, id);
            }
        }
        self.put(path, reply);
    }

    fn put(&mut self, path: &str, reply: Reply) {
        let named = reply.with("path", path);
        self.files.entry(path.to_owned()).or_insert(named);
    }

    fn variable(&mut self, name: &str, value: &str) {
        let has = self.others.iter().any(|it| it.text("name") == Some(name));
        if !has {
            self.others
                .push(Reply::new(Kind::Variable, value).with("name", name));
        }
    }

    fn replies(self) -> Vec<Reply> {
        let mut replies: Vec<Reply> = self.files.into_values().collect();
        replies.extend(self.others);
        replies.extend(self.clock);
        if !self.random.is_empty() {
            replies.push(Reply::new(Kind::Random, self.random));
        }
        replies
    }
}

/// The fields by which an effect is known again.
fn when(name: &str, fields: &Value) -> Value {
    let names: &[&str] = match name {
        "http" => &["method", "url"],
        "exchange" | "tls" | "greet" => &["host", "port"],
        "lookup" => &["name", "records"],
        "run" => &["command", "args"],
        _ => &["path"],
    };
    let fields = names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), fields.get(*name)?.clone())));
    Value::Object(fields.collect())
}

/// What is at a place; null if nothing is.
fn at<'a>(value: &'a Value, place: &str) -> &'a Value {
    value.pointer(place).unwrap_or(&Value::Null)
}
