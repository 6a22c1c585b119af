//! What a world asks before it acts: it resolves a name to the object itself, has the object's
//! real name judged here, and then uses that same object.

use super::Policy;
use crate::{
    capability::{AddressWord, Wish, address, command},
    effect::{Access, Answer, Denial, DenialReason, Failure, Need},
    world::Deadline,
};
use std::{net::IpAddr, time::Duration};
use tollgate_abi::host::kinds;

/// One effect on its way through the gate.
pub struct Checkpoint<'a> {
    pub(super) plugin: &'a str,
    pub(super) policy: &'a Policy,
    pub(super) need: Need<'a>,
    pub(super) deadline: Option<Deadline>,
}

/// Proof that the gate agreed. A world can answer only with one in hand.
#[derive(Debug)]
#[must_use]
pub struct Permit(());

/// An answer that came with a [`Permit`].
#[derive(Debug)]
pub struct Permitted(Answer);

impl Permit {
    /// The answer that this permit was for.
    pub fn answer(self, answer: Answer) -> Permitted {
        Permitted(answer)
    }
}

impl Permitted {
    pub(super) fn into_answer(self) -> Answer {
        self.0
    }
}

/// What one of an effect's paths really leads to.
#[derive(Clone, Copy, Debug)]
pub struct RealName<'a> {
    /// Absolute, and no component of it is a symbolic link.
    pub path: &'a str,
    /// Whether it names a directory, whose content is the names in it.
    pub directory: bool,
}

impl Checkpoint<'_> {
    /// What can be judged before the world has looked: names that mean the same everywhere.
    pub(super) fn check_known_names(&self) -> Result<(), Denial> {
        let wish = match self.need {
            Need::Variable(name) => Wish::Env(name.to_owned()),
            Need::Connect { host, port } => Wish::Connect { host: Some(host.to_owned()), port },
            Need::Custom { kind, wish } => {
                Wish::Custom { kind: kind.to_owned(), value: wish.to_owned() }
            }
            Need::Names(_) | Need::Opened(..) | Need::Variables | Need::Run { .. } | Need::Nothing => {
                return Ok(());
            }
        };
        if self.policy.covers(&wish) { Ok(()) } else { Err(self.policy.denial(self.plugin, &wish)) }
    }

    /// Asks whether what the effect's paths really lead to may be used as it wants to: one real
    /// name for each path, in the effect's own order.
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
        for ((path, access), real) in asked.iter().zip(real) {
            self.real_name(path, *access, *real)?;
        }
        Ok(Permit(()))
    }

    fn real_name(&self, asked: &str, access: Access, real: RealName<'_>) -> Result<(), Denial> {
        let wishes = |path: &str| {
            let read = if real.directory { Wish::List } else { Wish::Read };
            let read = access.read.then(|| read(path.to_owned()));
            let write = access.write.then(|| Wish::Write(path.to_owned()));
            [read, write].into_iter().flatten()
        };
        for (asked, real) in wishes(asked).zip(wishes(real.path)) {
            if self.policy.covers(&real) {
                continue;
            }
            // The message speaks of the name the guest used: where it leads is not its to know.
            let mut denial = self.policy.denial(self.plugin, &asked);
            if self.policy.covers(&asked) {
                denial.reason = DenialReason::LeadsOutside;
            }
            return Err(denial);
        }
        Ok(())
    }

    /// Asks whether a connection may go to this address, which the effect's host turned out to
    /// have.
    ///
    /// # Errors
    ///
    /// The denial, if the address is private or reserved and its word is not granted.
    pub fn address(&self, address: IpAddr) -> Result<Permit, Denial> {
        let Need::Connect { host, port } = self.need else {
            return Err(self.out_of_place(&address.to_string()));
        };
        let verdict = address::judge(address);
        let lifted = |word: AddressWord| self.policy.covers(&Wish::Address(word));
        if !verdict.blocked || verdict.word.is_some_and(lifted) {
            return Ok(Permit(()));
        }
        Err(Denial {
            plugin: self.plugin.to_owned(),
            wish: Wish::Connect { host: Some(host.to_owned()), port }.to_string(),
            needs: verdict
                .word
                .map(|word| Wish::Address(word).needed().to_string())
                .unwrap_or_default(),
            reason: DenialReason::Address { range: verdict.range },
        })
    }

    /// Asks whether the effect's command may run, which by its real name is `real`: absolute, and
    /// no component of it is a symbolic link.
    ///
    /// # Errors
    ///
    /// The denial, if no grant covers the command as it was asked for, or the file that it is.
    pub fn command(&self, real: &str) -> Result<Permit, Denial> {
        let Need::Run { command: asked, args, .. } = self.need else {
            return Err(self.out_of_place(real));
        };
        let wish = |command: &str| Wish::Exec { command: command.to_owned(), args: args.to_vec() };
        // A bare name is what the operator granted; a path is judged by the file that it names.
        let names: &[&str] = if asked.contains('/') { &[real] } else { &[asked] };
        for name in names {
            if !self.policy.covers(&wish(name)) {
                let mut denial = self.policy.denial(self.plugin, &wish(asked));
                let class = command::classify(name, args);
                let plain = Wish::Exec { command: (*name).to_owned(), args: Vec::new() };
                if command::needs_literal(class) && self.policy.covers(&plain) {
                    denial.reason = DenialReason::RunsCode { class: class.describe() };
                }
                return Err(denial);
            }
        }
        // A harmless name may lead to a shell: what it does counts, not what it is called.
        let class = command::classify(real, args);
        if command::needs_literal(class) && !command::needs_literal(command::classify(asked, args)) {
            let real = wish(real);
            if !self.policy.covers(&real) {
                let mut denial = self.policy.denial(self.plugin, &wish(asked));
                denial.reason = DenialReason::RunsCode { class: class.describe() };
                return Err(denial);
            }
        }
        Ok(Permit(()))
    }

    /// Asks whether the effect's command may have this working directory, by its real name.
    ///
    /// # Errors
    ///
    /// The denial, if no grant covers reading it.
    pub fn directory(&self, real: &str) -> Result<(), Denial> {
        let Need::Run { directory: Some(asked), .. } = self.need else {
            return Err(self.out_of_place(real));
        };
        let access = Access { read: true, write: false };
        self.real_name(asked, access, RealName { path: real, directory: true })
    }

    /// Whether a variable of this name may be told, for effects that ask for all of them.
    pub fn may_tell(&self, variable: &str) -> bool {
        matches!(self.need, Need::Variables | Need::Run { .. })
            && self.policy.covers(&Wish::Env(variable.to_owned()))
    }

    /// The permit for an effect that names nothing which only the world can resolve: the gate has
    /// judged it already.
    ///
    /// # Errors
    ///
    /// If the effect names something that must be asked for by another method here.
    pub fn granted(&self) -> Result<Permit, Failure> {
        match self.need {
            Need::Opened(..)
            | Need::Variable(_)
            | Need::Variables
            | Need::Custom { .. }
            | Need::Nothing => Ok(Permit(())),
            Need::Names(_) | Need::Connect { .. } | Need::Run { .. } => Err(Failure::new(
                kinds::INTERNAL,
                "",
                "this world did not ask the gate for what it used",
            )),
        }
    }

    /// The time left for the effect, if there is a limit.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(Deadline::remaining)
    }

    /// A world asked about something that its effect has nothing to do with.
    fn out_of_place(&self, what: &str) -> Denial {
        self.policy.denial(self.plugin, &Wish::Read(what.to_owned()))
    }
}
