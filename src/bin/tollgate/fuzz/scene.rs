//! Worlds made of replies: as a simulated world for a run, and as the text of a file that holds the same world.

use super::reply::{Kind, Reply};
use serde_json::{Map, Value, json};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use tollgate::{
    abi::{
        base64,
        rfc3339::{self, Moment},
    },
    effect::{
        Answer, CommandOutput, DnsRecords, Exchanged, Failure, HttpResponse, Records, SmtpInfo,
        TlsInfo,
    },
    world::Simulated,
};

/// The address of every host that has none: a public one, since grants of names exclude private ones.
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));

/// Where bare names of commands are found.
const PROGRAMS: &str = "/usr/bin";

/// Adds named replies to a world. What a reply cannot mean is left out.
pub fn add(world: Simulated, reply: &Reply) -> Simulated {
    match reply.kind {
        Kind::File => match reply.text("path") {
            Some(path) => owned(world.file(path, reply.content.clone()), path, reply),
            None => world,
        },
        Kind::Directory => match reply.text("path") {
            Some(path) => {
                let world = entries(path, reply).into_iter().fold(
                    world.directory(path),
                    |world, (path, is_directory)| match is_directory {
                        true => world.directory(&path),
                        false => world.file(&path, ""),
                    },
                );
                owned(world, path, reply)
            }
            None => world,
        },
        Kind::Link => match reply.text("path") {
            Some(path) => world.link(path, &reply.lossy()),
            None => world,
        },
        Kind::Variable => match reply.text("name") {
            Some(name) => world.variable(name, &reply.lossy()),
            None => world,
        },
        Kind::Clock => {
            let world = match start(reply) {
                Some(start) => world.start(start),
                None => world,
            };
            match reply.number("step") {
                Some(step) => world.step(Duration::from_nanos(step)),
                None => world,
            }
        }
        Kind::Random => world.random(reply.content.clone()),
        Kind::Fail => script(world, reply, Err(failure(reply))),
        Kind::Http | Kind::Exchange | Kind::Tls | Kind::Lookup | Kind::Greet | Kind::Run => {
            let Some(answer) = answer(reply) else {
                return world;
            };
            let world = match host(reply) {
                Some(host) => world.host(&host, [ADDRESS]),
                None => world,
            };
            let world = match bare_command(reply) {
                Some(_) => world.variable("PATH", PROGRAMS),
                None => world,
            };
            script(world, reply, Ok(answer))
        }
    }
}

fn script(world: Simulated, reply: &Reply, outcome: Result<Answer, Failure>) -> Simulated {
    let (when, kept) = (pattern(reply), world.clone());
    let added = match is_once(reply) {
        true => world.answer_once(when, outcome),
        false => world.answer(when, outcome),
    };
    added.unwrap_or(kept)
}

fn owned(world: Simulated, path: &str, reply: &Reply) -> Simulated {
    let number = |field: &str| {
        let number = reply.number(field)?;
        u32::try_from(number).ok()
    };
    let world = match mode(reply) {
        Some(mode) => world.mode(path, mode),
        None => world,
    };
    let world = match (number("uid"), number("gid")) {
        (None, None) => world,
        (uid, gid) => world.owner(path, uid.unwrap_or(0), gid.unwrap_or(0)),
    };
    match modified(reply) {
        Some(moment) => world.modified(path, moment),
        None => world,
    }
}

fn mode(reply: &Reply) -> Option<u32> {
    let mode = u32::from_str_radix(reply.text("mode")?, 8).ok()?;
    (mode <= 0o7777).then_some(mode)
}

fn modified(reply: &Reply) -> Option<Moment> {
    let seconds = reply.fields.get("modified")?.as_i64()?;
    Some(Moment { seconds, nanos: 0 })
}

fn start(reply: &Reply) -> Option<Moment> {
    let seconds = reply.fields.get("seconds")?.as_i64()?;
    let nanos = reply.number("nanos").unwrap_or(0) % 1_000_000_000;
    Some(Moment {
        seconds,
        nanos: u32::try_from(nanos).unwrap_or(0),
    })
}

/// The most names of a directory.
const MOST_NAMES: usize = 256;

/// The paths in a directory, and whether each is one of a directory.
pub fn entries(directory: &str, reply: &Reply) -> Vec<(String, bool)> {
    let names = reply.lossy();
    let names = names.split('\n').take(MOST_NAMES).filter_map(|line| {
        let name = line.trim_end_matches('/');
        let is_name = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
        let is_name = is_name && name.len() <= 255;
        let path = format!("{}/{name}", directory.trim_end_matches('/'));
        is_name.then_some((path, line.len() > name.len()))
    });
    names.collect()
}

fn is_once(reply: &Reply) -> bool {
    reply.fields.get("once").is_some_and(|once| *once == true)
}

/// The pattern of the effects that a reply answers. One that fails has all of its kind.
fn pattern(reply: &Reply) -> Value {
    let mut when = match (reply.kind, reply.when()) {
        (Kind::Fail, Value::Null) => return json!({"open": {}}),
        (Kind::Fail, when) => return when,
        (kind, when) => json!({ kind.word(): when }),
    };
    if let Some(path) = bare_command(reply)
        && let Some(command) = when.pointer_mut("/run/command")
    {
        *command = path.into();
    }
    when
}

/// The path of a command that is a bare name.
fn bare_command(reply: &Reply) -> Option<String> {
    let when = reply.fields.get("when")?;
    let name = when.get("command")?.as_str()?;
    (reply.kind == Kind::Run && !name.contains('/')).then(|| format!("{PROGRAMS}/{name}"))
}

/// The host of a reply from the network, if it has a name.
fn host(reply: &Reply) -> Option<String> {
    let when = reply.fields.get("when")?;
    let host = match reply.kind {
        Kind::Http => {
            let url = when.get("url")?.as_str()?;
            let host = url.split("://").nth(1)?.split(['/', '?', '#']).next()?;
            match host.rsplit_once(':') {
                Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
                _ => host,
            }
        }
        Kind::Exchange | Kind::Tls | Kind::Greet => when.get("host")?.as_str()?,
        Kind::Lookup => when.pointer("/nameserver/host")?.as_str()?,
        _ => return None,
    };
    let is_address = host.parse::<IpAddr>().is_ok() || host.starts_with('[');
    (!is_address).then(|| host.to_owned())
}

fn failure(reply: &Reply) -> Failure {
    let text = |field: &str, default: &str| reply.text(field).unwrap_or(default).to_owned();
    let code = text("code", "EIO");
    let message = text("message", &code);
    Failure::new(text("kind", "fs"), code, message)
}

/// The answer of a reply that has one.
fn answer(reply: &Reply) -> Option<Answer> {
    let unset = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let took = Duration::from_nanos(reply.number("took").unwrap_or(0));
    let content = reply.content.clone();
    Some(match reply.kind {
        Kind::Http => {
            let headers = reply.fields.get("headers").and_then(Value::as_object);
            let headers = headers.into_iter().flatten();
            let headers = headers.filter_map(|(name, value)| {
                Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()))
            });
            let status = reply.number("status").unwrap_or(200);
            Answer::Fetched(HttpResponse {
                status: u16::try_from(status).unwrap_or(u16::MAX),
                protocol: "HTTP/1.1".to_owned(),
                headers: headers.collect(),
                body: content,
                truncated: false,
                took,
            })
        }
        Kind::Exchange => Answer::Exchanged(Exchanged {
            received: content,
            truncated: false,
            remote: unset,
            local: unset,
            timed_out: reply.fields.get("timed_out").is_some_and(|it| *it == true),
            connect_time: took,
        }),
        Kind::Tls => {
            let session = reply.fields.get("session").cloned();
            let session = session.unwrap_or_else(|| json!({"version": "TLS 1.3"}));
            let mut session: tollgate::effect::TlsSession =
                serde_json::from_value(session).unwrap_or_default();
            if !content.is_empty() {
                session.subject = reply.lossy();
            }
            Answer::Secured(TlsInfo {
                remote: unset,
                local: unset,
                took,
                session,
            })
        }
        Kind::Lookup => {
            let text = reply.lossy();
            let lines = text.split('\n').filter(|line| !line.is_empty());
            let is_mail = reply
                .fields
                .get("when")
                .and_then(|when| when.get("records"))
                == Some(&Value::from("mx"));
            let records = match is_mail {
                true => Records::MailServers(
                    lines
                        .map(|line| {
                            let (preference, host) = line.split_once(' ').unwrap_or(("10", line));
                            (preference.parse().unwrap_or(10), host.to_owned())
                        })
                        .collect(),
                ),
                false => Records::Texts(lines.map(str::to_owned).collect()),
            };
            Answer::Found(DnsRecords { records, took })
        }
        Kind::Greet => Answer::Greeted(SmtpInfo {
            banner: reply.lossy(),
            took,
            session: None,
        }),
        Kind::Run => {
            let code = reply.fields.get("exit_code").and_then(Value::as_i64);
            Answer::Ran(CommandOutput {
                exit_code: i32::try_from(code.unwrap_or(0)).unwrap_or(-1),
                stdout: content,
                stderr: reply.text("stderr").unwrap_or_default().into(),
                duration: took,
                ..CommandOutput::default()
            })
        }
        _ => return None,
    })
}

/// Bytes as worlds have them.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "base64": base64::encode(bytes) }),
    }
}

/// Changes a member of a world that is an object, which is made if there is none.
fn member(
    world: &mut Map<String, Value>,
    name: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut members = match world.remove(name) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    change(&mut members);
    world.insert(name.to_owned(), members.into());
}

fn set(world: &mut Map<String, Value>, name: &str, key: &str, value: impl Into<Value>) {
    member(world, name, |members| {
        members.insert(key.to_owned(), value.into());
    });
}

/// The text of a world that has all that `base` has, and these replies. `drawn` are the random bytes that
/// initialisation draws before the call.
pub fn text(base: &str, replies: &[Reply], drawn: &[u8]) -> String {
    let mut world: Map<String, Value> = serde_json::from_str(base).unwrap_or_default();
    for reply in replies {
        write(&mut world, reply, drawn);
    }
    let text = serde_json::to_string_pretty(&world).unwrap_or_default();
    text + "\n"
}

fn write(world: &mut Map<String, Value>, reply: &Reply, drawn: &[u8]) {
    match reply.kind {
        Kind::File | Kind::Link | Kind::Directory => {
            let Some(path) = reply.text("path") else {
                return;
            };
            let mut file = match reply.kind {
                Kind::File => json!({ "content": bytes(&reply.content) }),
                Kind::Link => json!({ "link": reply.lossy() }),
                _ => {
                    member(world, "files", |files| {
                        for (path, is_directory) in entries(path, reply) {
                            let entry = match is_directory {
                                true => json!({ "directory": true }),
                                false => "".into(),
                            };
                            files.entry(path).or_insert(entry);
                        }
                    });
                    json!({ "directory": true })
                }
            };
            if reply.kind != Kind::Link {
                for field in ["uid", "gid"] {
                    if let Some(number) = reply.number(field).filter(|it| *it <= u32::MAX.into()) {
                        file[field] = number.into();
                    }
                }
                if let Some(mode) = mode(reply) {
                    file["mode"] = format!("{mode:04o}").into();
                }
                if let Some(modified) = modified(reply) {
                    file["modified"] = moment(modified);
                }
            }
            set(world, "files", path, file);
        }
        Kind::Variable => {
            if let Some(name) = reply.text("name") {
                set(world, "variables", name, reply.lossy());
            }
        }
        Kind::Clock => {
            if let Some(start) = start(reply) {
                world.insert("start".to_owned(), moment(start));
            }
            if let Some(step) = reply.number("step") {
                world.insert("step".to_owned(), step.into());
            }
        }
        Kind::Random => {
            let all = [drawn, &reply.content].concat();
            world.insert("random".to_owned(), bytes(&all));
        }
        Kind::Fail => {
            let failure = failure(reply);
            let fail =
                json!({ "kind": failure.kind, "code": failure.code, "message": failure.message });
            push(
                world,
                json!({ "when": pattern(reply), "fail": fail, "once": is_once(reply) }),
            );
        }
        Kind::Http | Kind::Exchange | Kind::Tls | Kind::Lookup | Kind::Greet | Kind::Run => {
            let Some(answer) = answer(reply) else {
                return;
            };
            let mut answer = serde_json::to_value(answer).unwrap_or_default();
            // Transcripts have only the digest of large bytes.
            for place in ["/fetched/body", "/exchanged/received", "/ran/stdout"] {
                if let Some(content) = answer.pointer_mut(place) {
                    *content = bytes(&reply.content);
                }
            }
            if let Some(host) = host(reply) {
                set(world, "hosts", &host, json!([ADDRESS.to_string()]));
            }
            if bare_command(reply).is_some() {
                set(world, "variables", "PATH", PROGRAMS);
            }
            push(
                world,
                json!({ "when": pattern(reply), "answer": answer, "once": is_once(reply) }),
            );
        }
    }
}

fn push(world: &mut Map<String, Value>, answer: Value) {
    let answers = world.entry("answers").or_insert_with(|| json!([]));
    if let Value::Array(answers) = answers {
        answers.push(answer);
    }
}

fn moment(moment: Moment) -> Value {
    // 9999-12-31T23:59:59Z.
    const LAST: i64 = 253_402_300_799;
    match (0..=LAST).contains(&moment.seconds) {
        true => rfc3339::format(moment).into(),
        false => json!({ "seconds": moment.seconds, "nanos": moment.nanos }),
    }
}
