//! `tollgate explain`: an operator's questions about grants, answered in words or as JSON.

use crate::{Exit, Failure, args::ExplainArgs, print_json, print_line};
use serde_json::{Value, json};
use std::{env, fs, net::IpAddr, path::PathBuf};
use tollgate::{
    Capability,
    capability::{Request, address, command, explain, risk},
    printable::Printable,
};

/// What is said: as JSON, in words, and how the program ends.
struct Answer {
    json: Value,
    words: String,
    exit: Exit,
}

pub fn run(mut args: ExplainArgs) -> Result<Exit, Failure> {
    // Everything behind --exec is the command's; a --json at the very end is meant for us.
    if let Some(words) = &mut args.exec
        && words.len() > 1
        && !args.json
        && words.last().is_some_and(|word| word == "--json")
    {
        words.pop();
        args.json = true;
    }
    let answer = match (&args.address, &args.exec, &args.capability, &args.request) {
        (Some(text), ..) => about_address(text)?,
        (_, Some(words), ..) => about_command(words)?,
        (_, _, Some(grant), Some(request)) => about_request(grant, request, args.cwd.as_deref()),
        (_, _, Some(capability), None) => about_risk(capability)?,
        (None, None, None, _) => return Err(bad("there is nothing to explain")),
    };
    match (&answer.exit, args.json) {
        (_, true) => print_json(&answer.json.to_string())?,
        (Exit::Success, false) => print_line(&answer.words)?,
        (_, false) => return Err(Failure::new(answer.exit, answer.words)),
    };
    Ok(answer.exit)
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Exit::BadInput, message.into())
}

/// Does a grant allow a request? What is malformed allows nothing, and ends with 2.
fn about_request(grant: &str, request: &str, cwd: Option<&str>) -> Answer {
    let parsed: Result<(Capability, Request), String> = (|| {
        let grant = grant
            .parse()
            .map_err(|error| format!("the grant is none: {error}"))?;
        let request = request
            .parse()
            .map_err(|error| format!("the request is none: {error}"))?;
        Ok((grant, request))
    })();
    let (allowed, reason, exit) = match parsed {
        Ok((grant, request)) => {
            let decision = explain(
                &grant,
                &request,
                cwd.filter(|cwd| !cwd.is_empty()),
                &real_path,
            );
            (decision.allowed, decision.reason, Exit::Success)
        }
        Err(reason) => (false, reason.into(), Exit::BadInput),
    };
    let verdict = if allowed { "allowed" } else { "denied" };
    Answer {
        words: format!("{verdict}: {reason}"),
        json: json!({ "allowed": allowed, "reason": reason }),
        exit,
    }
}

/// Links are followed and bare names looked up in `PATH`, as the system's world does it.
fn real_path(path: &str) -> Option<String> {
    let file = match path.contains('/') {
        true => path.into(),
        false => in_path(path)?,
    };
    file.canonicalize()
        .ok()?
        .into_os_string()
        .into_string()
        .ok()
}

fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let directories = env::split_paths(&path).filter(|directory| directory.is_absolute());
    let mut files = directories.map(|directory| directory.join(name));
    files.find(|file| fs::metadata(file).is_ok_and(|metadata| is_program(&metadata)))
}

#[cfg(unix)]
fn is_program(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_program(metadata: &fs::Metadata) -> bool {
    metadata.is_file()
}

fn about_risk(capability: &str) -> Result<Answer, Failure> {
    let risk = risk::assess(capability).map_err(|error| bad(error.to_string()))?;
    let level = risk.level.as_str();
    Ok(Answer {
        words: format!("{}: {level} risk. {}", Printable(capability), risk.reason),
        json: json!({ "capability": capability, "risk": level, "reason": risk.reason }),
        exit: Exit::Success,
    })
}

fn about_address(text: &str) -> Result<Answer, Failure> {
    let plain = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address: IpAddr = plain
        .parse()
        .map_err(|_| bad(format!("{text:?} is not an IP address")))?;
    let verdict = address::judge(address);
    let word = verdict.word.map(|word| word.as_str());
    let words = match (verdict.blocked, word) {
        (false, _) => format!("{address} is open: {}", verdict.range),
        (true, Some(word)) => {
            format!(
                "{address} is closed: {}; network:outbound:{word} opens it",
                verdict.range
            )
        }
        (true, None) => format!("{address} is closed: {}; nothing opens it", verdict.range),
    };
    Ok(Answer {
        words,
        json: json!({
            "address": text,
            "blocked": verdict.blocked,
            "range": verdict.range,
            "word": word,
        }),
        exit: Exit::Success,
    })
}

fn about_command(words: &[String]) -> Result<Answer, Failure> {
    let (command, arguments) = words.split_first().ok_or_else(|| bad("which command?"))?;
    let request = Request::Exec {
        command: command.clone(),
        args: arguments.to_vec(),
    };
    let needs = request
        .needed()
        .ok_or_else(|| bad(format!("{command:?} names no command")))?;
    let exact = request
        .needed_with_arguments()
        .map(|grant| grant.to_string());
    // The file behind a link counts as well, where there is one.
    let real = real_path(command);
    let family = command::family(command).or_else(|| command::family(real.as_deref()?));
    let name = Printable(needs.pattern());
    let needed = Printable(&needs);
    let what = match family {
        Some(family) => format!(
            "{name} is {}: no wildcard allows it, whatever its arguments; it needs the grant {needed}",
            family.describe()
        ),
        None => format!(
            "{name} is not in the table of programs that run code: every wildcard that covers it \
             allows it, with any arguments; it needs the grant {needed}"
        ),
    };
    let words = match &exact {
        Some(exact) => format!("{what}, or for these arguments only {}", Printable(exact)),
        None => what,
    };
    Ok(Answer {
        words,
        json: json!({
            "command": command,
            "kind": family.map_or("unlisted", |family| family.as_str()),
            "needs": needs.to_string(),
            "needs_with_arguments": exact,
        }),
        exit: Exit::Success,
    })
}
