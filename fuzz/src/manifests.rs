//! What plugins declare and operators grant in the structured form: globs with choices, against a
//! reference that writes the choices out.

use crate::{capabilities::reference, input::Input};
use serde_json::json;
use tollgate::capability::{Capability, GrantSet, Grants, Request};

#[path = "../../tests/choices/mod.rs"]
mod choices;

/// A manifest's capabilities or a grants file, whole or made of few words.
pub fn manifests(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => whole(&mut input),
        1 => paths(&mut input),
        2 => keys(&mut input),
        _ => hosts(&mut input),
    }
}

fn whole(input: &mut Input<'_>) {
    let asked = input.text();
    let text = String::from_utf8_lossy(input.0);
    let set: Result<GrantSet, _> = serde_json::from_str(&text);
    let set = set.ok().and_then(|set| set.capabilities().ok());
    let grants: Result<Grants, _> = serde_json::from_str(&text);
    let granted = grants.iter().flat_map(|grants| {
        let held = grants.plugins().map(|plugin| grants.for_plugin(plugin));
        held.flatten().cloned().collect::<Vec<_>>()
    });
    let held: Vec<Capability> = set.into_iter().flatten().chain(granted).take(64).collect();
    let requests = [
        Request::Read(asked.clone()),
        Request::Write(asked.clone()),
        Request::Env(asked.clone()),
        Request::Url(asked.clone()),
        Request::Connect {
            host: Some(asked.clone()),
            port: 80,
        },
        Request::Custom {
            kind: "kv".to_owned(),
            value: asked,
        },
    ];
    for grant in &held {
        let again: Capability = grant.to_string().parse().expect("canonical texts parse");
        assert_eq!(&again, grant);
        assert!(grant.includes(&again, Some("/w")), "{grant}");
        let _ = (grant.risk(), grant.directory(Some("/w")));
        let _ = grant.pinned(&|path| Some(format!("/real{path}")), Some("/w"));
        for request in &requests {
            let covered = grant.covers(request, Some("/w"));
            assert_eq!(
                again.covers(request, Some("/w")),
                covered,
                "{grant} {request}"
            );
            for other in held.iter().take(8) {
                if covered && other.includes(grant, Some("/w")) {
                    assert!(
                        other.covers(request, Some("/w")),
                        "{other} {grant} {request}"
                    );
                }
            }
        }
    }
}

const GLOB_WORDS: &[&str] = &[
    "{", "}", ",", "{", "}", ",", "/", "a", "b", "*", "?", "**", "/**", "**/", "[ab]", "[!a]",
    "[{]", "[,]", "[}]", ".", "..", "é", "-",
];
const TEXT_WORDS: &[&str] = &["/", "/", "a", "b", "c", "{", "}", ",", ".", "..", "é", "-"];

fn paths(input: &mut Input<'_>) {
    let (relative, glob) = (input.byte().is_multiple_of(2), input.words(GLOB_WORDS, 20));
    let glob = match relative {
        // What leads out of the working directory is another question.
        true if glob.contains("..") => return,
        true => format!("./{glob}"),
        false => format!("/{glob}"),
    };
    let path = format!("/{}", input.words(TEXT_WORDS, 16));
    let set = json!({"fs": {"rules": [{"write": [glob]}]}});
    let Some(held) = one(&set.to_string()) else {
        return;
    };
    let names = reference::clean(&path);
    let texts = choices::written_out(&glob);
    // A glob without choices means its own text, too.
    let mut globs = texts.iter().map(|text| reference::clean(text));
    let expected = match texts.as_slice() {
        [text] if *text == glob => reference::path(&reference::clean(text), &names),
        _ => globs.any(|glob| reference::parts(&glob, &names)),
    };
    let asked = match relative {
        true => format!("/w/{}", names.join("/")),
        false => path,
    };
    let request = Request::Write(asked);
    assert_eq!(
        held.covers(&request, Some("/w")),
        expected,
        "{held} {request}"
    );
}

fn keys(input: &mut Input<'_>) {
    let (glob, key) = (input.words(GLOB_WORDS, 20), input.words(TEXT_WORDS, 16));
    let set = json!({"kv": {"rules": [{"op": "read", "keys": [glob]}]}});
    let Some(held) = one(&set.to_string()) else {
        return;
    };
    let (glob, key) = (format!("read:{glob}"), format!("read:{key}"));
    let names: Vec<&str> = key.split('/').collect();
    let texts = choices::written_out(&glob);
    let mut globs = texts.iter().map(|text| text.split('/').collect::<Vec<_>>());
    let expected = globs.any(|glob| reference::parts(&glob, &names))
        || (texts.len() == 1 && texts[0] == glob && glob == key);
    let request = Request::Custom {
        kind: "kv".to_owned(),
        value: key,
    };
    assert_eq!(held.covers(&request, None), expected, "{held} {request}");
}

fn hosts(input: &mut Input<'_>) {
    let words = &["{", "}", ",", "a", "b", ".", "*", "?", "-", "[ab]", "com"];
    let glob = input.words(words, 20);
    let host = input.words(&["a", "b", ".", "-", "com"], 12);
    if !glob.contains(['{', '*', '?', '[']) {
        return;
    }
    let set = json!({"network": {"rules": [{"hosts": [glob], "ports": ["80"]}]}});
    let Some(held) = one(&set.to_string()) else {
        return;
    };
    let name = host.strip_suffix('.').unwrap_or(&host);
    let is_host = !name.is_empty() && name.split('.').all(|label| !label.is_empty());
    let texts = choices::written_out(&glob);
    let expected = is_host && texts.iter().any(|text| reference::parts(&[text], &[name]));
    let request = Request::Connect {
        host: Some(host.clone()),
        port: 80,
    };
    assert_eq!(held.covers(&request, None), expected, "{held} {request}");
}

/// The one capability that a set makes, which a grants file makes as well.
fn one(set: &str) -> Option<Capability> {
    let held = serde_json::from_str::<GrantSet>(set).ok()?.capabilities();
    let file: Result<Grants, _> = serde_json::from_str(&format!("{{\"p\":{set}}}"));
    assert_eq!(held.is_ok(), file.is_ok(), "{set}");
    let held = held.ok()?;
    assert_eq!(held, file.ok()?.for_plugin("p"));
    let [held] = held.as_slice() else {
        panic!("{set} is not one capability");
    };
    Some(held.clone())
}
