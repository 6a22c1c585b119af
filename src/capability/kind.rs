//! Kinds of capabilities: the four built-in ones, and which names an embedder may give to its own.
//! A misspelt built-in kind is an error, since it would never match anything.

use super::error::{CapabilityError, Flaw};

/// The kinds that have a grammar of their own.
pub const BUILT_IN_KINDS: [&str; 4] = ["env", "exec", "fs", "network"];

/// The longest name of a kind, in bytes.
const MAX_KIND: usize = 64;

/// Common wrong names of built-in kinds, and what to write instead.
const WRONG_NAMES: &[(&[&str], &str)] = &[
    (
        &[
            "net", "tcp", "udp", "http", "https", "smtp", "tls", "ssh", "socket", "connect",
            "outbound", "inbound",
        ],
        "write network:outbound:<ports> or network:outbound:<host>:<ports>",
    ),
    (&["dns"], "a name is looked up under network:outbound:53"),
    (
        &[
            "file",
            "files",
            "filesystem",
            "path",
            "read",
            "write",
            "dir",
        ],
        "write fs:read:<path> or fs:write:<path>",
    ),
    (
        &["environment", "environ", "var", "vars", "variable"],
        "write env:<name>",
    ),
    (
        &[
            "cmd", "command", "commands", "process", "proc", "run", "shell", "spawn",
        ],
        "write exec:<command>",
    ),
];

/// Checks whether an embedder may use `kind` as the name of its own kind.
///
/// # Errors
///
/// [`CapabilityError`] if the kind is built in, looks like a misspelt built-in kind, or is not a word.
pub fn check_kind(kind: &str) -> Result<(), CapabilityError> {
    let built_in = BUILT_IN_KINDS.contains(&kind);
    let checked = if built_in {
        Err(Flaw::new(0, "this kind is built in"))
    } else {
        check_custom_kind(kind)
    };
    checked.map_err(|flaw| flaw.of(kind))
}

pub(super) fn check_custom_kind(kind: &str) -> Result<(), Flaw> {
    if kind.is_empty() {
        return Err(Flaw::new(0, "the kind is empty"));
    }
    let lower = kind.to_ascii_lowercase();
    if let Some(meant) = BUILT_IN_KINDS
        .iter()
        .find(|known| is_misspelling(&lower, known))
    {
        return Err(Flaw::new(0, "unknown kind").hint(format!("did you mean `{meant}`?")));
    }
    if let Some((_, hint)) = WRONG_NAMES
        .iter()
        .find(|(names, _)| names.contains(&lower.as_str()))
    {
        return Err(Flaw::new(0, "unknown kind").hint(*hint));
    }
    let allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    match kind.find(|c| !allowed(c)) {
        Some(at) => Err(Flaw::new(
            at,
            "a kind consists of lower-case letters, digits, `-`, `_` and `.`",
        )),
        None if kind.len() > MAX_KIND => Err(Flaw::new(
            MAX_KIND,
            format!("a kind has at most {MAX_KIND} bytes"),
        )),
        None => Ok(()),
    }
}

/// Whether `kind`, in lower case, is `known`, or `known` with one letter added, removed, replaced or
/// swapped with the next. For short kinds too many words are similar.
fn is_misspelling(kind: &str, known: &str) -> bool {
    if kind == known {
        return true;
    }
    if known.len() < 3 || kind.len().abs_diff(known.len()) > 1 {
        return false;
    }
    let same = kind
        .bytes()
        .zip(known.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    // The rest of both, from the first difference on.
    let ends = |skip: usize, known_skip: usize| {
        let rest = kind.as_bytes().get(same.saturating_add(skip)..);
        rest.is_some() && rest == known.as_bytes().get(same.saturating_add(known_skip)..)
    };
    let pair = |text: &str| {
        let mut bytes = text.bytes().skip(same);
        Some((bytes.next()?, bytes.next()?))
    };
    let swapped = pair(kind).is_some_and(|(a, b)| pair(known) == Some((b, a)));
    ends(1, 0) || ends(0, 1) || ends(1, 1) || (swapped && ends(2, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_kinds_are_not_kinds_of_the_embedder() {
        for kind in [
            "FS", "netwrok", "networks", "nework", "Network", "exce", "exe", "envs", "ev",
        ] {
            assert!(check_custom_kind(kind).is_err(), "{kind}");
        }
        for kind in ["kv", "fsx", "queue", "a.b_c-1", "enclave", "execute-later"] {
            assert!(check_custom_kind(kind).is_ok(), "{kind}");
        }
        for kind in ["", "a b", "Kv", "é", &"k".repeat(65), "net", "dns"] {
            assert!(check_custom_kind(kind).is_err(), "{kind}");
        }
    }
}
