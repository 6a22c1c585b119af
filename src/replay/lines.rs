//! The lines of a transcript: their shapes, and the check at the end of each. Reading a whole one
//! is `transcript`'s business, writing one `record`'s.

use crate::{
    capability::Capability,
    custom::HostFunctions,
    effect::{Answer, Denial, Effect, Failure, Refusal, Reply, json},
    gate::{At, Phase},
    limits::{Limits, Usage},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::io;

/// The format that this version writes, and the only one it reads.
pub(super) const FORMAT: u32 = 1;

/// The engine, whose fuel figures no other version promises.
pub(super) use crate::module::ENGINE;

/// The first line: all that a run depends on beside the replies to its effects.
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
    /// The very text that the plugin was given.
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
    /// The embedder's own functions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) functions: Vec<Function>,
    /// Whether a redactor saw the texts: what it changed, a replay cannot give back.
    pub(super) redacted: bool,
}

/// A function of the embedder's, by name; its replies are in the effects.
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
        let function = |custom: &crate::custom::Custom| Function {
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
    /// No grant covers it.
    Denied,
    /// It was granted, and the world could not do it.
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
pub(super) enum Said<'a> {
    Answer(&'a Answer),
    Denial(&'a Denial),
    Failure(&'a Failure),
}

impl Said<'_> {
    pub(super) fn of(reply: &Reply) -> Said<'_> {
        match reply {
            Ok(answer) => Said::Answer(answer),
            Err(Refusal::Denied(denial)) => Said::Denial(denial),
            Err(Refusal::Failed(failure)) => Said::Failure(failure),
        }
    }
}

/// The same line, read. Effect and reply are JSON still: what they name by digest is elsewhere.
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

/// One effect of a recording.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    pub(super) at: At,
    pub(super) effect: Effect,
    pub(super) reply: Reply,
}

/// Large bytes, once.
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
    pub(super) end: Outcome,
    pub(super) usage: Usage,
    /// What initialisation used.
    pub(super) initialization: Usage,
    /// SHA-256 of the linear memory; none if the instance failed before it had any.
    pub(super) memory: Option<String>,
}

impl End {
    /// Fuel of the call and of the initialisation before it.
    pub(super) fn fuel(&self) -> u64 {
        self.initialization.fuel.saturating_add(self.usage.fuel)
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It answered.
    Evidence(Value),
    /// It was stopped by its wall clock, which no replay repeats.
    Deadline(String),
    /// It was cancelled, which no replay repeats.
    Cancelled(String),
    /// It failed: the error's text.
    Error(String),
}

impl Outcome {
    /// Whether something outside of the run ended it.
    pub(super) fn is_interrupted(&self) -> bool {
        matches!(self, Outcome::Deadline(_) | Outcome::Cancelled(_))
    }

    /// What to compare: evidence as it is, a failure as its text.
    pub(super) fn json(&self) -> Value {
        match self {
            Outcome::Evidence(evidence) => evidence.clone(),
            Outcome::Deadline(message) | Outcome::Cancelled(message) | Outcome::Error(message) => {
                Value::from(message.clone())
            }
        }
    }
}

const CHECK_KEY: &str = ",\"check\":\"";
/// The key, sixteen digits, and the end of the object.
const CHECK_LENGTH: usize = CHECK_KEY.len() + 16 + 2;

/// Writes a line: an object with a check of itself at its end, so that whoever changed it is told
/// where, and not puzzled by what follows. It guards against slips, not against malice.
pub(super) fn write_line(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line).map_err(unwritable)?;
    text.pop();
    let check = fingerprint(&text);
    text.extend_from_slice(format!("{CHECK_KEY}{check:016x}\"}}\n").as_bytes());
    Ok(text)
}

/// Something that has no JSON, as an error of the sink's.
pub(super) fn unwritable(error: serde_json::Error) -> io::Error {
    io::Error::other(error.to_string())
}

/// FNV-1a over the length and words of eight bytes, the last one filled up with zeros: whichever
/// byte is changed, the result is another.
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

/// A line without its check, and whether it is as it was written.
pub(super) fn split_check(line: &str) -> Option<(String, bool)> {
    let at = line.len().checked_sub(CHECK_LENGTH)?;
    let (body, check) = (line.get(..at)?, line.get(at..)?);
    let digits = check.strip_prefix(CHECK_KEY)?.strip_suffix("\"}")?;
    let untouched = digits == format!("{:016x}", fingerprint(body.as_bytes()));
    Some((format!("{body}}}"), untouched))
}
