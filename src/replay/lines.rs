//! The lines of a transcript, and the check at the end of each. `transcript` reads a whole one,
//! `record` writes one.

use crate::{
    capability::Capability,
    effect::{Answer, Denial, Effect, Failure, Refusal, Reply, json},
    gate::HostFunctions,
    gate::{At, Phase},
    limits::{Limits, Usage},
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// The only format that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The first line: everything that a run depends on, except the replies to its effects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    /// The format's number.
    pub(super) transcript: u32,
    /// The version of this crate.
    pub(super) tollgate: String,
    pub(super) engine: String,
    pub(super) plugin: String,
    /// SHA-256 of the module.
    pub(super) module: String,
    pub(super) abi: String,
    /// The exact text that the plugin received.
    pub(super) config: Box<RawValue>,
    /// Those of the initialisation, and of the call too if it has none of its own.
    pub(super) limits: Limits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call_limits: Option<Limits>,
    pub(super) grants: Vec<Capability>,
    /// The real names behind the grants, as they were when the runtime was built.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) pinned: Vec<Capability>,
    pub(super) working_directory: String,
    /// The embedder's host functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) functions: Vec<Function>,
    /// Whether a redactor rewrote the transcript; a replay cannot restore hidden values.
    pub(super) redacted: bool,
}

/// A host function of the embedder. Its replies are in the effects.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Function {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) kind: String,
}

impl Function {
    pub(super) fn all(host_functions: &HostFunctions) -> Vec<Function> {
        let functions = host_functions.functions.iter();
        let function = |custom: &crate::gate::Custom| Function {
            module: custom.module.clone(),
            name: custom.name.clone(),
            kind: custom.kind.clone(),
        };
        functions.map(function).collect()
    }
}

/// A line for one effect, to be written.
#[derive(Serialize)]
pub(super) struct EffectLine<E, R> {
    pub(super) index: u64,
    pub(super) during: Phase,
    pub(super) fuel: u64,
    pub(super) effect: E,
    pub(super) verdict: Verdict,
    pub(super) reply: R,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It was granted, and happened.
    Granted,
    /// No grant allows it.
    Denied,
    /// It was granted, and the world reported an error.
    Failed,
}

impl Verdict {
    pub(super) fn of(reply: &Reply) -> Verdict {
        match reply {
            Ok(_) => Verdict::Granted,
            Err(Refusal::Denied(_)) => Verdict::Denied,
            Err(Refusal::Failed(_)) => Verdict::Failed,
        }
    }
}

/// A reply without its verdict.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ReplyBody<'a> {
    Answer(&'a Answer),
    Denial(&'a Denial),
    Failure(&'a Failure),
}

impl ReplyBody<'_> {
    pub(super) fn of(reply: &Reply) -> ReplyBody<'_> {
        match reply {
            Ok(answer) => ReplyBody::Answer(answer),
            Err(Refusal::Denied(denial)) => ReplyBody::Denial(denial),
            Err(Refusal::Failed(failure)) => ReplyBody::Failure(failure),
        }
    }
}

/// The same line, as read. Effect and reply are still JSON, in which digests stand for large bytes.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadLine {
    pub(super) index: u64,
    pub(super) during: Phase,
    pub(super) fuel: u64,
    pub(super) effect: Value,
    pub(super) verdict: Verdict,
    pub(super) reply: Value,
}

/// A recorded effect with its reply.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Recorded {
    pub(super) at: At,
    pub(super) effect: Effect,
    pub(super) reply: Reply,
}

/// A line with large bytes.
#[derive(Serialize)]
pub(super) struct BlobLine<'a> {
    pub(super) blob: &'a str,
    pub(super) content: json::Inline<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadBlob {
    pub(super) blob: String,
    pub(super) content: Value,
}

/// The last line: how the run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many effects there were.
    pub(super) effects: u64,
    pub(super) end: RunResult,
    pub(super) usage: Usage,
    /// What initialisation used.
    pub(super) initialization: Usage,
    /// SHA-256 of the linear memory; `None` if initialisation failed.
    pub(super) memory: Option<String>,
}

impl End {
    /// Fuel of the call and of the initialisation before it.
    pub(super) fn fuel(&self) -> u64 {
        self.initialization.fuel.saturating_add(self.usage.fuel)
    }
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunResult {
    /// The plugin returned evidence.
    Evidence(Value),
    /// The deadline passed, with the error's text. A replay cannot repeat that.
    Deadline(String),
    /// The run was cancelled; a replay cannot repeat that.
    Cancelled(String),
    /// The run failed, with the error's text.
    Error(String),
}

impl RunResult {
    /// Whether something outside of the run ended it.
    pub(super) fn is_interrupted(&self) -> bool {
        matches!(self, RunResult::Deadline(_) | RunResult::Cancelled(_))
    }

    /// The evidence or the error's text, for comparison.
    pub(super) fn json(&self) -> Value {
        match self {
            RunResult::Evidence(evidence) => evidence.clone(),
            RunResult::Deadline(message)
            | RunResult::Cancelled(message)
            | RunResult::Error(message) => Value::from(message.clone()),
        }
    }
}

const CHECK_KEY: &str = ",\"check\":\"";
/// The key, sixteen digits, and the end of the object.
const CHECK_LENGTH: usize = CHECK_KEY.len() + 16 + 2;

/// Writes a line: an object that ends with a checksum of itself. The checksum locates accidental
/// changes; it does not protect against forgery.
pub(super) fn write_line(line: &impl Serialize) -> Result<Vec<u8>, String> {
    let mut text = serde_json::to_vec(line).map_err(|error| error.to_string())?;
    text.pop();
    let check = fingerprint(&text);
    text.extend_from_slice(format!("{CHECK_KEY}{check:016x}\"}}\n").as_bytes());
    Ok(text)
}

/// FNV-1a over the length and the words of eight bytes, the last one padded with zeros. Changing any
/// one byte changes the result.
fn fingerprint(bytes: &[u8]) -> u64 {
    let add = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x100_0000_01b3);
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        u64::from_le_bytes(word)
    });
    words.fold(add(0xcbf2_9ce4_8422_2325, bytes.len() as u64), add)
}

/// Splits a line into the object without its check, and whether the check holds.
pub(super) fn split_check(line: &str) -> Option<(String, bool)> {
    let at = line.len().checked_sub(CHECK_LENGTH)?;
    let (body, check) = (line.get(..at)?, line.get(at..)?);
    let digits = check.strip_prefix(CHECK_KEY)?.strip_suffix("\"}")?;
    let untouched = digits == format!("{:016x}", fingerprint(body.as_bytes()));
    Some((format!("{body}}}"), untouched))
}
