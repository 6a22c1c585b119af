//! Fuzzes a guest with LibAFL: one executor has the counters of an instance in an observer, and another the comparisons
//! of a second instance, which runs inputs of the corpus only. It ends when the guest traps, with status 1, or after as
//! many runs as the argument says.
//!
//! `cargo run -- 1000000`; with `blind` as a second argument, LibAFL gets neither counters nor comparisons. The variable
//! `MODULE` names another module in libFuzzer's style; for a plugin, call `Runtime::load`.

use libafl::{
    Error, HasMetadata,
    corpus::{Corpus, InMemoryCorpus},
    events::SimpleEventManager,
    executors::{Executor, ExitKind, HasObservers},
    feedbacks::{CrashFeedback, MaxMapFeedback},
    fuzzer::{Evaluator, Fuzzer, StdFuzzer},
    inputs::{BytesInput, HasTargetBytes},
    monitors::NopMonitor,
    mutators::{
        HavocScheduledMutator, I2SRandReplace, SingleChoiceScheduledMutator, havoc_mutations,
    },
    observers::{CmpValues, CmpValuesMetadata, HitcountsMapObserver, StdMapObserver},
    schedulers::QueueScheduler,
    stages::{StdMutationalStage, TracingStage},
    state::{HasExecutions, HasMaxSize, HasSolutions, StdState},
};
use libafl_bolts::{
    AsSlice, AsSliceMut,
    rands::StdRand,
    tuples::{RefIndexable, tuple_list},
};
use std::process::ExitCode;
use tollgate::{Instance, Runtime, inspect::Instruments};

const BYTES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../fixtures/challenges/bytes.wasm"
);

/// The counters of a guest, by powers of two.
type Counters = (HitcountsMapObserver<StdMapObserver<'static, u8, false>>, ());

/// Runs inputs in an instance with counters. Nothing that a guest does harms this process, so no signals are caught, and
/// nothing is forked.
struct Counting {
    guest: Instance,
    observers: Counters,
    is_blind: bool,
}

impl HasObservers for Counting {
    type Observers = Counters;

    fn observers(&self) -> RefIndexable<&Counters, Counters> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(&mut self) -> RefIndexable<&mut Counters, Counters> {
        RefIndexable::from(&mut self.observers)
    }
}

impl<EM, S: HasExecutions, Z> Executor<EM, BytesInput, S, Z> for Counting {
    fn run_target(
        &mut self,
        _: &mut Z,
        state: &mut S,
        _: &mut EM,
        input: &BytesInput,
    ) -> Result<ExitKind, Error> {
        *state.executions_mut() += 1;
        let exit = run(&mut self.guest, input);
        if !self.is_blind {
            let counters = self.observers.0.as_slice_mut();
            counters.copy_from_slice(self.guest.counters());
        }
        reset(&mut self.guest)?;
        Ok(exit)
    }
}

/// Runs inputs in an instance with comparisons, which take more time, and puts their operands where the mutators of
/// LibAFL look for them.
struct Comparing {
    guest: Instance,
    observers: (),
    is_blind: bool,
}

impl HasObservers for Comparing {
    type Observers = ();

    fn observers(&self) -> RefIndexable<&(), ()> {
        RefIndexable::from(&self.observers)
    }

    fn observers_mut(&mut self) -> RefIndexable<&mut (), ()> {
        RefIndexable::from(&mut self.observers)
    }
}

impl<EM, S: HasExecutions + HasMetadata, Z> Executor<EM, BytesInput, S, Z> for Comparing {
    fn run_target(
        &mut self,
        _: &mut Z,
        state: &mut S,
        _: &mut EM,
        input: &BytesInput,
    ) -> Result<ExitKind, Error> {
        *state.executions_mut() += 1;
        let exit = run(&mut self.guest, input);
        let mut compared = CmpValuesMetadata::new();
        if !self.is_blind {
            let comparisons = self.guest.comparisons();
            compared.list = comparisons.iter().map(|it| values(it.operands)).collect();
        }
        state.metadata_map_mut().insert(compared);
        reset(&mut self.guest)?;
        Ok(exit)
    }
}

fn run(guest: &mut Instance, input: &BytesInput) -> ExitKind {
    match guest.observe_bytes(input.target_bytes().as_slice()) {
        Err(tollgate::Error::Fault { .. }) => ExitKind::Crash,
        _ => ExitKind::Ok,
    }
}

fn reset(guest: &mut Instance) -> Result<(), Error> {
    guest
        .reset()
        .map_err(|error| Error::illegal_state(error.report()))
}

/// A comparison in as few bytes as its operands have: a guest compares bytes as numbers of 32 bits.
fn values([one, other]: [u64; 2]) -> CmpValues {
    let of_bytes = || {
        Some(CmpValues::U8((
            one.try_into().ok()?,
            other.try_into().ok()?,
            false,
        )))
    };
    let of_words = || {
        Some(CmpValues::U16((
            one.try_into().ok()?,
            other.try_into().ok()?,
            false,
        )))
    };
    let of_ints = || {
        Some(CmpValues::U32((
            one.try_into().ok()?,
            other.try_into().ok()?,
            false,
        )))
    };
    of_bytes()
        .or_else(of_words)
        .or_else(of_ints)
        .unwrap_or(CmpValues::U64((one, other, false)))
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let runs: u64 = arguments.next().as_deref().unwrap_or("1000000").parse()?;
    let is_blind = arguments.next().is_some_and(|argument| argument == "blind");

    let module = std::fs::read(std::env::var("MODULE").as_deref().unwrap_or(BYTES))?;
    let runtime = Runtime::deterministic(0).fuel(10_000_000).build()?;
    let plugin = runtime.load_harness("guest", module)?;
    let instance = |instruments| {
        let guest = plugin.instrumented(instruments | Instruments::WRITES)?;
        let mut guest = guest.instance()?;
        // Its heap grows now, and not in each run.
        guest.observe_bytes(&[0; 4096])?;
        guest.snapshot()?;
        Ok::<_, tollgate::Error>(guest)
    };
    let guest = instance(Instruments::COVERAGE)?;
    let counters = vec![0; guest.counters().len()];
    let counters = HitcountsMapObserver::new(StdMapObserver::owned("edges", counters));
    let mut feedback = MaxMapFeedback::new(&counters);
    let mut executor = Counting {
        guest,
        observers: tuple_list!(counters),
        is_blind,
    };
    let comparing = Comparing {
        guest: instance(Instruments::COMPARISONS)?,
        observers: (),
        is_blind,
    };

    let mut objective = CrashFeedback::new();
    let mut state = StdState::new(
        StdRand::with_seed(1),
        InMemoryCorpus::<BytesInput>::new(),
        InMemoryCorpus::new(),
        &mut feedback,
        &mut objective,
    )?;
    state.set_max_size(64);
    let mut manager = SimpleEventManager::new(NopMonitor::new());
    let mut fuzzer = StdFuzzer::new(QueueScheduler::new(), feedback, objective);
    let mut stages = tuple_list!(
        TracingStage::new(comparing),
        StdMutationalStage::new(SingleChoiceScheduledMutator::new(tuple_list!(
            I2SRandReplace::new()
        ))),
        StdMutationalStage::new(HavocScheduledMutator::new(havoc_mutations())),
    );

    let first = BytesInput::new(vec![0; 16]);
    fuzzer.add_input(&mut state, &mut executor, &mut manager, first)?;
    while state.solutions().is_empty() && *state.executions() < runs {
        fuzzer.fuzz_one(&mut stages, &mut executor, &mut state, &mut manager)?;
    }
    let runs = state.executions();
    let Some(found) = state.solutions().first() else {
        println!("no trap in {runs} runs");
        return Ok(ExitCode::SUCCESS);
    };
    let input = state.solutions().cloned_input_for_id(found)?;
    println!(
        "a trap after {runs} runs: {}",
        input.target_bytes().escape_ascii()
    );
    Ok(ExitCode::FAILURE)
}
