//! Transcripts: read, played and compared.

use super::{Listed, Work, listed, plugin::Plain, repeated};
use crate::support::transcripts::{checked, unchecked};
use serde_json::Value;
use tollgate::{
    Config, Plugin,
    abi::sha256,
    replay::{Replay, Replayed},
};

pub const ROWS: &[Listed] = &[
    ("transcript: many effects", |bytes| {
        let plugin = Plain {
            clocks: (bytes / 150) as u32,
            ..Plain::default()
        };
        let plugin = plugin.load();
        let text = recorded(&plugin).concat();
        replayed(text, plugin)
    }),
    ("transcript: many effects of other kinds", |bytes| {
        let text = numbered(bytes, |number| {
            (
                format!(r#"{{"stat":{{"path":"/{number}","follow":true}}}}"#),
                "failed",
                r#"{"kind":"fs","code":"ENOENT","message":""}"#.to_owned(),
            )
        });
        replayed(text, Plain::default().load())
    }),
    (
        "transcript: files that are opened and never closed",
        |bytes| {
            let stat = r#"{"kind":"file","size":0,"mode":0,"uid":0,"gid":0,"device":0,"inode":0,"links":1,"accessed":"1970-01-01T00:00:00Z","modified":"1970-01-01T00:00:00Z","changed":"1970-01-01T00:00:00Z","target":null}"#;
            let text = numbered(bytes, |number| {
                (
                    r#"{"open":{"path":"/x","options":{}}}"#.to_owned(),
                    "granted",
                    format!(r#"{{"opened":{{"handle":{number},"stat":{stat}}}}}"#),
                )
            });
            replayed(text, Plain::default().load())
        },
    ),
    (
        "transcript: the same large bytes in many replies",
        |bytes| {
            let blob = Blob::of("x".repeat(bytes / 2));
            let (asked, named) = (bytes / 2, blob.named());
            let text = numbered_after(bytes / 2, &blob.line(), |_| {
                (
                    format!(r#"{{"random":{{"length":{asked}}}}}"#),
                    "granted",
                    format!(r#"{{"bytes":{named}}}"#),
                )
            });
            replayed(text, Plain::default().load())
        },
    ),
    (
        "transcript: the same large bytes in many requests",
        |bytes| {
            let blob = Blob::of("x".repeat(bytes / 2));
            let named = blob.named();
            let text = numbered_after(bytes / 2, &blob.line(), |_| {
                (
                    format!(r#"{{"write_at":{{"handle":0,"offset":null,"bytes":{named}}}}}"#),
                    "granted",
                    r#"{"written":1}"#.to_owned(),
                )
            });
            replayed(text, Plain::default().load())
        },
    ),
    (
        "transcript: the same large bytes many times in one line",
        |bytes| {
            let blob = Blob::of("x".repeat(bytes / 2));
            let named = blob.named();
            let args = listed(bytes / 2, "[", |_| named.clone(), "]");
            let text = numbered_after(1, &blob.line(), |_| {
                (
                    format!(
                        r#"{{"run":{{"command":"x","args":{args},"directory":null,"environment":[],"timeout":0,"output_limit":0}}}}"#
                    ),
                    "granted",
                    r#"{"ran":{}}"#.to_owned(),
                )
            });
            replayed(text, Plain::default().load())
        },
    ),
    ("transcript: many small blobs", |bytes| {
        let blobs: String = (0..bytes / 130)
            .map(|number| Blob::of(number.to_string()).line())
            .collect();
        replayed(
            numbered_after(0, &blobs, |_| NOW()),
            Plain::default().load(),
        )
    }),
    ("transcript: requests of small objects", |bytes| {
        custom(listed(bytes, "[", |_| r#"{"":0}"#.to_owned(), "]"))
    }),
    ("transcript: requests of lists in lists", |bytes| {
        custom("[".repeat(bytes))
    }),
    ("transcript: requests that look like digests", |bytes| {
        custom(listed(bytes, "[", |_| r#"{"sha256":"x"}"#.to_owned(), "]"))
    }),
    ("transcript: other evidence under a long key", |bytes| {
        let zeros = listed(bytes / 2, "[", |_| "0".to_owned(), ",1]");
        let key = repeated(bytes / 2, "k");
        other_evidence(format!(r#"{{"{key}":{zeros}}}"#), |text| {
            text.replace(",1]", ",2]")
        })
    }),
    ("transcript: other evidence deep inside", |bytes| {
        let ballast = repeated(bytes / 2, "x");
        let key = repeated(bytes / 200, "k");
        let open = format!(r#"{{"{key}":"#).repeat(100);
        let close = "}".repeat(100);
        other_evidence(
            format!(r#"{{"x":{open}{{"a":"{ballast}","b":1}}{close}}}"#),
            |text| text.replace(r#""b":1"#, r#""b":2"#),
        )
    }),
    ("transcript: all evidence other", |bytes| {
        other_evidence(
            format!(
                r#"{{"x":{}}}"#,
                listed(bytes, "[", |_| "[0]".to_owned(), "]")
            ),
            |text| text.replace("[0]", "[1]"),
        )
    }),
    ("transcript: many grants", |bytes| {
        header(
            "grants",
            listed(bytes, "[", |number| format!("\"fs:read:/{number}\""), "]"),
        )
    }),
    ("transcript: grants with groups", |bytes| {
        header(
            "grants",
            format!("[\"fs:read:/{}\"]", repeated(bytes, "{a,b}")),
        )
    }),
    ("transcript: many functions", |bytes| {
        let function = |number: usize| format!(r#"{{"module":"m","name":"{number}","kind":"k"}}"#);
        header("functions", listed(bytes, "[", function, "]"))
    }),
    ("transcript: functions with long names", |bytes| {
        let long = "n".repeat(bytes.isqrt());
        let function =
            |number: usize| format!(r#"{{"module":"m","name":"{long}{number}","kind":"k"}}"#);
        header("functions", listed(bytes, "[", function, "]"))
    }),
    ("transcript: a large config", |bytes| {
        header(
            "config",
            listed(bytes, r#"{"x":["#, |_| r#"{"":0}"#.to_owned(), "]}"),
        )
    }),
    ("transcript: a long name", |bytes| {
        header("plugin", format!("\"{}\"", repeated(bytes, "\\u009b")))
    }),
    ("transcript: empty lines", |bytes| read("\n".repeat(bytes))),
    ("transcript: one line without end", |bytes| {
        read("x".repeat(bytes))
    }),
    ("transcript: not text", |bytes| {
        let mut text = "\n".repeat(bytes).into_bytes();
        text.push(0xFF);
        read(text)
    }),
];

/// An effect that every plugin may have.
const NOW: fn() -> (String, &'static str, String) = || {
    (
        r#"{"now":{"clock":"realtime"}}"#.to_owned(),
        "granted",
        r#"{"time":0}"#.to_owned(),
    )
};

struct Blob {
    digest: String,
    content: String,
}

impl Blob {
    fn of(content: String) -> Blob {
        let digest = sha256::hex(&sha256::digest(content.as_bytes()));
        Blob { digest, content }
    }

    fn named(&self) -> String {
        format!(r#"{{"sha256":"{}"}}"#, self.digest)
    }

    fn line(&self) -> String {
        let Blob { digest, content } = self;
        checked(&format!(r#"{{"blob":"{digest}","content":"{content}"}}"#))
    }
}

fn object(line: &str) -> Value {
    serde_json::from_str(&unchecked(line)).unwrap()
}

/// The lines of a recording.
fn recorded(plugin: &Plugin) -> Vec<String> {
    let recording = plugin.observe_recorded(Config::new(), Vec::new()).unwrap();
    recording.outcome.unwrap();
    let text = String::from_utf8(recording.sink).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

/// A transcript of so many bytes of such effects.
fn numbered(bytes: usize, effect: impl Fn(usize) -> (String, &'static str, String)) -> String {
    numbered_after(bytes, "", effect)
}

fn numbered_after(
    bytes: usize,
    before: &str,
    effect: impl Fn(usize) -> (String, &'static str, String),
) -> String {
    let lines = recorded(&Plain::default().load());
    let [header, end] = &lines[..] else { panic!() };
    let mut effects = String::new();
    let mut index = 0;
    while effects.len() < bytes {
        let (effect, verdict, reply) = effect(index);
        effects.push_str(&checked(&format!(
            r#"{{"index":{index},"during":"call","fuel":0,"effect":{effect},"verdict":"{verdict}","reply":{reply}}}"#
        )));
        index += 1;
    }
    let mut end = object(end);
    end["effects"] = index.into();
    [header, before, &effects, &checked(&end.to_string())].concat()
}

fn custom(request: String) -> Work {
    let text = numbered(1, |_| {
        (
            format!(r#"{{"custom":{{"kind":"k","function":"m.f","request":{request}}}}}"#),
            "granted",
            format!(r#"{{"json":{request}}}"#),
        )
    });
    replayed(text, Plain::default().load())
}

/// A recording of a plugin with other data than the one that it is played to.
fn other_evidence(data: String, change: impl Fn(&str) -> String) -> Work {
    let plugin = |data: String| {
        let plugin = Plain {
            evidence: Some(format!(r#"{{"status":true,"data":{data}}}"#).into_bytes()),
            ..Plain::default()
        };
        plugin.load()
    };
    let text = recorded(&plugin(data.clone())).concat();
    replayed(text, plugin(change(&data)))
}

/// A recording with this in its header.
fn header(field: &str, value: String) -> Work {
    let plugin = Plain::default().load();
    let lines = recorded(&plugin);
    let mut header = object(&lines[0]);
    header[field] = "HERE".into();
    let header = header.to_string().replace("\"HERE\"", &value);
    replayed([&checked(&header), &*lines[1]].concat(), plugin)
}

fn read(text: impl Into<Vec<u8>>) -> Work {
    let text = text.into();
    let bytes = text.len();
    let run = move || drop(Replay::read(text).map_err(|error| error.to_string()));
    Work {
        bytes,
        run: Box::new(run),
    }
}

/// Reads a transcript, plays it to a plugin, and compares.
fn replayed(text: String, plugin: Plugin) -> Work {
    let bytes = text.len();
    let run = move || {
        let replay = match Replay::read(text) {
            Ok(replay) => replay,
            Err(error) => return drop(error.to_string()),
        };
        drop(replay.config());
        if let Ok(runtime) = replay.runtime().build() {
            drop(runtime.load("odd", Plain::default().module()));
        }
        match replay.run(&plugin) {
            Ok(Replayed::Failed(error)) => drop(error.to_string()),
            Ok(_) => {}
            Err(error) => drop(error.to_string()),
        }
        match replay.compare(&plugin) {
            Ok(comparison) => drop(format!("{comparison:?}")),
            Err(error) => drop(error.to_string()),
        }
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}
