//! What a world checks before it acts: it resolves a name to the object itself, checks the object's
//! real name here, and then uses that same object.

use super::{
    CustomRequest, HostCall, Policy, Reports,
    policy::{custom_request, texts},
};
use crate::{
    capability::{Request, address, command},
    effect::{Access, Answer, Denial, DenialReason, Effect, Failure, FileKind, Handle, Need},
    limits::Interrupt,
    printable::Text,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use serde_json::Value;
use tollgate_abi::host::kinds;

/// The port that name servers listen on.
const DNS_PORT: u16 = 53;

/// One effect on its way through the gate.
pub struct Checkpoint<'a> {
    pub(super) plugin: &'a Arc<str>,
    pub(super) policy: &'a Policy,
    pub(super) reports: &'a Reports,
    pub(super) effect: &'a Effect,
    pub(super) need: Need<'a>,
    pub(super) interrupt: &'a Interrupt,
    /// Whether what an effect opens may be read, once the world has checked its name.
    pub(super) may_read: AtomicBool,
    /// The same for writing.
    pub(super) may_write: AtomicBool,
    /// Where the effect's paths begin.
    pub(super) starts: Starts<'a>,
    /// Whether the guest learns no more of what an effect examines than that it is a directory.
    pub(super) is_above_grants: AtomicBool,
    /// Whether the effect's command may have any working directory.
    pub(super) any_directory: AtomicBool,
}

/// The open directories in which the paths of an effect begin, each with the part of the path behind it;
/// `None` for the root.
pub(crate) type Starts<'a> = [Option<(Handle, &'a str)>; 2];

impl fmt::Debug for Checkpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("plugin", &self.plugin)
            .field("effect", &self.effect)
            .finish_non_exhaustive()
    }
}

/// Proof that the gate allowed an effect. A world can answer only with a permit.
#[derive(Debug)]
pub struct Permit(());

/// An answer that came with a [`Permit`].
#[derive(Debug)]
pub struct Permitted(Answer);

impl Permit {
    /// The answer that this permit was for.
    #[must_use]
    pub fn answer(self, answer: Answer) -> Permitted {
        Permitted(answer)
    }
}

impl Permitted {
    /// The answer, for a world that passes effects on to another one.
    #[must_use]
    pub fn as_answer(&self) -> &Answer {
        &self.0
    }

    pub(super) fn into_answer(self) -> Answer {
        self.0
    }
}

/// What one of an effect's paths really leads to.
#[expect(clippy::exhaustive_structs, reason = "worlds make it")]
#[derive(Clone, Copy, Debug)]
pub struct RealName<'a> {
    /// Absolute, and no component of it is a symbolic link.
    pub path: &'a str,
    /// Whether it names a directory, whose content is the names in it.
    pub directory: bool,
}

impl Checkpoint<'_> {
    /// Checks what needs no world: names that mean the same everywhere.
    pub(super) fn check_known_names(&self) -> Result<(), Denial> {
        let request = match self.need {
            Need::Variable(name) => Request::Env(name.to_owned()),
            Need::Connect { .. } | Need::Fetch { .. } | Need::Resolve => match self.destination() {
                Some(request) => request,
                None => return Ok(()),
            },
            Need::Custom {
                kind,
                function,
                request,
            } => {
                let wanted = custom_request(kind, function);
                let custom = CustomRequest { function, request };
                if self.policy.covers_custom(&wanted, kind, custom) {
                    self.reports.granted(self.plugin, &wanted);
                    return Ok(());
                }
                return Err(self.policy.denial(self.plugin, &wanted));
            }
            Need::Names(_)
            | Need::Opened(..)
            | Need::Examined(_)
            | Need::Changed(_)
            | Need::Variables
            | Need::Run { .. }
            | Need::Nothing => {
                return Ok(());
            }
        };
        if self.policy.covers(&request) {
            self.reports.granted(self.plugin, &request);
            Ok(())
        } else {
            Err(self.policy.denial(self.plugin, &request))
        }
    }

    /// Checks that what the effect's paths really lead to may be used as requested: one real name for
    /// each path, in the effect's order.
    ///
    /// # Errors
    ///
    /// The denial, if no grant covers one of them.
    pub fn real_names(&self, real: &[RealName<'_>]) -> Result<Permit, Denial> {
        let Need::Names(asked) = &self.need else {
            return Err(self.out_of_place(real.first().map_or("", |name| name.path)));
        };
        if asked.len() != real.len() {
            return Err(self.out_of_place(asked.first().map_or("", |(path, _)| path)));
        }
        let mut denials = Vec::new();
        for ((path, access), real) in asked.iter().zip(real) {
            self.real_name(path, *access, *real, &mut denials);
        }
        // `.`, `..` and the root are not moved, and nothing is moved there: every world refuses that.
        if let (Effect::Rename { .. }, [(asked, _), (asked_new, _)], [old, new]) =
            (self.effect, asked.as_slice(), real)
            && ends_in_name(asked)
            && ends_in_name(asked_new)
        {
            self.moved(asked, *old, asked_new, *new, &mut denials);
        }
        self.all_of(denials)?;
        if let (Effect::Open { options, .. }, [name]) = (self.effect, real) {
            let may_read = options.access().read
                || self.covers_path(Request::Read(name.path.to_owned()), name.directory);
            self.may_read.store(may_read, Ordering::Relaxed);
            let may_write = self.policy.covers(&Request::Write(name.path.to_owned()));
            self.may_write.store(may_write, Ordering::Relaxed);
        }
        Ok(Permit(()))
    }

    /// The first of these denials, if any. It names all grants that the effect needs together.
    fn all_of(&self, denials: Vec<Denial>) -> Result<(), Denial> {
        let Some((first, others)) = denials.split_first() else {
            return Ok(());
        };
        let denied: Vec<&Text> = denials.iter().map(|denial| &denial.request).collect();
        let granted = self.needed_by_text(&denied).unwrap_or_default();
        // Their names say what they mean only as long as nothing is moved.
        let granted = granted
            .into_iter()
            .filter(|grant| !has_dots(grant.as_str()));
        let missing = others
            .iter()
            .fold(first.clone(), |all, denial| all.and(denial));
        let missing = missing.advice();
        let is_possible = !missing.needs.is_empty();
        let all: Vec<Text> = missing.grants().cloned().chain(granted).collect();
        let advice = missing
            .clone()
            .with_grants(all.into_iter().filter(|_| is_possible));
        Err(self.together(first.clone()).with_advice(advice))
    }

    /// A new name must not open what the old one kept closed: what could be read under the new
    /// one must be readable already. A directory takes along all that is below it.
    fn moved(
        &self,
        asked: &str,
        old: RealName<'_>,
        asked_new: &str,
        new: RealName<'_>,
        denials: &mut Vec<Denial>,
    ) {
        let read = |path: &str| Request::Read(path.to_owned());
        let write = |path: &str| Request::Write(path.to_owned());
        if !old.directory {
            let opened =
                self.policy.covers(&read(new.path)) && !self.policy.covers(&read(old.path));
            if opened {
                let denial = self.policy.denial(self.plugin, &read(asked));
                let advice = by_real_name(denial.clone(), asked, &read(old.path));
                denials.push(denial.with_advice(advice));
            }
            return;
        }
        for (wanted, asked, asked_path) in [
            (read(old.path), read(asked), asked),
            (write(old.path), write(asked), asked),
            (write(new.path), write(asked_new), asked_new),
        ] {
            if !self.policy.covers_all_below(&wanted) {
                let mut denial = self.policy.denial(self.plugin, &asked);
                let mut advice = by_real_name(denial.clone(), asked_path, &wanted);
                for denial in [&mut denial, &mut advice] {
                    denial.request.as_mut_string().push_str("/**");
                    denial.needs.as_mut_string().push_str("/**");
                }
                denials.push(denial.with_advice(advice));
            }
        }
    }

    /// Checks one real name. What it lacks is added to `denials`.
    fn real_name(
        &self,
        asked: &str,
        access: Access,
        real: RealName<'_>,
        denials: &mut Vec<Denial>,
    ) {
        let read: fn(String) -> Request = Request::Read;
        for (wanted, request) in [(access.read, read), (access.write, Request::Write)] {
            if !wanted {
                continue;
            }
            // Reports name the path that the guest used: it must not learn where that leads.
            let leads_elsewhere = asked != real.path;
            let asked_path = asked;
            let asked = request(asked.to_owned());
            if self.covers_path(request(real.path.to_owned()), real.directory) {
                self.reports.granted(self.plugin, &asked);
                continue;
            }
            // Opening a directory to write fails in every world, and where it may be read this is known.
            if let (Effect::Open { .. }, Request::Write(_)) = (self.effect, &asked)
                && real.directory
                && self.covers_path(read(real.path.to_owned()), true)
            {
                continue;
            }
            if let Effect::Stat { .. } = self.effect
                && real.directory
                && self.is_above_grants(asked_path)
                && self.is_above_grants(real.path)
            {
                self.is_above_grants.store(true, Ordering::Relaxed);
                continue;
            }
            let mut denial = self.policy.denial(self.plugin, &asked);
            let literal = denial.clone();
            if !real.directory
                && let Some(needed) = self.policy.needed_next_time(&asked)
            {
                denial.needs = needed.to_string().into();
            }
            if leads_elsewhere && self.covers_path(asked, real.directory) {
                denial.reason = DenialReason::LeadsOutside;
            }
            // What is behind a link is granted by the link's own name, and by no wildcard.
            if leads_elsewhere {
                let reason = denial.reason.clone();
                let literal = Denial { reason, ..literal };
                let real = request(real.path.to_owned());
                // Where the content of a new link leads is not where its text does.
                let by_name = match self.effect {
                    Effect::Symlink { .. } => "..",
                    _ => asked_path,
                };
                denial = denial.with_advice(by_real_name(literal, by_name, &real));
            }
            denials.push(denial);
        }
    }

    /// The denial with the other grants that the effect needs by its own text: all that a guest may learn.
    fn together(&self, denial: Denial) -> Denial {
        let by_text = self.needed_by_text(&[&denial.request]);
        let Some(by_text) = by_text else {
            return denial.with_grants([]);
        };
        let grants: Vec<Text> = denial.grants().cloned().chain(by_text).collect();
        denial.with_grants(grants)
    }

    /// The grants that the effect needs by its own text, but for those of `denied`; `None` if no grant
    /// can allow one of its requests.
    fn needed_by_text(&self, denied: &[&Text]) -> Option<Vec<Text>> {
        let requests = match &self.need {
            Need::Names(asked) => {
                let each = asked.iter().flat_map(|(path, access)| {
                    let read = access.read.then(|| Request::Read((*path).to_owned()));
                    let write = access.write.then(|| Request::Write((*path).to_owned()));
                    read.into_iter().chain(write)
                });
                each.collect()
            }
            Need::Connect { .. } | Need::Fetch { .. } | Need::Resolve => {
                self.destination().into_iter().collect()
            }
            // The others have one request, or are judged one by one.
            Need::Opened(..)
            | Need::Examined(_)
            | Need::Changed(_)
            | Need::Variable(_)
            | Need::Variables
            | Need::Run { .. }
            | Need::Custom { .. }
            | Need::Nothing => Vec::new(),
        };
        let mut grants = Vec::new();
        for request in requests {
            let needed = request.needed_together();
            if needed.is_empty() {
                return None;
            }
            let request = request.to_string();
            if !denied.iter().any(|denied| denied.as_str() == request) {
                grants.extend(texts(needed));
            }
        }
        Some(grants)
    }

    /// Checks that the plugin may learn that a directory exists, which one of the effect's paths leads
    /// into and leaves by `..`: without this check, whether the path leads to something granted would
    /// reveal it. `asked` is the path to the directory as the effect has it, `real` the directory's real
    /// name (or the one that it would have) and `end` that of what the whole path leads to.
    ///
    /// # Errors
    ///
    /// The denial, unless a grant covers the directory or something in it, or `end` is in it.
    pub fn left_directory(&self, asked: &str, real: &str, end: &str) -> Result<(), Denial> {
        if self.any_directory.load(Ordering::Relaxed) {
            return Ok(());
        }
        let is_above_end = end
            .strip_prefix(real.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_above_end || self.policy.may_know_of_directory(real) {
            return Ok(());
        }
        let request = Request::Read(asked.to_owned());
        let mut denial = self.policy.denial(self.plugin, &request);
        if self.covers_path(request, true) {
            denial.reason = DenialReason::LeadsOutside;
        }
        let advice = by_real_name(denial.clone(), asked, &Request::Read(real.to_owned()));
        Err(self.together(denial).with_advice(advice))
    }

    /// The open directory in which one of the effect's paths begins, by the path's position in the
    /// effect, and the part of the path behind it. The part before it is the path by which the directory was
    /// opened; the directory may have another name now. `None` if the path begins at the root.
    #[must_use]
    pub fn start(&self, position: usize) -> Option<(Handle, &str)> {
        self.starts.get(position).copied().flatten()
    }

    /// The denial of opening a special file that no grant allows to be opened: a device but
    /// `/dev/null`, a FIFO or a socket. The path must have been checked by
    /// [`real_names`](Checkpoint::real_names) before.
    #[must_use]
    pub fn special_file(&self, kind: FileKind) -> Denial {
        let request = match &self.need {
            Need::Names(asked) => asked.first(),
            _ => None,
        };
        let request = match request {
            Some((path, access)) if access.write => Request::Write((*path).to_owned()),
            Some((path, _)) => Request::Read((*path).to_owned()),
            None => return self.out_of_place(kind.describe()),
        };
        let denial = Denial {
            reason: DenialReason::SpecialFile { kind },
            ..self.policy.denial(self.plugin, &request)
        };
        denial.with_grants([])
    }

    /// The denial of what the effect would open and no grant allows to be opened, by its kind and its real
    /// name; `None` for anything else.
    pub(crate) fn never_opened(&self, kind: FileKind, real: &str) -> Option<Denial> {
        let opens = match self.effect {
            Effect::Open { options, .. } => {
                !(options.directory || options.exclusive && options.create)
            }
            Effect::WriteFile { .. } | Effect::SetTimes { .. } => true,
            _ => false,
        };
        let is_special = match kind {
            FileKind::File | FileKind::Directory | FileKind::Symlink => false,
            FileKind::CharacterDevice => {
                real != "/dev/null" || !matches!(self.effect, Effect::Open { .. })
            }
            FileKind::BlockDevice | FileKind::Socket | FileKind::Other => true,
        };
        (opens && is_special).then(|| self.special_file(kind))
    }

    /// A directory that leads to something granted can be examined, since programs examine each name
    /// of a path. Its existence and its kind are all that is reported. One that is granted itself, for
    /// writing, is not above that grant, which does not allow reading.
    fn is_above_grants(&self, directory: &str) -> bool {
        let write = Request::Write(directory.to_owned());
        self.policy
            .covers_below(&Request::Read(directory.to_owned()))
            || self.policy.covers_below(&write) && !self.policy.covers(&write)
    }

    /// A grant of every name in a directory also allows listing the directory.
    fn covers_path(&self, request: Request, directory: bool) -> bool {
        self.policy.covers(&request)
            || matches!(&request, Request::Read(path) if directory && self.policy.covers_names_in(path))
    }

    /// Checks that a connection may go to this address, which is one of the effect's host.
    ///
    /// # Errors
    ///
    /// The denial, if the address is private or reserved and no grant allows such addresses.
    pub fn address(&self, address: IpAddr) -> Result<Permit, Denial> {
        let Some(destination) = self.destination().filter(|_| self.need != Need::Resolve) else {
            return Err(self.out_of_place(&address.to_string()));
        };
        let verdict = address::judge(address);
        if verdict.opened_by(|word| self.policy.covers(&Request::Address(word))) {
            if let Some(word) = verdict.word {
                self.reports.granted(self.plugin, &Request::Address(word));
            }
            return Ok(Permit(()));
        }
        let word = verdict
            .word
            .and_then(|word| Request::Address(word).needed());
        let denial = Denial {
            reason: DenialReason::Address {
                refusal: verdict.refusal(address).into(),
            },
            ..self.policy.denial(self.plugin, &destination)
        };
        // The grant of the name, which the plugin has in some form, belongs to it.
        let name = destination.needed().filter(|_| word.is_some());
        Err(denial.with_grants(texts(word.into_iter().chain(name).collect())))
    }

    /// Where the effect wants to connect to, as a request.
    fn destination(&self) -> Option<Request> {
        match self.need {
            Need::Connect { host, port } => Some(Request::Connect {
                host: Some(host.to_owned()),
                port,
            }),
            Need::Fetch { url } => Some(Request::Url(url.to_owned())),
            Need::Resolve => Some(Request::Connect {
                host: None,
                port: DNS_PORT,
            }),
            _ => None,
        }
    }

    /// Checks that the effect's command may run. `real` is its real name: absolute, and no component
    /// of it is a symbolic link.
    ///
    /// # Errors
    ///
    /// The denial, if no grant allows the command as it is written, or the file that it is.
    pub fn command(&self, real: &str) -> Result<Permit, Denial> {
        let Need::Run {
            command: asked,
            args,
            directory,
            ..
        } = self.need
        else {
            return Err(self.out_of_place(real));
        };
        let whole = Request::Exec {
            command: asked.to_owned(),
            args: args.to_vec(),
        };
        // What is reported leaves the arguments out, which may hold secrets.
        let request = whole.without_arguments();
        if self.policy.covers_exec(asked, real, args) {
            let freely = self.policy.covers_exec_freely(asked, real, args);
            self.any_directory.store(freely, Ordering::Relaxed);
            self.reports.granted_by(self.plugin, &request, || {
                let by_arguments = self.policy.covering_arguments(&whole);
                by_arguments.cloned().or_else(|| request.needed())
            });
            return Ok(Permit(()));
        }
        let (limited, named) = self.policy.names_command(asked, real);
        let mut denial = self.policy.denial(self.plugin, &request);
        if limited {
            denial.reason = DenialReason::OtherArguments;
            // An operator who chose the arguments is shown them, and offered no more than these.
            if let Some(needed) = whole.needed_with_arguments() {
                denial.request = whole.to_string().into();
                // Such a grant does not allow every directory.
                let directory = directory.and_then(|path| Request::Read(path.to_owned()).needed());
                denial = denial.with_grants(texts(
                    [Some(needed), directory].into_iter().flatten().collect(),
                ));
            }
        } else if let Some(family) = command::family(asked)
            .or_else(|| command::family(real))
            .filter(|_| named)
        {
            denial.reason = DenialReason::RunsCode {
                class: family.describe().into(),
            };
        }
        Err(denial)
    }

    /// Checks that the effect's command may have this working directory, by its real name. Ask for the
    /// [command](Self::command) first.
    ///
    /// A directory needs no grant, since changing into it reads nothing, unless the command is granted
    /// with certain arguments only: what a relative argument names depends on the directory.
    ///
    /// # Errors
    ///
    /// The denial, if no grant covers reading a directory that needs one.
    pub fn directory(&self, real: &str) -> Result<(), Denial> {
        let Need::Run {
            directory: Some(asked),
            ..
        } = self.need
        else {
            return Err(self.out_of_place(real));
        };
        if self.any_directory.load(Ordering::Relaxed) {
            return Ok(());
        }
        let real = RealName {
            path: real,
            directory: true,
        };
        let mut denials = Vec::new();
        self.real_name(asked, Access::READ, real, &mut denials);
        self.all_of(denials)
    }

    /// Whether the plugin may read the variable of this name, for effects that read all of them.
    #[must_use]
    pub fn may_tell(&self, variable: &str) -> bool {
        let request = Request::Env(variable.to_owned());
        let told =
            matches!(self.need, Need::Variables | Need::Run { .. }) && self.policy.covers(&request);
        if told {
            self.reports.granted(self.plugin, &request);
        }
        told
    }

    /// The permit for an effect without a name that the world resolves: the gate has checked it
    /// already.
    ///
    /// # Errors
    ///
    /// If the effect names something that another method here checks.
    pub fn granted(&self) -> Result<Permit, Failure> {
        match self.need {
            Need::Opened(..)
            | Need::Examined(_)
            | Need::Changed(_)
            | Need::Variable(_)
            | Need::Variables
            | Need::Custom { .. }
            | Need::Resolve
            | Need::Nothing => Ok(Permit(())),
            Need::Names(_) | Need::Connect { .. } | Need::Fetch { .. } | Need::Run { .. } => {
                Err(Failure::new(
                    kinds::INTERNAL,
                    "",
                    "bug in this `World`: it returned a result without a permit for this effect",
                ))
            }
        }
    }

    /// Calls the embedder's own function.
    pub(super) fn call_host_function(
        &self,
        function: &str,
        request: &Value,
    ) -> Result<Answer, Failure> {
        let call = HostCall::new(self.plugin, self.interrupt);
        let reply = self.policy.host_functions.call(function, request, &call)?;
        Ok(Answer::Json(reply))
    }

    /// The plugin whose effect it is: the same allocation for all instances of a plugin, and another
    /// one for each other plugin.
    pub(crate) fn plugin(&self) -> &Arc<str> {
        self.plugin
    }

    /// Whether the time for the effect is over.
    pub(super) fn is_late(&self) -> bool {
        self.interrupt.check().is_err()
    }

    /// The time left for the effect, if there is a limit; zero if the call is cancelled.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.interrupt.remaining()
    }

    /// Whether the call is cancelled. A world checks this while it waits: what it returns then does
    /// not matter, since the guest is stopped before it reads the reply.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.interrupt.is_cancelled()
    }

    /// What may end the call, for worlds that wait.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        self.interrupt
    }

    /// The denial for a world that checks something that is not part of its effect.
    pub(super) fn out_of_place(&self, what: &str) -> Denial {
        self.policy
            .denial(self.plugin, &Request::Read(what.to_owned()))
    }
}

/// The denial with the grant of the real name in place of a path that goes up: for the operator only.
fn by_real_name(denial: Denial, asked: &str, real: &Request) -> Denial {
    match has_dots(asked) {
        true => denial.with_grants(texts(real.needed().into_iter().collect())),
        false => denial,
    }
}

/// Whether the last part of a path is a name, and not `.`, `..` or the root.
fn ends_in_name(path: &str) -> bool {
    let last = path.split('/').rfind(|part| !part.is_empty());
    last.is_some_and(|last| !matches!(last, "." | ".."))
}

/// Whether a path goes up: it means something else as soon as a name before it does.
fn has_dots(path: &str) -> bool {
    path.split('/').any(|name| name == "..")
}
