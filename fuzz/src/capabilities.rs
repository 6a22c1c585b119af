//! Capability texts: matching against matchers too simple to be wrong, and rules that must hold
//! between grants, requests and their texts whatever they say.

use crate::input::Input;
use tollgate::capability::{
    Capability, GrantSet, Request,
    address::{judge, parse_destination, parse_host},
    command, decide, risk,
};

/// Texts of every kind: nothing panics, canonical texts keep their meaning, what includes covers.
pub fn capability_texts(data: &[u8]) {
    let mut input = Input(data);
    let cwd = input.text();
    let cwd = (!cwd.is_empty()).then_some(cwd.as_str());
    let (first, second) = (input.text(), input.text());
    let request = request(&mut input);
    let rest = String::from_utf8_lossy(input.0).into_owned();

    let grants: Vec<Capability> = [&first, &second, &rest]
        .into_iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    for grant in &grants {
        let again: Capability = grant.to_string().parse().expect("canonical texts parse");
        assert_eq!(&again, grant);
        assert!(grant.includes(&again, cwd) || !is_absolute(cwd), "{grant}");
        let _ = (
            grant.risk(),
            grant.pinned(&|path| Some(format!("{path}/{second}")), cwd),
        );
        for other in &grants {
            // What a grant includes cannot open more than itself.
            if grant.includes(other, cwd) && other.covers(&request, cwd) {
                assert!(
                    grant.covers(&request, cwd),
                    "{grant} {other} {request:?} {cwd:?}"
                );
            }
        }
        if let Some(needed) = request.needed() {
            assert!(needed.covers(&request, Some("/w")), "{request:?} {needed}");
        }
    }
    for text in [&first, &second, &rest] {
        if let Ok(request) = text.parse::<Request>() {
            assert_eq!(
                request.to_string().parse::<Request>().as_ref(),
                Ok(&request)
            );
        }
        let _ = risk::assess(text);
        for kind in ["fs", "network", "env", "exec", "kv"] {
            let verdict = decide(kind, text, &first, cwd);
            assert!(!(verdict.allowed && verdict.malformed));
        }
        let _ = (parse_host(text).is_ok(), parse_destination(text).is_ok());
        if let Ok(ip) = text.parse() {
            let verdict = judge(ip);
            assert_eq!(verdict.blocked, !verdict.opened_by(|_| false));
        }
        if let Ok(set) = serde_json::from_str::<GrantSet>(text) {
            let _ = set.capabilities();
        }
    }
    let _ = command::family(&first);
    let _ = command::env_allowed(&first, &second, |name| name.len() % 2 == 0);
}

fn is_absolute(cwd: Option<&str>) -> bool {
    cwd.is_some_and(|cwd| cwd.starts_with('/') && !cwd.contains('\0'))
}

fn request(input: &mut Input<'_>) -> Request {
    match input.byte() % 8 {
        0 => Request::Read(input.text()),
        1 => Request::Write(input.text()),
        2 => Request::Connect {
            host: match input.byte() % 2 {
                0 => None,
                _ => Some(input.text()),
            },
            port: u16::try_from(input.number::<2>()).unwrap_or(0),
        },
        3 => Request::Url(input.text()),
        4 => Request::Env(input.text()),
        5 => Request::Exec {
            command: input.text(),
            args: (0..input.byte() % 4).map(|_| input.text()).collect(),
        },
        6 => Request::Custom {
            kind: input.text(),
            value: input.text(),
        },
        _ => Request::Listen {
            port: u16::try_from(input.number::<2>()).unwrap_or(0),
        },
    }
}

/// Patterns and what they are asked, made of few words so that they often meet, against the
/// reference.
pub fn capability_patterns(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => paths_by_glob(&mut input),
        1 => names_by_star(&mut input),
        2 => ports_by_list(&mut input),
        _ => hosts_by_glob(&mut input),
    }
}

const PATTERN_WORDS: &[&str] = &[
    "/", "a", "b", "*", "?", "/**/", "[ab]", "[!a]", "[^b]", "[a-c]", ".", "..", "é", "**", "{",
    "}", ",", "[]]", "[*]", "]", "-",
];
const PATH_WORDS: &[&str] = &[
    "/", "a", "b", "c", ".", "..", "é", "*", "//", "{", "}", ",", "]", "-", "?",
];

fn paths_by_glob(input: &mut Input<'_>) {
    let pattern = format!("/{}", input.words(PATTERN_WORDS, 24));
    let path = format!("/{}", input.words(PATH_WORDS, 24));
    let Ok(grant) = format!("fs:read:{pattern}").parse::<Capability>() else {
        return;
    };
    let covered = grant.covers(&Request::Read(path.clone()), None);
    let reference = reference::path(&reference::clean(&pattern), &reference::clean(&path));
    assert_eq!(covered, reference, "{grant} {path}");
    // The same from a working directory, with both sides relative to it.
    let relative = format!("fs:read:.{pattern}").parse::<Capability>();
    let below = format!("./{}", reference::clean(&path).join("/"));
    let climbs = pattern.split('/').any(|part| part == "..");
    if let (Ok(relative), false) = (relative, climbs) {
        let covered_below = relative.covers(&Request::Read(below), Some("/w/../cwd"));
        assert_eq!(covered_below, covered, "{relative} {path}");
    }
    assert!(!grant.covers(&Request::Write(path), None));
}

fn names_by_star(input: &mut Input<'_>) {
    let words = &["A", "B", "_", "*", "?", "a", "[", "]", "."];
    let pattern = input.words(words, 8);
    let name = input.words(words, 8);
    let Ok(grant) = format!("env:{pattern}").parse::<Capability>() else {
        return;
    };
    let reference = match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix) && !name.is_empty(),
        None => name == pattern,
    };
    let covered = grant.covers(&Request::Env(name.clone()), None);
    assert_eq!(covered, reference, "{grant} {name}");
}

fn ports_by_list(input: &mut Input<'_>) {
    let count = input.byte() % 5 + 1;
    let ranges: Vec<(u16, u16)> = (0..count)
        .map(|_| {
            let low = u16::try_from(input.number::<2>()).unwrap_or(0);
            let high = low.saturating_add(input.byte().into());
            (low, high)
        })
        .collect();
    let list: Vec<String> = ranges
        .iter()
        .map(|(low, high)| match low == high {
            true => low.to_string(),
            false => format!("{low}-{high}"),
        })
        .collect();
    let grant = format!("network:outbound:{}", list.join(",")).parse::<Capability>();
    let any_zero = ranges.iter().any(|(low, _)| *low == 0);
    assert_eq!(grant.is_err(), any_zero, "{list:?}");
    let Ok(grant) = grant else { return };
    let port = u16::try_from(input.number::<2>()).unwrap_or(0);
    let edges = ranges
        .iter()
        .flat_map(|(low, high)| [low.saturating_sub(1), *low, *high, high.saturating_add(1)]);
    for port in edges.chain([port]) {
        let reference = port != 0
            && ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&port));
        let covered = grant.covers(&Request::Connect { host: None, port }, None);
        assert_eq!(covered, reference, "{grant} {port}");
    }
}

fn hosts_by_glob(input: &mut Input<'_>) {
    let words = &["a", "b", ".", "-", "com", "A", "1"];
    let (suffix, host) = (input.words(words, 6), input.words(words, 8));
    let Ok(grant) = format!("network:outbound:*.{suffix}:80").parse::<Capability>() else {
        return;
    };
    let request = |port| Request::Connect {
        host: Some(host.clone()),
        port,
    };
    if grant.covers(&request(80), None) {
        // Whatever else a star may mean, it never reaches another zone.
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let zone = format!(".{}", suffix.trim_end_matches('.').to_ascii_lowercase());
        assert!(name.ends_with(&zone), "{grant} {host}");
    }
    assert!(!grant.covers(&request(81), None));
}

/// Definitions instead of algorithms: try everything.
pub(crate) mod reference {
    pub(crate) fn clean(path: &str) -> Vec<&str> {
        let mut parts = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                name => parts.push(name),
            }
        }
        parts
    }

    pub(crate) fn path(pattern: &[&str], path: &[&str]) -> bool {
        // An identical text always matches: a file can be named like a glob.
        pattern == path || parts(pattern, path)
    }

    pub(crate) fn parts(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern.split_first(), path.split_first()) {
            (None, None) => true,
            (Some((&"**", rest)), _) => (0..=path.len()).any(|taken| parts(rest, &path[taken..])),
            (Some((own, rest)), Some((name, names))) => part(own, name) && parts(rest, names),
            _ => false,
        }
    }

    fn part(pattern: &str, name: &str) -> bool {
        let pattern: Vec<char> = pattern.chars().collect();
        let name: Vec<char> = name.chars().collect();
        characters(&pattern, &name)
    }

    fn characters(pattern: &[char], name: &[char]) -> bool {
        match pattern {
            [] => name.is_empty(),
            ['*', rest @ ..] => (0..=name.len()).any(|taken| characters(rest, &name[taken..])),
            ['?', rest @ ..] => !name.is_empty() && characters(rest, &name[1..]),
            ['[', rest @ ..] => {
                let (negated, rest) = match rest {
                    ['!' | '^', rest @ ..] => (true, rest),
                    rest => (false, rest),
                };
                // The first character of a class is one of it, even `]`.
                let more = rest.get(1..).unwrap_or_default();
                let end = more.iter().position(|character| *character == ']');
                let Some(end) = end.map(|end| end + 1) else {
                    return false;
                };
                let Some((first, names)) = name.split_first() else {
                    return false;
                };
                class(&rest[..end], *first) != negated && characters(&rest[end + 1..], names)
            }
            [own, rest @ ..] => name.first() == Some(own) && characters(rest, &name[1..]),
        }
    }

    fn class(members: &[char], character: char) -> bool {
        match members {
            [] => false,
            [low, '-', high, rest @ ..] => {
                (*low..=*high).contains(&character) || class(rest, character)
            }
            [own, rest @ ..] => *own == character || class(rest, character),
        }
    }
}
