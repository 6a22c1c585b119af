//! The plugin that is fuzzed: it runs an input, and says what is wrong with how that ended.

use serde_json::Value;
use std::sync::Arc;
use tollgate::{
    Call, Error, Fault, Instance, Plugin,
    inspect::{Comparison, Instruments},
    schema,
};

/// What the threads of a campaign make their instances from.
pub struct Plugins {
    /// Without instruments: what is found must happen in it as well.
    pub plain: Plugin,
    covered: Plugin,
    compared: Plugin,
    raw: bool,
    expect: Option<Value>,
}

/// What a run went wrong by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The kind, which is part of the names of files.
    pub kind: &'static str,
    /// One line for people.
    pub message: String,
    /// What distinguishes problems of one kind, as far as it is known without the code that ran.
    key: String,
}

impl Problem {
    pub fn new(kind: &'static str, message: String) -> Problem {
        // Addresses and lengths differ where the problem is one.
        let key = message.replace(|c: char| c.is_ascii_digit(), "");
        Problem { kind, message, key }
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
}

/// In a larger memory, a reset that looks only at what was written pays for marking it. In bytes.
const LARGE: usize = 512 << 10;

impl Plugins {
    pub fn new(
        plain: Plugin,
        raw: bool,
        expect: Option<Value>,
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
            raw,
            expect,
        })
    }

    /// Runs an input in an instance that was not called since its reset.
    pub fn run(&self, instance: &mut Instance, input: &[u8]) -> Option<Problem> {
        if self.raw {
            return instance.observe_bytes(input).err().and_then(problem);
        }
        let evidence = match instance.observe(Call::bytes(input)) {
            Ok(observation) => observation.evidence,
            Err(error) => return problem(error),
        };
        // A Rust plugin answers so when it panics.
        if let Some(error) = &evidence.error
            && error.kind == tollgate::abi::host::kinds::PANIC
        {
            return Some(Problem::new("panic", error.message.clone()));
        }
        let expect = self.expect.as_ref()?;
        let evidence = serde_json::to_value(&evidence).unwrap_or_default();
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
    let frames = error
        .backtrace()
        .map(|backtrace| &*backtrace.frames)
        .unwrap_or_default();
    let mut problem = Problem::new(kind, message);
    for frame in frames.iter().take(4) {
        problem.key.push_str(&format!(" {}", frame.offset));
    }
    Some(problem)
}

impl Target {
    pub fn new(plugins: &Arc<Plugins>) -> Result<Target, Error> {
        Ok(Target {
            covered: plugins.covered.instance()?,
            compared: plugins.compared.instance()?,
            plugins: plugins.clone(),
        })
    }

    fn instance(&self, with: With) -> &Instance {
        match with {
            With::Counters => &self.covered,
            With::Comparisons => &self.compared,
        }
    }

    /// Runs an input from the state that initialisation left.
    pub fn run(&mut self, input: &[u8], with: With) -> Result<Option<Problem>, Error> {
        let instance = match with {
            With::Counters => &mut self.covered,
            With::Comparisons => &mut self.compared,
        };
        instance.reset()?;
        Ok(self.plugins.run(instance, input))
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

    /// Runs an input in a new instance of the plugin without instruments.
    pub fn confirm(&self, input: &[u8]) -> Result<Option<Problem>, Error> {
        let mut fresh = self.plugins.plain.instance()?;
        Ok(self.plugins.run(&mut fresh, input))
    }
}
