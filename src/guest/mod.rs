//! One life of one instance: it starts, is called, and is dropped. It is never entered again after a
//! failure. `module` decides what may be loaded, and `plugin` reads what the guest answers.

mod buffers;
pub(crate) mod descriptors;
mod growth;
mod harness;
mod image;
mod limiter;
mod memory;
mod notes;
mod output;
mod run;
mod snapshot;

pub(crate) use memory::{
    BadRequest, call_host_function, enter_memory, read_request, write as write_memory,
};
pub(crate) use notes::{CallTree, Compared, Noted, Seen};
pub(crate) use run::{Stop, charge_bytes, check_interrupt};
pub(crate) use snapshot::Snapshot;

use run::{Budget, Cause, Pace};

use crate::{
    effect::Denial,
    error::{Backtrace, ConfigError, Error, Fault, INSTANTIATE, ProtocolError, Unforkable},
    gate::Gate,
    limits::{Limits, Usage},
    module::{AbiVersion, Compiled, START_EXPORT, Variables, global_export},
    room,
};
use alloc::{boxed::Box, string::ToString, sync::Arc, vec::Vec};
use descriptors::WasiState;
use limiter::Limiter;
use notes::Notes;
use tollgate_abi::{names::export, sha256};
use wasmi::{Linker, Memory, Store, TrapCode, TypedFunc};

/// What the store of an instance holds on the host's side.
pub(crate) struct Host {
    pub(crate) gate: Gate,
    pub(crate) limits: Arc<Limits>,
    pub(crate) usage: Usage,
    limiter: Limiter,
    /// Fuel of the call that is not in the engine's own counter: what later slices will get.
    reserve: u64,
    /// How much fuel the call has in all, and in which portions.
    budget: Budget,
    pace: Pace,
    /// Bytes that the host moved and the guest will not get; they cost fuel like the others.
    pub(crate) owed: u64,
    /// Why the last function of preview 1 that failed in this call was denied, if it was.
    pub(crate) denial: Option<Box<Denial>>,
    /// How many host functions are on the stack at the moment.
    depth: u32,
    /// What the functions of preview 1 remember.
    pub(crate) wasi: WasiState,
    /// Who called whom, if the guest has instruments for that.
    calls: Option<Box<CallTree>>,
    /// Where the guest's instruments are, if it has some.
    notes: Option<Notes>,
    /// The exports that host functions need, known once the module is instantiated.
    exports: Option<Exports>,
}

#[derive(Clone, Copy)]
struct Exports {
    memory: Memory,
    allocate: TypedFunc<i32, i32>,
}

impl Host {
    /// Allows the next call all that these limits allow.
    fn allow(&mut self, limits: &Arc<Limits>) {
        if !Arc::ptr_eq(limits, &self.limits) {
            self.limits = limits.clone();
        }
        self.budget = Budget::new(limits, self.pace, self.gate.interrupt());
        self.reserve = self.budget.units();
    }
}

/// A running instance of a plugin.
pub(crate) struct Instance {
    store: Store<Host>,
    instance: wasmi::Instance,
    exports: Exports,
    plugin: Arc<str>,
    /// What initialisation used.
    init: Usage,
    /// What instruments noted of the initialisation, once it ended.
    initialization: Option<Noted>,
    /// How the state is reached, or why it is not.
    state: Result<Variables, Unforkable>,
    /// The variable globals.
    globals: Vec<wasmi::Global>,
    /// The number of the snapshot from which its memory differs in blocks that are marked, and no others.
    marked_from: Option<u64>,
    /// The numbers of blocks, to be used again.
    blocks: Vec<u32>,
    /// Whether it was stopped, and may not be entered again.
    failed: bool,
}

/// What is needed to start an instance.
pub(crate) struct Start<'a> {
    pub(crate) plugin: &'a Arc<str>,
    pub(crate) version: AbiVersion,
    pub(crate) compiled: &'a Compiled,
    pub(crate) linker: &'a Linker<Host>,
    pub(crate) limits: &'a Arc<Limits>,
    pub(crate) gate: Gate,
}

impl Instance {
    /// Instantiates a module and runs its start function and `_initialize`, on a budget of their
    /// own; only what may interrupt them is the same for them and the call.
    /// [`begin`](Instance::begin) comes next.
    pub(crate) fn start(start: Start<'_>) -> Result<Box<Instance>, Error> {
        Instance::start_seen(start, &mut None)
    }

    /// The same. If it fails, what the guest's instruments noted is left in `seen`.
    pub(crate) fn start_seen(
        start: Start<'_>,
        seen: &mut Option<Seen>,
    ) -> Result<Box<Instance>, Error> {
        let (compiled, version) = (start.compiled, start.version);
        let mut instance = Instance::instantiate(start)?;
        if let Err(error) = instance.initialize(compiled) {
            *seen = instance.seen();
            return Err(error);
        }
        if version == AbiVersion::Harness {
            instance.initialize_harness()?;
        }
        instance.init = instance.usage();
        instance.initialization = instance.noted();
        Ok(instance)
    }

    fn initialize(&mut self, compiled: &Compiled) -> Result<(), Error> {
        let memory = self.exports.memory;
        if !compiled.initial.place(memory.data_mut(&mut self.store)) {
            let outside = Cause::Trap(TrapCode::MemoryOutOfBounds);
            return Err(self.fail(INSTANTIATE, outside.into()));
        }
        if compiled.shape.has_start {
            self.call::<(), ()>(START_EXPORT, INSTANTIATE, ())?;
        }
        let initialize = self.instance.get_func(&self.store, export::INITIALIZE);
        if initialize.is_some() {
            self.call::<(), ()>(export::INITIALIZE, export::INITIALIZE, ())?;
        }
        Ok(())
    }

    /// Instantiates a module. Its memory is still empty, but for what the engine put there.
    fn instantiate(start: Start<'_>) -> Result<Box<Instance>, Error> {
        let Start {
            plugin,
            version,
            compiled,
            linker,
            limits,
            gate,
        } = start;
        let pace = Pace::of(&compiled.shape);
        let budget = Budget::new(limits, pace, gate.interrupt());
        let host = Host {
            reserve: budget.units(),
            budget,
            pace,
            gate,
            limits: limits.clone(),
            usage: Usage::default(),
            limiter: Limiter::new(
                limits.memory,
                limits.table_elements,
                compiled.shape.growth.elements(),
                compiled
                    .installed
                    .as_ref()
                    .map_or(0, |installed| installed.pages),
            ),
            owed: 0,
            denial: None,
            depth: 0,
            wasi: match &compiled.baked {
                Some(baked) => WasiState::with_flags(baked.flags),
                None => WasiState::default(),
            },
            calls: None,
            notes: None,
            exports: None,
        };
        let mut store = Store::new(&compiled.engine, host);
        store.limiter(|host| &mut host.limiter);
        let instance = linker.instantiate_and_start(&mut store, &compiled.module);
        let instance =
            instance.map_err(|error| fail(&mut store, plugin, INSTANTIATE, error.into()))?;
        growth::provide(&mut store, &instance, compiled.shape.growth)
            .map_err(|error| fail(&mut store, plugin, INSTANTIATE, error.into()))?;
        if let Some(installed) = &compiled.installed {
            let notes = notes::provide(&mut store, &instance, installed)
                .map_err(|error| fail(&mut store, plugin, INSTANTIATE, error.into()))?;
            store.data_mut().notes = Some(notes);
        }
        let exports = find_exports(&store, &instance, version.allocate())
            .map_err(|error| fail(&mut store, plugin, INSTANTIATE, error.into()))?;
        let globals = match &compiled.state {
            Ok(variables) => find_globals(&store, &instance, *variables)
                .map_err(|error| fail(&mut store, plugin, INSTANTIATE, error.into()))?,
            Err(_) => Vec::new(),
        };
        store.data_mut().exports = Some(exports);
        // Boxed, since each call passes it on several times.
        Ok(Box::new(Instance {
            store,
            instance,
            exports,
            plugin: plugin.clone(),
            init: Usage::default(),
            initialization: None,
            state: compiled.state,
            globals,
            marked_from: None,
            blocks: Vec::new(),
            failed: false,
        }))
    }

    /// Allows the next call all that these limits allow, whatever happened in this instance before.
    pub(crate) fn begin(&mut self, limits: &Arc<Limits>) -> Result<(), Error> {
        if let Err(error) = self.store.set_fuel(0) {
            return Err(self.fail(INSTANTIATE, error.into()));
        }
        let host = self.store.data_mut();
        host.allow(limits);
        host.usage = Usage::default();
        host.owed = 0;
        host.denial = None;
        host.limiter.begin_call(limits);
        host.gate.begin_call(limits);
        host.wasi.examined = None;
        let notes = host.notes;
        if let Some(notes) = notes {
            notes.begin_call(&mut self.store);
        }
        if self.memory().len() as u64 > limits.memory.bytes() {
            let limit = limits.memory;
            return Err(self.fail(INSTANTIATE, Fault::OutOfMemory { limit }.into()));
        }
        Ok(())
    }

    /// Calls an export without arguments and takes the bytes that its packed result names.
    pub(crate) fn ask(&mut self, name: &'static str) -> Result<Vec<u8>, Error> {
        self.call_packed::<()>(name, ())
    }

    /// Gives the guest a config and takes the bytes that the packed result names.
    pub(crate) fn observe(&mut self, name: &'static str, config: &[u8]) -> Result<Vec<u8>, Error> {
        let (ptr, len) = self.place_config(name, config)?;
        self.call_packed(name, (ptr, len))
    }

    /// Puts a config into a buffer of the guest's, and returns its address and length.
    fn place_config(&mut self, name: &'static str, config: &[u8]) -> Result<(i32, i32), Error> {
        let limit = self.store.data().limits.request_bytes;
        if config.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(Error::Config {
                plugin: self.plugin.to_string().into(),
                problem: ConfigError::TooLarge {
                    bytes: config.len(),
                    limit,
                },
            });
        }
        let placed = memory::place(&mut self.store, self.exports, config);
        let range = placed.map_err(|stop| self.fail(name, stop))?;
        Ok((range.ptr().cast_signed(), range.len().cast_signed()))
    }

    /// SHA-256 of the linear memory.
    pub(crate) fn memory_digest(&self) -> [u8; 32] {
        sha256::digest(self.exports.memory.data(&self.store))
    }

    /// What initialisation used before the call.
    pub(crate) fn init_usage(&self) -> Usage {
        self.init
    }

    /// Whether it was stopped, and may not be entered again.
    pub(crate) fn failed(&self) -> bool {
        self.failed
    }

    /// What the call has used so far.
    pub(crate) fn usage(&self) -> Usage {
        usage(&self.store)
    }

    /// Turns an error found by the caller in a result into an error of this instance's call.
    pub(crate) fn protocol_error(&self, export: &'static str, error: ProtocolError) -> Error {
        Error::Protocol {
            plugin: self.plugin.to_string().into(),
            export,
            error,
            usage: Box::new(self.usage()),
            backtrace: None,
        }
    }

    /// Calls an export that answers with packed bytes. A Rust guest that panicked has trapped, and
    /// left its answer in a mailbox that is read without running the guest any more.
    fn call_packed<P: wasmi::WasmParams>(
        &mut self,
        name: &'static str,
        params: P,
    ) -> Result<Vec<u8>, Error> {
        let function = self.function::<P, i64>(name, name)?;
        let outcome = run::call(&mut self.store, function, params);
        // The instance ends here, and what it printed last with it.
        finish(&mut self.store);
        match outcome {
            Ok(packed) => self.take_result(name, packed),
            Err(stop) => {
                self.failed = true;
                match self.panic_message(&stop) {
                    Some(evidence) => Ok(evidence),
                    None => Err(self.fail(name, stop)),
                }
            }
        }
    }

    fn panic_message(&self, stop: &Stop) -> Option<Vec<u8>> {
        let gave_up = matches!(stop.cause, Cause::Trap(TrapCode::UnreachableCodeReached));
        if !gave_up || self.store.data().limiter.refused().is_some() {
            return None;
        }
        let mailbox = self
            .instance
            .get_global(&self.store, export::PANIC)?
            .get(&self.store)
            .i32()?;
        let memory = self.exports.memory.data(&self.store);
        memory::read_mailbox(
            memory,
            mailbox.cast_unsigned(),
            self.store.data().limits.result_bytes,
        )
    }

    /// Copies a result out. The guest's buffers are not given back: the instance ends here, and
    /// its memory with it.
    fn take_result(&mut self, name: &'static str, packed: i64) -> Result<Vec<u8>, Error> {
        let limit = self.store.data().limits.result_bytes;
        let taken = memory::result(&self.store, self.exports.memory, packed, limit);
        let bytes = taken.map_err(|stop| self.fail(name, stop))?;
        // It will be read as JSON.
        room::check_reading(&bytes).map_err(|error| self.fail(name, error.into()))?;
        self.store.data_mut().usage.bytes_out += bytes.len() as u64;
        run::charge_bytes(&mut self.store, bytes.len() as u64)
            .map_err(|stop| self.fail(name, stop))?;
        Ok(bytes)
    }

    fn call<P, R>(&mut self, name: &str, label: &'static str, params: P) -> Result<R, Error>
    where
        P: wasmi::WasmParams,
        R: wasmi::WasmResults,
    {
        let function = self.function::<P, R>(name, label)?;
        run::call(&mut self.store, function, params).map_err(|stop| self.fail(label, stop))
    }

    fn function<P, R>(&self, name: &str, label: &'static str) -> Result<TypedFunc<P, R>, Error>
    where
        P: wasmi::WasmParams,
        R: wasmi::WasmResults,
    {
        let function = self.instance.get_typed_func::<P, R>(&self.store, name);
        function.map_err(|_| self.protocol_error(label, ProtocolError::NotExported))
    }

    pub(crate) fn fail(&mut self, export: &'static str, stop: Stop) -> Error {
        self.failed = true;
        fail(&mut self.store, &self.plugin, export, stop)
    }
}

/// The exports that the contract check has promised.
fn find_exports(
    store: &Store<Host>,
    instance: &wasmi::Instance,
    allocate: &str,
) -> Result<Exports, wasmi::Error> {
    let memory = instance
        .get_memory(store, export::MEMORY)
        .ok_or_else(|| wasmi::Error::new("the module exports no memory"))?;
    let allocate = instance.get_typed_func::<i32, i32>(store, allocate)?;
    Ok(Exports { memory, allocate })
}

/// The globals that were given names when the module was loaded.
fn find_globals(
    store: &Store<Host>,
    instance: &wasmi::Instance,
    variables: Variables,
) -> Result<Vec<wasmi::Global>, wasmi::Error> {
    let find = |number| {
        let global = instance.get_global(store, &global_export(number));
        global.ok_or_else(|| wasmi::Error::new("a global cannot be reached"))
    };
    (0..variables.globals).map(find).collect()
}

fn usage(store: &Store<Host>) -> Usage {
    let host = store.data();
    let pages = host.exports.map_or(0, |exports| exports.memory.size(store));
    Usage {
        fuel: run::burnt(store).unwrap_or_default(),
        peak_memory_pages: pages,
        ..host.usage
    }
}

/// Reports the lines that a guest printed and did not end, and what was left out of its reports.
fn finish(store: &mut Store<Host>) {
    let fuel = run::burnt(store).unwrap_or_default();
    store.data_mut().gate.at(fuel);
    let host = store.data_mut();
    host.wasi.finish(&mut host.gate);
    host.gate.end_call();
}

fn fail(store: &mut Store<Host>, plugin: &Arc<str>, called: &'static str, stop: Stop) -> Error {
    finish(store);
    let usage = Box::new(usage(store));
    let running = store.data().notes.map(|notes| notes.running(store));
    let backtrace = running.map(|running| Box::new(Backtrace::at(running)));
    let plugin = plugin.to_string();
    let export = stop.inside.unwrap_or(called);
    let fault = match stop.cause {
        Cause::Protocol(error) => {
            return Error::Protocol {
                plugin: plugin.into(),
                export,
                error,
                usage,
                backtrace,
            };
        }
        Cause::Fault(fault) => fault,
        Cause::Trap(code) => run::fault(store.data(), code),
    };
    // A guest that was refused memory gives up in its own way; say why it did.
    let fault = match store.data().limiter.refused() {
        Some(refused) if matches!(fault, Fault::Trap(_) | Fault::Exit { .. }) => refused,
        _ => fault,
    };
    Error::Fault {
        plugin: plugin.into(),
        export,
        fault,
        usage,
        backtrace,
    }
}
