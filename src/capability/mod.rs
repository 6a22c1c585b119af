//! Capabilities: what a plugin may be granted, what an effect wishes for, and whether the one
//! covers the other. Text in, verdict out: nothing here touches the outside, and nothing here
//! enforces anything; that is the gate's work.

mod error;
mod fs;
mod grants;
pub mod path;
mod wish;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

pub use error::CapabilityError;
pub use grants::Grants;
pub use wish::{AddressWord, Wish};

use error::Flaw;
use fs::PathGlob;

/// The longest text of a capability or a wish, in bytes.
pub const MAX_TEXT: usize = 8192;

/// One thing a plugin may do, parsed and validated: `fs:read:/etc/**`, `network:outbound:443`.
///
/// Displays as its canonical text, `kind:pattern`, which parses to an equal capability; equality
/// and order are those of that text.
#[derive(Clone, Debug)]
pub struct Capability {
    text: String,
    kind: usize,
    matcher: Matcher,
}

#[derive(Clone, Debug)]
enum Matcher {
    Read(PathGlob),
    Write(PathGlob),
}

impl Capability {
    /// What is reached: `fs`, `network`, `env`, `exec`, or a kind of the embedder's.
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind).unwrap_or_default()
    }

    /// Which of it, in the grammar of the kind: `read:/etc/**`.
    pub fn pattern(&self) -> &str {
        self.text
            .get(self.kind.saturating_add(1)..)
            .unwrap_or_default()
    }

    /// Whether a plugin that holds this may do what `wish` says. Relative paths on either side
    /// count from `cwd`, an absolute path; without it they are never covered.
    ///
    /// Links are the caller's business: the path in `wish` is taken to be the real one.
    pub fn covers(&self, wish: &Wish, cwd: Option<&str>) -> bool {
        match (&self.matcher, wish) {
            (Matcher::Read(glob), Wish::Read(path)) | (Matcher::Write(glob), Wish::Write(path)) => {
                glob.matches(path, cwd)
            }
            _ => false,
        }
    }

    fn parse(text: &str) -> Result<Capability, Flaw> {
        if text.len() > MAX_TEXT {
            return Err(Flaw::new(MAX_TEXT, format!("longer than {MAX_TEXT} bytes")));
        }
        let Some((kind, pattern)) = text.split_once(':') else {
            return Err(Flaw::new(text.len(), "no `:` between kind and pattern"));
        };
        let offset = kind.len().saturating_add(1);
        let (pattern, matcher) = match kind {
            "fs" => fs_matcher(pattern),
            _ => Err(Flaw::new(0, "unknown kind")),
        }
        .map_err(|flaw| flaw.shifted(offset))?;
        Ok(Capability {
            text: format!("{kind}:{pattern}"),
            kind: kind.len(),
            matcher,
        })
    }
}

fn fs_matcher(pattern: &str) -> Result<(String, Matcher), Flaw> {
    let (operation, glob) = pattern.split_once(':').ok_or_else(|| {
        Flaw::new(0, "no operation").hint("write fs:read:<path> or fs:write:<path>")
    })?;
    let offset = operation.len().saturating_add(1);
    let parsed = PathGlob::parse(glob).map_err(|flaw| flaw.shifted(offset));
    match operation {
        "read" => parsed.map(|glob| (format!("read:{}", glob.text()), Matcher::Read(glob))),
        "write" => parsed.map(|glob| (format!("write:{}", glob.text()), Matcher::Write(glob))),
        _ => Err(Flaw::new(0, "unknown operation").hint("the operations are read and write")),
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Capability, CapabilityError> {
        Capability::parse(text).map_err(|flaw| flaw.of(text))
    }
}

impl TryFrom<&tollgate_abi::Capability> for Capability {
    type Error = CapabilityError;

    /// Reads both forms in use: `{kind: "fs", pattern: "read:/x"}` and
    /// `{kind: "fs:read", pattern: "/x"}`.
    fn try_from(wire: &tollgate_abi::Capability) -> Result<Capability, CapabilityError> {
        wire.to_string().parse()
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Capability {
    fn eq(&self, other: &Capability) -> bool {
        self.text == other.text
    }
}

impl Eq for Capability {}

impl PartialOrd for Capability {
    fn partial_cmp(&self, other: &Capability) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Capability {
    fn cmp(&self, other: &Capability) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Capability {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
