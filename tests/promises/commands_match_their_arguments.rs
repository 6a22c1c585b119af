//! A grant of a command with arguments allows exactly the argument lists that match it word by word,
//! and its text form is canonical.

use proptest::prelude::*;
use tollgate::capability::{Capability, Request, decide_resolved};

fn request(args: &[&str]) -> Request {
    Request::Exec {
        command: "/bin/tool".to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
    }
}

fn grant(pattern: &str) -> Capability {
    format!("exec:/bin/tool{pattern}").parse().unwrap()
}

#[test]
fn words_match_one_by_one() {
    for (pattern, args, allowed) in [
        ("", &[][..], true),
        ("", &["a", "b"], true),
        (" a", &["a"], true),
        (" a", &[], false),
        (" a", &["a", "b"], false),
        (" a", &["A"], false),
        (" a", &["b"], false),
        (" *", &["a"], true),
        (" *", &[""], true),
        (" *", &["a b"], true),
        (" *", &[], false),
        (" *", &["a", "b"], false),
        (" **", &[], true),
        (" **", &["a", "b"], true),
        (" a **", &["a"], true),
        (" a **", &["a", "b", "c"], true),
        (" a **", &["b"], false),
        (" * **", &[], false),
        (" is-active *", &["is-active", "cron"], true),
        (" is-active *", &["is-active", "--", "cron"], false),
        (" \"*\"", &["*"], true),
        (" \"*\"", &["a"], false),
        (" \"**\"", &["**"], true),
        (" \"**\"", &[], false),
        (" \"\"", &[""], true),
        (" \"\"", &[], false),
        (" \"a b\"", &["a b"], true),
        (" \"a b\"", &["a", "b"], false),
        (" a  b ", &["a", "b"], true),
        (" \"a\" \"b\"", &["a", "b"], true),
        (" \"\\\"\\\\\\n\\t\\r\\u{e9}\"", &["\"\\\n\t\ré"], true),
        (" é", &["é"], true),
        // The same letter, made of two characters: another word.
        (" é", &["e\u{301}"], false),
        (" a,b", &["a,b"], true),
        (" 'a", &[], false),
    ] {
        let Ok(grant) = format!("exec:/bin/tool{pattern}").parse::<Capability>() else {
            assert!(pattern.contains('\''), "{pattern}");
            continue;
        };
        assert_eq!(
            grant.covers(&request(args), None),
            allowed,
            "{grant} {args:?}"
        );
    }
    // Another command is another command, whatever its arguments.
    let other = Request::Exec {
        command: "/bin/other".to_owned(),
        args: vec!["a".to_owned()],
    };
    assert!(!grant(" a").covers(&other, None));
}

#[test]
fn texts_are_canonical() {
    for (text, canonical) in [
        ("exec:/bin//ls   -l  *", "exec:/bin/ls -l *"),
        ("exec:/bin/ls **", "exec:/bin/ls"),
        ("exec:/bin/ls \"-l\"", "exec:/bin/ls -l"),
        ("exec:\"/bin/ls\" x", "exec:/bin/ls x"),
        ("exec:\"/opt/my tool\"", "exec:\"/opt/my tool\""),
        ("exec:\"/opt/my//tool\" *", "exec:/opt/my/tool *"),
        ("exec:\"a,b\"", "exec:\"a,b\""),
        ("exec:ls, cat", "exec:ls,cat"),
        ("exec:ls \"\" \"*\" \"'\"", "exec:ls \"\" \"*\" \"'\""),
        (
            "exec:ls \"\\u{41}\\u{9b}\\u{202e}\"",
            "exec:ls \"A\\u{9b}\\u{202e}\"",
        ),
        ("exec:ls \"\u{9b}\n\"", "exec:ls \"\\u{9b}\\n\""),
        ("exec:ls x,y", "exec:ls x,y"),
        // A list, in which a space may stand on either side of the comma.
        ("exec:ls ,cat", "exec:ls,cat"),
        ("exec:ls \",cat\" \",\"", "exec:ls \",cat\" \",\""),
        ("exec:glob:/opt/my dir/*", "exec:glob:/opt/my dir/*"),
    ] {
        let grant: Capability = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(grant.to_string(), canonical);
        assert_eq!(canonical.parse::<Capability>().unwrap(), grant);
    }
}

#[test]
fn mistakes_are_refused_with_their_place() {
    for (text, position, hint) in [
        ("exec:ls,cat -l", 7, Some("on its own")),
        ("exec:/bin/* -l", 12, Some("name the program")),
        ("exec:** -l", 8, Some("name the program")),
        ("exec:ls a*", 9, Some("in quotes")),
        ("exec:/opt/my dir/*", 17, Some("in quotes")),
        ("exec:ls ** a", 11, None),
        ("exec:ls ** **", 11, None),
        ("exec:ls \"a", 10, Some("quotes")),
        ("exec:ls \"a\"b", 11, None),
        ("exec:ls a\"b\"", 9, Some("quotes")),
        ("exec:ls 'a b'", 8, Some("quotes")),
        ("exec:ls a\\ b", 9, Some("quotes")),
        ("exec:ls a\tb", 9, Some("quotes")),
        ("exec:ls a\u{a0}b", 9, Some("quotes")),
        ("exec:ls a\u{202e}", 9, Some("quotes")),
        ("exec:ls \"\\x\"", 9, Some("quotes")),
        ("exec:ls \"\\u{110000}\"", 9, Some("quotes")),
        ("exec:ls \"\\u{0}\"", 9, Some("quotes")),
        ("exec:ls \"\\u{+41}\"", 9, Some("quotes")),
        ("exec:ls \"\\u{d800}\"", 9, Some("quotes")),
        ("exec:ls,git", 8, Some("exec:git")),
        ("exec:gitk-like, ls ,git", 20, Some("exec:git")),
        ("exec: ", 5, None),
        ("exec:\"\"", 5, None),
        ("exec:\"/bin/\" x", 5, None),
    ] {
        let error = text.parse::<Capability>().expect_err(text);
        assert_eq!(error.position(), position, "{error}");
        assert!(
            error
                .hint()
                .unwrap_or_default()
                .contains(hint.unwrap_or_default()),
            "{error}"
        );
        assert_eq!(error.hint().is_some(), hint.is_some(), "{error}");
    }
}

#[test]
fn requests_are_written_as_grants_are_but_without_wildcards() {
    for (text, args) in [
        ("exec:/bin/tool", &[][..]),
        ("exec:/bin/tool -l /tmp", &["-l", "/tmp"]),
        ("exec:/bin/tool * ** a*", &["*", "**", "a*"]),
        ("exec:/bin/tool \"a b\" \"\"", &["a b", ""]),
    ] {
        let parsed: Request = text.parse().unwrap();
        assert_eq!(parsed, request(args));
        assert_eq!(parsed.to_string().parse::<Request>().unwrap(), parsed);
    }
    // A grant of these arguments and no others, for each of them.
    for args in [&["*"][..], &["**"], &[""], &["a b", "\"", "\n\u{9b}"]] {
        let needed = request(args).needed_with_arguments().unwrap();
        assert!(needed.covers(&request(args), None), "{needed}");
        assert!(!needed.covers(&request(&[]), None), "{needed}");
        assert!(!needed.covers(&request(&["x"]), None), "{needed}");
    }
    assert_eq!(request(&[]).needed_with_arguments(), None);
    assert_eq!(request(&[&"x".repeat(9000)]).needed_with_arguments(), None);
}

#[test]
fn a_denial_for_other_arguments_says_which_grant_would_do() {
    let resolve = |path: &str| Some(path.replace("/bin/", "/usr/bin/"));
    let ask = |requested: &str, granted: &str| {
        decide_resolved("exec", requested, granted, None, &resolve)
    };
    // Pinned with the same arguments: the real file is granted with them alone.
    assert!(ask("/bin/systemctl is-active x", "/bin/systemctl is-active *").allowed);
    let denied = ask("/bin/systemctl stop \"a b\"", "/bin/systemctl is-active *");
    assert!(!denied.allowed && !denied.malformed);
    let needed = "exec:/bin/systemctl stop \"a b\"";
    assert!(denied.reason.as_str().contains(needed), "{}", denied.reason);
    assert!(ask("/bin/systemctl stop \"a b\"", &needed[5..]).allowed);
    let denied = ask("/bin/systemctl", "/bin/systemctl is-active *");
    assert!(
        denied
            .reason
            .as_str()
            .contains("it needs the grant exec:/bin/systemctl"),
        "{}",
        denied.reason
    );
}

/// Patterns as they are meant: `None` is `*`; whether `**` follows.
type Meant = (Vec<Option<String>>, bool);

fn reference(pattern: &[Option<String>], rest: bool, args: &[String]) -> bool {
    match (pattern.split_first(), args.split_first()) {
        (None, None) => true,
        (None, Some(_)) => rest,
        (Some(_), None) => false,
        (Some((own, pattern)), Some((arg, args))) => {
            own.as_ref().is_none_or(|own| own == arg) && reference(pattern, rest, args)
        }
    }
}

/// Every character in quotes by its number: nothing to get wrong.
fn written((words, rest): &Meant) -> String {
    let mut text = "exec:/bin/tool".to_owned();
    for word in words {
        match word {
            None => text.push_str(" *"),
            Some(word) => {
                let escaped: String = word
                    .chars()
                    .map(|c| format!("\\u{{{:x}}}", u32::from(c)))
                    .collect();
                text.push_str(&format!(" \"{escaped}\""));
            }
        }
    }
    if *rest {
        text.push_str(" **");
    }
    text
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ab*,]{0,2}",
        1 => "[a \"'\\\\*\n\u{9b}\u{202e}\u{a0}é,:]{0,4}",
        1 => any::<String>().prop_map(|text| text.replace('\0', "")),
    ]
}

fn meant() -> impl Strategy<Value = Meant> {
    let words = prop::collection::vec(prop::option::weighted(0.7, word()), 0..5);
    (words, any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(256)))]

    #[test]
    fn arguments_match_like_the_reference(
        pattern in meant(),
        args in prop::collection::vec(word(), 0..6),
        fill in prop::collection::vec(word(), 5),
        more in 0..3_usize,
    ) {
        let grant: Capability = written(&pattern).parse().unwrap();
        let (words, rest) = &pattern;
        let is_set = *rest || !words.is_empty();
        // Random lists seldom meet random patterns: ask for one that is near, too.
        let mut near: Vec<String> = words
            .iter()
            .zip(&fill)
            .map(|(own, fill)| own.clone().unwrap_or_else(|| fill.clone()))
            .collect();
        near.extend(args.iter().take(more).cloned());
        for args in [args, near] {
            let expected = !is_set || reference(words, *rest, &args);
            let request = Request::Exec { command: "/bin/tool".into(), args };
            prop_assert_eq!(grant.covers(&request, None), expected, "{} {:?}", grant, request);
            if let Some(exact) = request.needed_with_arguments() {
                prop_assert!(exact.covers(&request, None), "{} {:?}", exact, request);
                prop_assert!(!expected || grant.includes(&exact, None), "{} {}", grant, exact);
            }
            prop_assert_eq!(request.to_string().parse::<Request>().unwrap(), request);
        }
        let text = grant.to_string();
        prop_assert_eq!(text.parse::<Capability>().unwrap(), grant);
        prop_assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{:?}", text);
    }

    /// Comparing is exact: the words of a grant are tried as arguments, with a word for each star
    /// that no grant names, and lists of every length.
    #[test]
    fn one_grant_includes_another_when_all_it_allows_is_allowed(own in meant(), other in meant()) {
        let (mine, theirs): (Capability, Capability) =
            (written(&own).parse().unwrap(), written(&other).parse().unwrap());
        let (words, rest) = &other;
        let fresh = "no grant says this".to_owned();
        let is_set = *rest || !words.is_empty();
        let lengths = match (is_set, rest) {
            (true, false) => words.len()..=words.len(),
            _ => words.len()..=words.len() + 7,
        };
        let all_allowed = lengths.into_iter().all(|length| {
            let args: Vec<String> = (0..length)
                .map(|at| words.get(at).cloned().flatten().unwrap_or_else(|| fresh.clone()))
                .collect();
            let request = Request::Exec { command: "/bin/tool".into(), args };
            assert!(theirs.covers(&request, None));
            mine.covers(&request, None)
        });
        prop_assert_eq!(mine.includes(&theirs, None), all_allowed, "{} {}", mine, theirs);
    }

    #[test]
    fn no_text_is_read_as_two_grants(text in "[ab*,/\"'\\\\ :{}u4{é]{0,12}") {
        let Ok(grant) = format!("exec:{text}").parse::<Capability>() else {
            return Ok(());
        };
        let again: Capability = grant.to_string().parse().unwrap();
        prop_assert_eq!(&again, &grant);
        // A request of the same words is what a grant without wildcards allows.
        if !text.contains(['*', ',']) && !text.starts_with("glob:") {
            let request: Request = format!("exec:{text}").parse().unwrap();
            prop_assert!(grant.covers(&request, Some("/w")), "{} {:?}", grant, request);
        }
    }
}
