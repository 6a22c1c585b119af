//! A world made up out of the fuzzer's bytes: any reply to any effect, also wrong and absurd ones,
//! and a judge that checks by rules of its own that the gate permitted nothing it should not.

use crate::input::Input;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use tollgate::{
    abi::rfc3339::Moment,
    effect::{
        Answer, CommandOutput, DirectoryEntry, DnsRecords, Effect, Exchanged, Failure, FileKind,
        HttpResponse, Records, Refusal, SmtpInfo, Stat, TlsInfo, TlsSession,
    },
    gate::{Checkpoint, Permit, Permitted, RealName},
    world::{Simulated, World},
};

/// What the fuzzed plugin is granted. The judge below knows the same by heart.
pub const GRANTS: &[&str] = &[
    "fs:read:/data/**",
    "fs:write:/data/out/**",
    "network:outbound:53",
    "network:outbound:example.com:80,443",
    "network:outbound:*.example.org:1-1024",
    "env:SHOWN_*",
    "exec:ls",
    "exec:/bin/true",
    "kv:get",
];

/// Everything that reached the world, in its order.
pub type Seen = Arc<Mutex<Vec<Effect>>>;

/// The world of one instance.
pub struct MadeUp {
    bytes: Vec<u8>,
    at: usize,
    handles: u32,
    seen: Seen,
}

impl MadeUp {
    /// A world that takes its replies from `bytes`, and the plainest ones when those are used up.
    pub fn new(bytes: &[u8], seen: &Seen) -> MadeUp {
        MadeUp {
            bytes: bytes.to_vec(),
            at: 0,
            handles: 0,
            seen: seen.clone(),
        }
    }

    fn draw<T>(&mut self, read: impl FnOnce(&mut Input<'_>) -> T) -> T {
        let mut input = Input(self.bytes.get(self.at..).unwrap_or_default());
        let before = input.0.len();
        let value = read(&mut input);
        self.at += before - input.0.len();
        value
    }

    fn byte(&mut self) -> u8 {
        self.draw(|input| input.byte())
    }

    fn number<const N: usize>(&mut self) -> u64 {
        self.draw(|input| input.number::<N>())
    }

    fn text(&mut self) -> String {
        self.draw(|input| input.text())
    }

    fn block(&mut self) -> Vec<u8> {
        self.draw(|input| input.block().to_vec())
    }

    fn duration(&mut self) -> Duration {
        match self.byte() {
            0..=199 => Duration::from_millis(self.number::<2>()),
            _ => Duration::from_nanos(self.number::<8>()),
        }
    }

    fn moment(&mut self) -> Moment {
        Moment {
            seconds: self.number::<8>().cast_signed(),
            nanos: u32::try_from(self.number::<4>() % 1_000_000_000).unwrap_or(0),
        }
    }

    fn kind(&mut self) -> FileKind {
        use FileKind::{BlockDevice, CharacterDevice, Directory, File, Other, Socket, Symlink};
        let kinds = [
            File,
            Directory,
            Symlink,
            Other,
            CharacterDevice,
            BlockDevice,
            Socket,
        ];
        self.draw(|input| *input.choose(&kinds))
    }

    fn stat(&mut self) -> Stat {
        Stat {
            kind: self.kind(),
            size: self.number::<8>(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            device: self.number::<1>(),
            inode: self.number::<8>(),
            links: 1,
            accessed: self.moment(),
            modified: self.moment(),
            changed: Moment::default(),
            target: (self.byte() % 4 == 1).then(|| self.text()),
        }
    }

    fn session(&mut self) -> TlsSession {
        TlsSession {
            version: self.text(),
            subject: self.text(),
            not_after: self.moment(),
            ..TlsSession::default()
        }
    }

    fn real(&mut self, asked: &str) -> String {
        let others = &[
            "/data",
            "/data/x",
            "/data/out",
            "/data/out/y",
            "/",
            "/datax",
            "/secret",
        ];
        match self.byte() {
            0..=127 => asked.to_owned(),
            other => others[usize::from(other) % others.len()].to_owned(),
        }
    }

    fn address(&mut self) -> IpAddr {
        match self.byte() {
            0..=99 => Ipv4Addr::new(93, 184, 215, 14).into(),
            100..=199 => {
                let bits = u32::try_from(self.number::<4>()).unwrap_or(0);
                Ipv4Addr::from_bits(bits).into()
            }
            _ => {
                let high = u128::from(self.number::<8>());
                let low = u128::from(self.number::<8>());
                std::net::Ipv6Addr::from_bits(high << 64 | low).into()
            }
        }
    }

    /// Has the gate judge what the effect leads to here, which need not be what it says.
    fn ask(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permit, Refusal> {
        if let Some(asked) = judge::names(effect) {
            let real: Vec<(String, bool)> = asked
                .iter()
                .map(|name| (self.real(name.path), self.byte() % 2 == 1))
                .collect();
            let names: Vec<RealName<'_>> = real
                .iter()
                .map(|(path, directory)| RealName {
                    path,
                    directory: *directory,
                })
                .collect();
            let permit = gate.real_names(&names)?;
            for (asked, (path, directory)) in asked.iter().zip(&real) {
                judge::may_use(asked, path, *directory);
            }
            return Ok(permit);
        }
        match effect {
            Effect::Exchange { .. }
            | Effect::Tls { .. }
            | Effect::Greet { .. }
            | Effect::Http { .. } => self.connect(gate),
            Effect::Lookup { nameserver, .. } if nameserver.is_some() => self.connect(gate),
            Effect::Run {
                command, directory, ..
            } => {
                if let Some(asked) = directory {
                    let real = self.real(asked);
                    gate.directory(&real)?;
                    judge::may_use(&judge::Name::read(asked), &real, true);
                }
                let files = &["/bin/true", "/bin/ls", "/bin/sh", "/usr/bin/env", "/tmp/ls"];
                let real = self.draw(|input| *input.choose(files));
                let permit = gate.command(real)?;
                judge::may_run(command, real);
                Ok(permit)
            }
            _ => Ok(gate.granted()?),
        }
    }

    fn connect(&mut self, gate: &Checkpoint<'_>) -> Result<Permit, Refusal> {
        let address = self.address();
        let permit = gate.address(address)?;
        judge::may_reach(address);
        Ok(permit)
    }

    fn answer(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Answer {
        match effect {
            Effect::Open { .. } => {
                // Now and then a handle that is in use.
                self.handles += u32::from(self.byte() % 8 != 7);
                Answer::Opened {
                    handle: self.handles,
                    stat: self.stat(),
                }
            }
            Effect::ReadAt { limit, .. } => {
                // Now and then more than was asked for.
                let most = usize::try_from(*limit).unwrap_or(usize::MAX);
                let most = most.saturating_add(usize::from(self.byte() == 255) * 8);
                Answer::Bytes(self.draw(|input| {
                    let bytes = input.block();
                    bytes[..bytes.len().min(most)].to_vec()
                }))
            }
            Effect::Random { length } => {
                let wanted = usize::try_from(*length).unwrap_or(0);
                let short = usize::from(self.byte() == 255);
                Answer::Bytes(vec![7; wanted.saturating_sub(short)])
            }
            Effect::WriteAt { bytes, .. } | Effect::WriteFile { content: bytes, .. } => {
                match self.byte() {
                    255 => Answer::Written(self.number::<8>()),
                    _ => Answer::Written(bytes.len() as u64),
                }
            }
            Effect::Stat { .. } | Effect::StatOpen { .. } => Answer::Stat(self.stat()),
            Effect::List { .. } => {
                let count = self.byte() % 8;
                Answer::Entries(
                    (0..count)
                        .map(|_| DirectoryEntry {
                            name: self.text(),
                            kind: self.kind(),
                            inode: self.number::<8>(),
                        })
                        .collect(),
                )
            }
            Effect::ReadLink { .. } => Answer::Target(self.text()),
            Effect::Variable { .. } => {
                Answer::Variable(self.byte().is_multiple_of(2).then(|| self.text()))
            }
            Effect::Variables => {
                let count = self.byte() % 4;
                let pairs = (0..count).map(|_| (self.text(), self.text()));
                let mut told = Vec::new();
                for (name, value) in pairs {
                    if gate.may_tell(&name) {
                        assert!(name.starts_with("SHOWN_"), "{name} was told");
                        told.push((name, value));
                    }
                }
                Answer::Variables(told)
            }
            Effect::Exchange { .. } => Answer::Exchanged(Exchanged {
                received: self.block(),
                truncated: false,
                remote: SocketAddr::new(self.address(), 1),
                local: SocketAddr::new(self.address(), 2),
                timed_out: self.byte() % 4 == 3,
                connect_time: self.duration(),
            }),
            Effect::Tls { .. } => Answer::Secured(TlsInfo {
                remote: SocketAddr::new(self.address(), 1),
                local: SocketAddr::new(self.address(), 2),
                took: self.duration(),
                session: self.session(),
            }),
            Effect::Http { .. } => {
                let statuses = &[200, 301, 302, 303, 307, 308, 404, 999, 0];
                let status = self.draw(|input| *input.choose(statuses));
                let count = self.byte() % 3;
                let names = &["location", "content-type", "x"];
                let headers = (0..count)
                    .map(|_| (self.draw(|i| *i.choose(names)).to_owned(), self.text()))
                    .collect();
                Answer::Fetched(HttpResponse {
                    status,
                    protocol: "HTTP/1.1".into(),
                    headers,
                    body: self.block(),
                    truncated: false,
                    took: self.duration(),
                })
            }
            Effect::Lookup { .. } => {
                let count = self.byte() % 4;
                let took = self.duration();
                let records = match self.byte() % 2 {
                    0 => Records::Texts((0..count).map(|_| self.text()).collect()),
                    _ => Records::MailServers((0..count).map(|_| (9, self.text())).collect()),
                };
                Answer::Found(DnsRecords { records, took })
            }
            Effect::Greet { .. } => Answer::Greeted(SmtpInfo {
                banner: self.text(),
                took: self.duration(),
                session: (self.byte() % 2 == 1).then(|| self.session()),
            }),
            Effect::Run { .. } => Answer::Ran(CommandOutput {
                exit_code: self.byte().into(),
                stdout: self.block(),
                stderr: self.text().into_bytes(),
                timed_out: self.byte() % 4 == 3,
                duration: self.duration(),
                ..CommandOutput::default()
            }),
            Effect::Now { .. } => Answer::Time(self.number::<8>()),
            _ => Answer::Done,
        }
    }
}

impl World for MadeUp {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        self.seen
            .lock()
            .expect("no other thread")
            .push(effect.clone());
        judge::known_names(effect);
        let mood = self.byte();
        if mood >= 250 {
            let codes = &["ENOENT", "EACCES", "EIO", "ELOOP", "EWHAT", "", "NXDOMAIN"];
            let kinds = &["fs", "network", "timeout", "internal", "zzz"];
            let code = self.draw(|input| *input.choose(codes));
            let kind = self.draw(|input| *input.choose(kinds));
            return Err(Failure::new(kind, code, self.text()).into());
        }
        let permit = self.ask(effect, gate)?;
        let answer = match mood {
            248 => Answer::Done,
            249 => Answer::Target(self.text()),
            _ => self.answer(effect, gate),
        };
        Ok(permit.answer(answer))
    }

    fn real_name(&self, path: &str) -> Option<String> {
        Some(path.to_owned())
    }

    fn working_directory(&self) -> String {
        "/data/work".to_owned()
    }
}

/// A world in memory that begins the same each time, with something behind most of the grants.
pub fn simulated() -> Simulated {
    static WORLD: LazyLock<Simulated> = LazyLock::new(written);
    WORLD.clone()
}

fn written() -> Simulated {
    let address: IpAddr = Ipv4Addr::new(93, 184, 215, 14).into();
    let answer = |world: Simulated, url| world.http(url, 200, "hello").expect("a plain URL");
    let world = Simulated::new()
        .at("/data/work")
        .directory("/data/work")
        .file("/data/a", "aaa")
        .file("/data/out/y", "yyyyyy")
        .file("/secret", "secret")
        .link("/data/up", "..")
        .link("/data/out/loop", "loop")
        .link("/data/out/gone", "nothing/here")
        .file("/bin/true", "")
        .mode("/bin/true", 0o755)
        .variable("SHOWN_A", "a")
        .variable("HIDDEN", "h")
        .host("example.com", [address])
        .host("inside.example.org", [Ipv4Addr::LOCALHOST.into()])
        .exchange("example.com", 80, "hello")
        .command("/bin/true", &[], CommandOutput::default())
        .room(1 << 20);
    answer(world, "http://example.com/")
}

/// What the grants above allow, said a second time in the plainest way.
mod judge {
    use super::{Effect, IpAddr};
    use tollgate::effect::{Nameserver, WriteMode};

    pub(super) struct Name<'a> {
        pub(super) path: &'a str,
        read: bool,
        write: bool,
    }

    impl<'a> Name<'a> {
        pub(super) fn read(path: &'a str) -> Name<'a> {
            Name {
                path,
                read: true,
                write: false,
            }
        }

        fn write(path: &'a str) -> Name<'a> {
            Name {
                path,
                read: false,
                write: true,
            }
        }
    }

    /// The paths of an effect and what it does to each.
    pub(super) fn names(effect: &Effect) -> Option<Vec<Name<'_>>> {
        Some(match effect {
            Effect::Open { path, options } => {
                let write =
                    options.write || options.create || options.truncate || options.exclusive;
                vec![Name {
                    path,
                    read: options.read || !write,
                    write,
                }]
            }
            Effect::Stat { path, .. } | Effect::ReadLink { path } => vec![Name::read(path)],
            Effect::WriteFile {
                path,
                mode: WriteMode::Append | WriteMode::CreateNew | WriteMode::Replace,
                ..
            }
            | Effect::SetTimes { path, .. }
            | Effect::MakeDirectory { path }
            | Effect::RemoveDirectory { path }
            | Effect::RemoveFile { path } => vec![Name::write(path)],
            Effect::Rename { from, to } => vec![Name::write(from), Name::write(to)],
            Effect::HardLink { from, to } => vec![
                Name {
                    path: from,
                    read: true,
                    write: true,
                },
                Name::write(to),
            ],
            Effect::Symlink { path, leads_to, .. } => {
                vec![Name::write(path), Name::read(leads_to)]
            }
            _ => return None,
        })
    }

    fn is_in(path: &str, directory: &str) -> bool {
        path.strip_prefix(directory)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub(super) fn may_use(name: &Name<'_>, real: &str, _directory: bool) {
        assert!(!name.read || is_in(real, "/data"), "read {real}");
        assert!(!name.write || is_in(real, "/data/out"), "write {real}");
    }

    /// What the gate decides before the world has looked, and the form that effects promise.
    pub(super) fn known_names(effect: &Effect) {
        for Name { path, .. } in names(effect).into_iter().flatten() {
            let parts = path
                .strip_prefix('/')
                .unwrap_or_else(|| panic!("relative: {path:?}"));
            let named = parts.strip_suffix("/.").unwrap_or(parts);
            let named = named.strip_suffix('/').unwrap_or(named);
            let clean = parts.is_empty()
                || (!named.starts_with("../")
                    && named != ".."
                    && named.split('/').all(|part| !matches!(part, "" | ".")));
            assert!(clean && !path.contains('\0'), "not in order: {path:?}");
        }
        match effect {
            Effect::Variable { name } => assert!(name.starts_with("SHOWN_"), "{name}"),
            Effect::Exchange { host, port, .. }
            | Effect::Tls { host, port, .. }
            | Effect::Greet { host, port, .. } => may_connect(host, *port),
            Effect::Lookup {
                nameserver: Some(Nameserver { host, port }),
                ..
            } => may_connect(host, *port),
            Effect::Http { url, headers, .. } => {
                may_fetch(url);
                for (name, value) in headers {
                    let lines = [name, value]
                        .iter()
                        .any(|text| text.contains(['\r', '\n', '\0']));
                    assert!(!lines, "a header of more than a line: {name:?} {value:?}");
                }
            }
            Effect::Run {
                command,
                args,
                environment,
                ..
            } => {
                let nul = command.contains('\0') || args.iter().any(|arg| arg.contains('\0'));
                assert!(!nul, "{command:?} {args:?}");
                for (name, value) in environment {
                    let loader = name.starts_with("LD_") || name == "BASH_ENV" || name == "ENV";
                    assert!(!loader && !name.contains(['=', '\0']), "{name:?}");
                    assert!(!value.contains('\0'), "{value:?}");
                }
            }
            _ => {}
        }
    }

    fn may_connect(host: &str, port: u16) {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let granted = port == 53
            || (name == "example.com" && matches!(port, 80 | 443))
            || (name.ends_with(".example.org") && (1..=1024).contains(&port));
        assert!(granted, "{host}:{port}");
    }

    fn may_fetch(url: &str) {
        let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("{url:?}"));
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        assert!(!authority.contains('@'), "{url:?}");
        let standard = if scheme.eq_ignore_ascii_case("https") {
            443
        } else {
            80
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "")) => (host, standard),
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().unwrap_or_else(|_| panic!("{url:?}")))
            }
            _ => (authority, standard),
        };
        may_connect(host, port);
    }

    pub(super) fn may_run(asked: &str, real: &str) {
        let cleaned = asked.split('/').filter(|part| !matches!(*part, "" | "."));
        let is_true = asked.starts_with('/') && cleaned.eq(["bin", "true"]) && real == "/bin/true";
        let climbs = asked.contains("..");
        assert!(asked == "ls" || is_true || climbs, "{asked:?} as {real}");
        assert!(!climbs || real == "/bin/true", "{asked:?} as {real}");
    }

    /// Addresses inside a network must stay closed: no grant opens them.
    pub(super) fn may_reach(address: IpAddr) {
        let v4 = match address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(v6) => v6.to_ipv4_mapped(),
        };
        if let Some(v4) = v4 {
            let closed = v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0;
            assert!(!closed, "{v4}");
        }
        if let IpAddr::V6(v6) = address {
            let closed = v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local();
            assert!(!closed, "{v6}");
        }
    }
}
