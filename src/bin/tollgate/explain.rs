//! `tollgate explain`: explains grants, requests, addresses and commands, as text or JSON.

use crate::{Exit, Failure, args::ExplainArgs, granting, print_json, print_line};
use serde_json::{Value, json};
use std::{
    env, fs,
    net::IpAddr,
    path::{Path, PathBuf},
};
use tollgate::{
    Capability,
    capability::{Request, address, command, explain_all, risk},
    printable::Printable,
};

/// The output as JSON and as text, and the exit code.
struct Answer {
    json: Value,
    text: String,
    exit: Exit,
}

pub fn run(mut args: ExplainArgs) -> Result<Exit, Failure> {
    // All arguments after --exec belong to the command, except a --json at the very end.
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
        (_, _, Some(grant), Some(request)) => {
            let grants: Vec<&str> = std::iter::once(grant)
                .chain(&args.grants)
                .map(String::as_str)
                .collect();
            about_request(&grants, request, args.cwd.as_deref())
        }
        (_, _, Some(capability), None) => about_risk(capability)?,
        (None, None, None, _) => return Err(bad("nothing to explain")),
    };
    match (&answer.exit, args.json) {
        (_, true) => print_json(&answer.json.to_string())?,
        (Exit::Success, false) => print_line(&answer.text)?,
        (_, false) => return Err(Failure::new(answer.exit, answer.text)),
    };
    Ok(answer.exit)
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Exit::BadInput, message.into())
}

/// Shows whether a plugin with these grants may do what it requests. Invalid input allows nothing, with exit
/// code 2.
fn about_request(grants: &[&str], request: &str, cwd: Option<&str>) -> Answer {
    let here = env::current_dir().ok();
    let here = here.as_deref().and_then(Path::to_str);
    let cwd = cwd.filter(|cwd| !cwd.is_empty()).or(here);
    let parsed: Result<(Vec<Capability>, Request), String> = (|| {
        let grants: Result<_, String> = grants
            .iter()
            .map(|grant| {
                grant
                    .parse()
                    .map_err(|error| format!("invalid grant: {error}"))
            })
            .collect();
        let grants = grants?;
        let request = request
            .parse()
            .map_err(|error| format!("invalid request: {error}"))?;
        Ok((grants, request))
    })();
    let (allowed, reason, unknown, exit) = match parsed {
        Ok((grants, request)) => {
            let decision = explain_all(&grants, &request, cwd, &real_path);
            let (reason, unknown) = (decision.reason, decision.unknown);
            (decision.allowed, reason, unknown, Exit::Success)
        }
        Err(reason) => (false, reason.into(), None, Exit::BadInput),
    };
    let mut json = json!({ "allowed": allowed, "reason": reason });
    if let (Some(json), Some(unknown)) = (json.as_object_mut(), &unknown) {
        json.insert("unknown".to_owned(), unknown.as_str().into());
    }
    let unknown = unknown.map_or_else(String::new, |unknown| {
        format!("; not known before it is looked up: {unknown}")
    });
    Answer {
        text: match (&exit, allowed) {
            (Exit::BadInput, _) => reason.to_string(),
            (_, true) => format!("allowed: {reason}{unknown}"),
            (_, false) => format!("denied: {reason}"),
        },
        json,
        exit,
    }
}

/// Follows links and looks up bare names in `PATH`, as the system's world does.
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
    let parsed: Option<Capability> = capability.parse().ok();
    let oddity = parsed.as_ref().and_then(granting::oddity);
    let mut json = json!({ "capability": capability, "risk": level, "reason": risk.reason });
    if let (Some(json), Some(oddity)) = (json.as_object_mut(), &oddity) {
        json.insert("note".to_owned(), oddity.as_str().into());
    }
    let oddity = oddity.map_or_else(String::new, |oddity| format!(" Note: {oddity}"));
    Ok(Answer {
        text: format!(
            "{}: {level} risk. {}{oddity}",
            Printable(capability),
            risk.reason
        ),
        json,
        exit: Exit::Success,
    })
}

fn about_address(given: &str) -> Result<Answer, Failure> {
    let plain = given
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(given);
    let address: IpAddr = plain
        .parse()
        .map_err(|_| bad(format!("{given:?} is not an IP address")))?;
    let verdict = address::judge(address);
    let word = verdict.word.map(|word| word.as_str());
    let text = match (verdict.blocked, word) {
        (false, _) => format!("{address} is not blocked: {}", verdict.range),
        (true, Some(word)) => {
            format!(
                "{address} is blocked: {}; the grant network:outbound:{word} allows it",
                verdict.range
            )
        }
        (true, None) => format!(
            "{address} is blocked: {}; no grant can allow it",
            verdict.range
        ),
    };
    Ok(Answer {
        text,
        json: json!({
            "address": given,
            "blocked": verdict.blocked,
            "range": verdict.range,
            "word": word,
        }),
        exit: Exit::Success,
    })
}

fn about_command(words: &[String]) -> Result<Answer, Failure> {
    let (command, arguments) = words.split_first().ok_or_else(|| bad("missing command"))?;
    let request = Request::Exec {
        command: command.clone(),
        args: arguments.to_vec(),
    };
    let needs = request
        .needed()
        .ok_or_else(|| bad(format!("{command:?} is not a command")))?;
    let exact = request
        .needed_with_arguments()
        .map(|grant| grant.to_string());
    // The target of a link counts as well.
    let real = real_path(command);
    let family = command::family(command).or_else(|| command::family(real.as_deref()?));
    let name = Printable(needs.pattern());
    let needed = Printable(&needs);
    let what = match family {
        Some(family) => format!(
            "{name} is {}: no wildcard allows it; it needs the grant {needed}",
            family.describe()
        ),
        None => format!(
            "{name} is not in the list of programs that run code: a matching wildcard allows it with any \
             arguments; it needs the grant {needed}"
        ),
    };
    let text = match &exact {
        Some(exact) => format!("{what}; for these arguments only, {}", Printable(exact)),
        None => what,
    };
    Ok(Answer {
        text,
        json: json!({
            "command": command,
            "kind": family.map_or("unlisted", |family| family.as_str()),
            "needs": needs.to_string(),
            "needs_with_arguments": exact,
        }),
        exit: Exit::Success,
    })
}
