//! Grants of commands and of their arguments, against a reference too simple to be wrong.

use crate::input::Input;
use tollgate::capability::{Capability, Request, command};

/// Grants and requests made of few words, so that they often meet; and any text at all.
pub fn exec_grants(data: &[u8]) {
    let mut input = Input(data);
    let (own, other) = (Meant::read(&mut input), Meant::read(&mut input));
    let command = (*input.choose(COMMANDS)).to_owned();
    let args: Vec<String> = (0..input.byte() % 5).map(|_| word(&mut input)).collect();
    let request = Request::Exec { command, args };

    let grants = [&own, &other].map(|meant| {
        let grant: Capability = meant
            .written()
            .parse()
            .expect("what is meant can be written");
        assert_eq!(
            grant.covers(&request, None),
            meant.covers(&request),
            "{grant} {request:?}"
        );
        round_trip(&grant);
        grant
    });
    let [own, other] = &grants;
    if own.includes(other, None) && other.covers(&request, None) {
        assert!(own.covers(&request, None), "{own} {other} {request:?}");
    }
    needs(&request);

    let text = format!("exec:{}", String::from_utf8_lossy(input.0));
    if let Ok(grant) = text.parse::<Capability>() {
        round_trip(&grant);
        let _ = (
            grant.risk(),
            grant.pinned(&|path| Some(format!("{path}/x")), None),
        );
    }
    if let Ok(request) = text.parse::<Request>() {
        needs(&request);
    }
}

/// A grant has one text, and nothing in it is hidden.
fn round_trip(grant: &Capability) {
    let text = grant.to_string();
    assert_eq!(text.parse::<Capability>().as_ref(), Ok(grant));
    assert!(grant.includes(grant, None));
}

/// What a denial advises helps, and what it advises for these arguments is for no others.
fn needs(request: &Request) {
    assert_eq!(request.to_string().parse::<Request>().as_ref(), Ok(request));
    let Some(needed) = request.needed() else {
        return;
    };
    assert!(needed.covers(request, None), "{needed} {request:?}");
    let (Some(exact), Request::Exec { command, args }) = (request.needed_with_arguments(), request)
    else {
        return;
    };
    assert!(exact.covers(request, None), "{exact} {request:?}");
    assert!(needed.includes(&exact, None) && !exact.includes(&needed, None));
    for at in 0..args.len() {
        let mut args = args.clone();
        args[at].push('x');
        let command = command.clone();
        assert!(
            !exact.covers(&Request::Exec { command, args }, None),
            "{exact}"
        );
    }
}

/// Paths and bare names; whether each is in the table is known here without asking for it.
const COMMANDS: &[&str] = &[
    "/b/tool",
    "/b/vim",
    "/b/sub/tool",
    "/c/tool",
    "tool",
    "env",
    "/b/gcc-12",
    "/b/Python3.11",
    "/b/my tool",
    "/b/a,b",
    "/b/*",
    "tool,other",
    "/b/x86_64-linux-gnu-ld",
];
const IN_TABLE: &[&str] = &[
    "/b/vim",
    "env",
    "/b/gcc-12",
    "/b/Python3.11",
    "/b/x86_64-linux-gnu-ld",
];

fn word(input: &mut Input<'_>) -> String {
    match input.byte() % 4 {
        0 => input.text().replace('\0', ""),
        _ => input.words(&["a", "b", "*", "-", " ", "\"", "\\", "é", "\n", "'"], 3),
    }
}

/// A grant as it is meant.
enum Meant {
    Any,
    Directory(&'static str),
    List(Vec<&'static str>),
    /// A command; its words, of which `None` is any; and whether any more may follow.
    Command(&'static str, Vec<Option<String>>, bool),
}

impl Meant {
    fn read(input: &mut Input<'_>) -> Meant {
        match input.byte() % 6 {
            0 => Meant::Any,
            1 => Meant::Directory(input.choose::<&str>(&["/b", "/c", "/b/sub"])),
            2 => Meant::List(vec![
                *input.choose(&["tool", "/b/tool"]),
                *input.choose(&["/c/tool", "other"]),
            ]),
            _ => {
                let command = *input.choose(COMMANDS);
                let words = (0..input.byte() % 4)
                    .map(|_| (!input.byte().is_multiple_of(3)).then(|| word(input)))
                    .collect();
                Meant::Command(command, words, input.byte().is_multiple_of(2))
            }
        }
    }

    fn written(&self) -> String {
        match self {
            Meant::Any => "exec:**".to_owned(),
            Meant::Directory(directory) => format!("exec:{directory}/*"),
            Meant::List(names) => format!("exec:{}", names.join(", ")),
            Meant::Command(command, words, rest) => {
                let words = words.iter().map(|word| match word {
                    Some(word) => format!(" {}", quoted(word)),
                    None => " *".to_owned(),
                });
                let rest = if *rest { " **" } else { "" };
                format!(
                    "exec:{}{}{rest}",
                    quoted(command),
                    words.collect::<String>()
                )
            }
        }
    }

    fn covers(&self, request: &Request) -> bool {
        let Request::Exec { command, args } = request else {
            return false;
        };
        let listed = IN_TABLE.contains(&command.as_str());
        assert_eq!(command::family(command).is_some(), listed, "{command}");
        match self {
            Meant::Any => !listed,
            Meant::Directory(directory) => {
                let parent = command.rsplit_once('/').map(|(parent, _)| parent);
                !listed && parent == Some(directory)
            }
            Meant::List(names) => names.contains(&command.as_str()),
            Meant::Command(own, words, rest) => {
                let is_set = *rest || !words.is_empty();
                own == command && (!is_set || matches(words, *rest, args))
            }
        }
    }
}

fn matches(words: &[Option<String>], rest: bool, args: &[String]) -> bool {
    match (words.split_first(), args.split_first()) {
        (None, None) => true,
        (None, Some(_)) => rest,
        (Some(_), None) => false,
        (Some((own, words)), Some((arg, args))) => {
            own.as_ref().is_none_or(|own| own == arg) && matches(words, rest, args)
        }
    }
}

/// Every character by its number: nothing to get wrong.
fn quoted(word: &str) -> String {
    let numbers = word.chars().map(|c| format!("\\u{{{:x}}}", u32::from(c)));
    format!("\"{}\"", numbers.collect::<String>())
}
