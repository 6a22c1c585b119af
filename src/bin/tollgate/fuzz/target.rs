//! The plugin that is fuzzed: it runs an input, and says what is wrong with how that ended.

use super::{reply::Reply, world::Worlds};
use serde_json::Value;
use std::sync::Arc;
use tollgate::{
    Call, Error, Evidence, Fault, Instance, Plugin,
    inspect::{Backtrace, Comparison, Instruments},
    schema,
};

/// What the threads of a campaign make their instances from.
pub struct Plugins {
    /// Without instruments: what is found must happen in it as well.
    pub plain: Plugin,
    covered: Plugin,
    compared: Plugin,
    pub judge: Judge,
    /// Where inputs have replies of the host.
    worlds: Option<Worlds>,
}

/// What is a problem.
#[derive(Clone)]
pub struct Judge {
    /// The module is a harness.
    pub raw: bool,
    /// The schema of evidence.
    pub expect: Option<Value>,
}

/// How a run ended.
pub struct Ended {
    pub problem: Option<Problem>,
    pub evidence: Option<Evidence>,
}

/// What a run went wrong by.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The kind, which is part of the names of files.
    pub kind: &'static str,
    /// One line for people.
    pub message: String,
    /// What distinguishes problems of one kind, as far as it is known without the code that ran.
    key: String,
    /// Where it happened, if that was looked for.
    pub backtrace: Option<Box<Backtrace>>,
}

impl Problem {
    pub fn new(kind: &'static str, message: String) -> Problem {
        // Addresses and lengths differ where the problem is one.
        let key = message.replace(|c: char| c.is_ascii_digit(), "");
        Problem {
            kind,
            message,
            key,
            backtrace: None,
        }
    }

    pub fn is_like(&self, other: &Problem) -> bool {
        (self.kind, &self.key) == (other.kind, &other.key)
    }
}

/// Which instance runs an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    Counters,
    /// The operands of comparisons as well, which takes longer.
    Comparisons,
}

/// The instances of one thread.
pub struct Target {
    plugins: Arc<Plugins>,
    covered: Instance,
    compared: Instance,
    /// Of the last run.
    evidence: Option<Evidence>,
    /// The last input for which the memory grew: no reset in place is possible after it.
    grower: Option<Vec<u8>>,
    /// How often the heap may still be made larger.
    warm_ups: u32,
}

/// What a run was given.
#[derive(Default)]
pub struct Given {
    pub config: Vec<u8>,
    pub replies: Vec<Reply>,
    pub drawn: Vec<u8>,
}

/// In a larger memory, a reset that looks only at what was written pays for marking it. In bytes.
const LARGE: usize = 512 << 10;

impl Plugins {
    pub fn new(
        plain: Plugin,
        judge: Judge,
        worlds: Option<Worlds>,
        instruments: bool,
    ) -> Result<Plugins, Error> {
        let (covered, compared) = match instruments {
            false => (plain.clone(), plain.clone()),
            true => {
                let is_large = plain.instance()?.memory().len() > LARGE;
                let coverage = match is_large {
                    true => Instruments::COVERAGE | Instruments::WRITES,
                    false => Instruments::COVERAGE,
                };
                (
                    plain.instrumented(coverage)?,
                    plain.instrumented(Instruments::COVERAGE | Instruments::COMPARISONS)?,
                )
            }
        };
        Ok(Plugins {
            plain,
            covered,
            compared,
            judge,
            worlds,
        })
    }

    /// Runs an input in an instance that was not called since its reset.
    pub fn run(&self, instance: &mut Instance, input: &[u8]) -> Ended {
        let config = self.config(input);
        self.judge.run(instance, config)
    }

    /// The config of an input, whose replies the next run of this thread gets.
    pub fn config<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        match &self.worlds {
            Some(worlds) => worlds.set(input),
            None => input,
        }
    }
}

impl Judge {
    /// Runs a config in an instance that was not called since its reset.
    pub fn run(&self, instance: &mut Instance, config: &[u8]) -> Ended {
        if self.raw {
            let error = instance.observe_bytes(config).err();
            return error.map_or_else(Ended::well, |error| error.into());
        }
        // No host gives a plugin nothing, and plugins need not allocate it.
        if config.is_empty() {
            return Ended::well();
        }
        match instance.observe(Call::bytes(config)) {
            Ok(observation) => self.judge(observation.evidence),
            Err(error) => error.into(),
        }
    }

    /// Judges the evidence of a run.
    pub fn judge(&self, evidence: Evidence) -> Ended {
        Ended {
            problem: self.problem_of(&evidence),
            evidence: Some(evidence),
        }
    }

    fn problem_of(&self, evidence: &Evidence) -> Option<Problem> {
        // A Rust plugin answers so when it panics.
        if let Some(error) = &evidence.error
            && error.kind == tollgate::abi::host::kinds::PANIC
        {
            return Some(Problem::new("panic", error.message.clone()));
        }
        let expect = self.expect.as_ref()?;
        let evidence = serde_json::to_value(evidence).unwrap_or_default();
        match schema::validate(expect, &evidence) {
            Ok(validation) => {
                let violation = validation.violations.first()?;
                Some(Problem::new(
                    "unexpected",
                    format!("unexpected evidence: {violation}"),
                ))
            }
            Err(error) => Some(Problem::new("unexpected", error.to_string())),
        }
    }
}

impl Ended {
    fn well() -> Ended {
        Ended {
            problem: None,
            evidence: None,
        }
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Ended {
        Ended {
            problem: problem(error),
            evidence: None,
        }
    }
}

/// What an error means; nothing, if it says nothing of the guest.
fn problem(error: Error) -> Option<Problem> {
    let message = error.report();
    let kind = match &error {
        Error::Protocol { .. } => "protocol",
        Error::Fault { fault, .. } => match fault {
            Fault::OutOfFuel { .. } => "timeout",
            Fault::OutOfMemory { .. } | Fault::OutOfTable { .. } => "oom",
            Fault::Trap(_) => "crash",
            Fault::StackOverflow { .. } => "stack",
            Fault::Exit { .. } => "exit",
            Fault::TooManyHostCalls { .. } | Fault::TooManyBytes { .. } => "flood",
            _ => return None,
        },
        _ => return None,
    };
    let backtrace = error.backtrace().cloned().map(Box::new);
    Some(Problem {
        backtrace,
        ..Problem::new(kind, message)
    })
}

impl Target {
    pub fn new(plugins: &Arc<Plugins>) -> Result<Target, Error> {
        Ok(Target {
            covered: plugins.covered.instance()?,
            compared: plugins.compared.instance()?,
            plugins: plugins.clone(),
            evidence: None,
            grower: None,
            warm_ups: 8,
        })
    }

    /// Gives the heap the size that it had in the last run that made it grow, and goes on from there. What is found
    /// is confirmed in a new instance.
    pub fn warm_up(&mut self) -> Result<(), Error> {
        let Some(grower) = self.grower.take().filter(|_| self.warm_ups > 0) else {
            return Ok(());
        };
        self.warm_ups -= 1;
        for instance in [&mut self.covered, &mut self.compared] {
            instance.reset()?;
            // A call that fails, or has files open, leaves nothing to go on from.
            if self.plugins.run(instance, &grower).problem.is_some() || instance.snapshot().is_err()
            {
                self.warm_ups = 0;
                break;
            }
        }
        Ok(())
    }

    fn instance(&self, with: With) -> &Instance {
        match with {
            With::Counters => &self.covered,
            With::Comparisons => &self.compared,
        }
    }

    /// Runs an input from the state that initialisation and warm-ups left.
    pub fn run(&mut self, input: &[u8], with: With) -> Result<Option<Problem>, Error> {
        let instance = match with {
            With::Counters => &mut self.covered,
            With::Comparisons => &mut self.compared,
        };
        instance.reset()?;
        let size = instance.memory().len();
        let Ended { problem, evidence } = self.plugins.run(instance, input);
        if self.warm_ups > 0 && problem.is_none() && instance.memory().len() > size {
            self.grower = Some(input.to_vec());
        }
        self.evidence = evidence;
        Ok(problem)
    }

    /// Of the last run.
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// What the last run was given: its config, the replies that it requested, and the random bytes that its
    /// initialisation drew.
    pub fn given(&self, input: &[u8]) -> Given {
        match &self.plugins.worlds {
            Some(worlds) => Given {
                config: super::reply::parse(input).0.to_vec(),
                replies: worlds.bound(),
                drawn: worlds.drawn(),
            },
            None => Given {
                config: input.to_vec(),
                replies: Vec::new(),
                drawn: Vec::new(),
            },
        }
    }

    /// Of the last run.
    pub fn counters(&self, with: With) -> &[u8] {
        self.instance(with).counters()
    }

    /// Of the last run.
    pub fn fuel(&self, with: With) -> u64 {
        self.instance(with).usage().fuel
    }

    /// Of the last run with comparisons.
    pub fn comparisons(&self) -> Vec<Comparison> {
        self.compared.comparisons()
    }

    /// The memory that the last run with comparisons left.
    pub fn memory(&self) -> &[u8] {
        self.compared.memory()
    }
}
