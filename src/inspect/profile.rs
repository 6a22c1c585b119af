//! Where the fuel of runs went: by function, by call path and by line.

use super::Symbols;
use crate::{
    guest::{CallTree, Noted, Seen},
    module::{Compiled, visit_operators},
    printable::Text,
};
use alloc::{collections::BTreeMap, vec::Vec};
use serde::Serialize;
use wasmi::ExternType;

/// Where the fuel of a run went, or that of several runs. [`Replay::profile`](crate::replay::Replay::profile)
/// makes it of a recording. As JSON it is an object with these fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Profile {
    /// How many runs are added up.
    pub runs: u64,
    /// The calls.
    pub call: PhaseProfile,
    /// The initialisations before them.
    pub initialization: PhaseProfile,
}

/// Where the fuel of one phase of runs went: of their calls, or of their initialisations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PhaseProfile {
    /// The fuel in all: the sum of [`Usage::fuel`](crate::Usage::fuel), and of the fuel of all `paths`.
    pub fuel: u64,
    /// The functions that were called, in the order of their first call. Those of one name are added up.
    pub functions: Vec<FunctionFuel>,
    /// The call paths as a tree, each after its caller. The first is the host's, which calls exports, and pays
    /// there for configs and results.
    pub paths: Vec<CallPath>,
    /// The source lines, by file and line. Empty without debug information, or without the feature `debug-info`.
    pub lines: Vec<LineFuel>,
}

/// A function, and what it used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionFuel {
    /// Its name, as [`Symbols`] has it. For a host function, the name that is imported, such as `http_request`.
    pub name: Text,
    /// Whether it is a host function.
    pub is_host: bool,
    /// How often it was called.
    pub calls: u64,
    /// The fuel that it burnt itself.
    pub fuel: u64,
    /// The fuel that it and the functions that it called burnt.
    pub total: u64,
    /// The fuel of its operators, of each as often as it was charged for: code is charged for by the region, and some
    /// of it may not run. The difference to `fuel` is what operators such as `memory.copy` paid for bytes. 0 for a host
    /// function, which pays for bytes only.
    pub operators: u64,
    /// For a host function, the bytes that crossed the boundary while it ran.
    pub bytes: u64,
}

/// A function as it was called on one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CallPath {
    /// The path of its caller, by its number among the paths. `None` for the host.
    pub caller: Option<usize>,
    /// The function, by its number among the functions. `None` for the host.
    pub function: Option<usize>,
    /// How often it was called on this path.
    pub calls: u64,
    /// The fuel that it burnt itself on this path.
    pub fuel: u64,
    /// For a host function, the bytes that crossed the boundary.
    pub bytes: u64,
}

/// A source line, and what its operators used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct LineFuel {
    /// The file, as in [`Frame::file`](super::Frame::file).
    pub file: Text,
    /// The line, from 1.
    pub line: u32,
    /// The fuel of its operators, of each as often as it was charged for. Functions that were inlined count where they
    /// are written.
    pub fuel: u64,
}

/// Deeper calls count for the function that is called at this depth, on the path to it.
const MOST_DEPTH: u32 = 200;

impl Profile {
    /// The profile of one run.
    pub(crate) fn new(compiled: &Compiled, symbols: &Symbols, seen: &Seen) -> Profile {
        let imports = compiled.module.imports();
        let imported: Vec<Text> = imports
            .filter(|import| matches!(import.ty(), ExternType::Func(_)))
            .map(|import| import.name().into())
            .collect();
        let phase = |noted| PhaseProfile::new(compiled, symbols, &imported, noted);
        Profile {
            runs: 1,
            call: phase(&seen.call),
            initialization: phase(&seen.initialization),
        }
    }

    /// Adds other runs. Functions and lines that have the same names are added up, also if they are of different
    /// versions of the plugin.
    pub fn add(&mut self, other: &Profile) {
        self.runs += other.runs;
        self.call.add(&other.call);
        self.initialization.add(&other.initialization);
    }
}

impl PhaseProfile {
    fn new(
        compiled: &Compiled,
        symbols: &Symbols,
        imported: &[Text],
        noted: &Noted,
    ) -> PhaseProfile {
        let mut phase = PhaseProfile::default();
        let mut names = Names::default();
        // The number of each function, by its index in the module.
        let mut numbers = BTreeMap::new();
        for node in &noted.calls.nodes {
            let Some(index) = node.function else {
                continue;
            };
            let number = *numbers.entry(index).or_insert_with(|| {
                let host = usize::try_from(index).ok().and_then(|at| imported.get(at));
                match host {
                    Some(name) => names.number(name, true, &mut phase.functions),
                    None => names.number(&symbols.name(index), false, &mut phase.functions),
                }
            });
            if let Some(function) = phase.functions.get_mut(number) {
                function.calls += node.calls;
                function.fuel += node.fuel;
                function.bytes += node.bytes;
            }
        }
        phase.add_totals(&noted.calls, &numbers);
        phase.add_paths(&noted.calls, &numbers);
        phase.fuel = noted.calls.nodes.iter().map(|node| node.fuel).sum();
        phase.add_lines(compiled, symbols, noted, &numbers);
        phase
    }

    /// Adds to each function what it and all that it called burnt, once for calls of itself.
    fn add_totals(&mut self, tree: &CallTree, numbers: &BTreeMap<u32, usize>) {
        let nodes = &tree.nodes;
        // Callers come before what they call, so each is complete when it is reached from the end.
        let mut totals: Vec<u64> = nodes.iter().map(|node| node.fuel).collect();
        for (at, node) in nodes.iter().enumerate().skip(1).rev() {
            let total = totals.get(at).copied().unwrap_or_default();
            if let Some(caller) = totals.get_mut(node.caller) {
                *caller += total;
            }
        }
        let function_of = |at: usize| {
            let index = nodes.get(at)?.function?;
            numbers.get(&index).copied()
        };
        // Along the tree: the functions that are running, and how often each.
        let mut called: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
        for (at, node) in nodes.iter().enumerate().skip(1) {
            if let Some(calls) = called.get_mut(node.caller) {
                calls.push(at);
            }
        }
        let mut running = vec![0_u32; self.functions.len()];
        let mut open: Vec<(usize, bool)> = vec![(0, false)];
        while let Some((at, ends)) = open.pop() {
            let number = function_of(at);
            let count = number.and_then(|number| running.get_mut(number));
            if ends {
                count.into_iter().for_each(|count| *count -= 1);
                continue;
            }
            if let (Some(number), Some(count)) = (number, count) {
                *count += 1;
                if *count == 1
                    && let Some(function) = self.functions.get_mut(number)
                {
                    function.total += totals.get(at).copied().unwrap_or_default();
                }
            }
            open.push((at, true));
            let calls = called.get_mut(at).map(core::mem::take);
            open.extend(calls.into_iter().flatten().map(|call| (call, false)));
        }
    }

    fn add_paths(&mut self, tree: &CallTree, numbers: &BTreeMap<u32, usize>) {
        // The path of each node, and its depth.
        let mut places: Vec<(usize, u32)> = Vec::with_capacity(tree.nodes.len());
        let mut paths = Paths::default();
        for (at, node) in tree.nodes.iter().enumerate() {
            let caller = places.get(node.caller).copied();
            let place = match caller {
                // The root is its own caller.
                _ if at == 0 => (paths.number((None, None), &mut self.paths), 0),
                Some((caller, depth)) if depth < MOST_DEPTH => {
                    let function = node.function.and_then(|index| numbers.get(&index).copied());
                    let number = paths.number((Some(caller), function), &mut self.paths);
                    (number, depth + 1)
                }
                Some(deepest) => deepest,
                None => (0, 0),
            };
            places.push(place);
            let is_deepest = caller == Some(place);
            if let Some(path) = self.paths.get_mut(place.0) {
                path.calls += if is_deepest && at > 0 { 0 } else { node.calls };
                path.fuel += node.fuel;
                path.bytes += node.bytes;
            }
        }
    }

    /// Adds the fuel of operators to functions and lines.
    fn add_lines(
        &mut self,
        compiled: &Compiled,
        symbols: &Symbols,
        noted: &Noted,
        numbers: &BTreeMap<u32, usize>,
    ) {
        let Some(installed) = &compiled.installed else {
            return;
        };
        let mut lines: BTreeMap<(&str, u32), u64> = BTreeMap::new();
        // The module was read before.
        let _ = visit_operators(compiled.original(), installed, |place| {
            let times = noted.counters.get(place.charged).copied().unwrap_or(0);
            let fuel = times.saturating_mul(place.fuel);
            if fuel == 0 {
                return;
            }
            let number = numbers.get(&place.function);
            if let Some(function) = number.and_then(|number| self.functions.get_mut(*number)) {
                function.operators += fuel;
            }
            if let Some(line) = symbols.line(place.function, place.offset) {
                *lines.entry(line).or_default() += fuel;
            }
        });
        let lines = lines.into_iter().map(|((file, line), fuel)| LineFuel {
            file: file.into(),
            line,
            fuel,
        });
        self.lines.extend(lines);
    }

    fn add(&mut self, other: &PhaseProfile) {
        self.fuel += other.fuel;
        let mut names = Names::of(&self.functions);
        let mut numbers = Vec::with_capacity(other.functions.len());
        for theirs in &other.functions {
            let number = names.number(&theirs.name, theirs.is_host, &mut self.functions);
            if let Some(function) = self.functions.get_mut(number) {
                function.calls += theirs.calls;
                function.fuel += theirs.fuel;
                function.total += theirs.total;
                function.operators += theirs.operators;
                function.bytes += theirs.bytes;
            }
            numbers.push(number);
        }
        let mut paths = Paths::of(&self.paths);
        let mut places: Vec<usize> = Vec::with_capacity(other.paths.len());
        for theirs in &other.paths {
            let caller = theirs.caller.and_then(|at| places.get(at).copied());
            let function = theirs.function.and_then(|at| numbers.get(at).copied());
            let place = paths.number((caller, function), &mut self.paths);
            places.push(place);
            if let Some(path) = self.paths.get_mut(place) {
                path.calls += theirs.calls;
                path.fuel += theirs.fuel;
                path.bytes += theirs.bytes;
            }
        }
        let mut lines: BTreeMap<(Text, u32), u64> = BTreeMap::new();
        for LineFuel { file, line, fuel } in self.lines.drain(..).chain(other.lines.iter().cloned())
        {
            *lines.entry((file, line)).or_default() += fuel;
        }
        let lines = lines.into_iter();
        let lines = lines.map(|((file, line), fuel)| LineFuel { file, line, fuel });
        self.lines.extend(lines);
    }
}

/// The numbers of functions by name.
#[derive(Default)]
struct Names(BTreeMap<(bool, Text), usize>);

impl Names {
    fn of(functions: &[FunctionFuel]) -> Names {
        let named = functions.iter().enumerate();
        Names(
            named
                .map(|(number, function)| ((function.is_host, function.name.clone()), number))
                .collect(),
        )
    }

    /// The number of a function, which is added if it is new.
    fn number(&mut self, name: &Text, is_host: bool, all: &mut Vec<FunctionFuel>) -> usize {
        let key = (is_host, name.clone());
        *self.0.entry(key).or_insert_with(|| {
            all.push(FunctionFuel {
                name: name.clone(),
                is_host,
                calls: 0,
                fuel: 0,
                total: 0,
                operators: 0,
                bytes: 0,
            });
            all.len() - 1
        })
    }
}

/// The numbers of paths by caller and function.
#[derive(Default)]
struct Paths(BTreeMap<(Option<usize>, Option<usize>), usize>);

impl Paths {
    fn of(paths: &[CallPath]) -> Paths {
        let numbered = paths.iter().enumerate();
        Paths(
            numbered
                .map(|(number, path)| ((path.caller, path.function), number))
                .collect(),
        )
    }

    /// The number of a path, which is added if it is new.
    fn number(&mut self, key: (Option<usize>, Option<usize>), all: &mut Vec<CallPath>) -> usize {
        *self.0.entry(key).or_insert_with(|| {
            let (caller, function) = key;
            all.push(CallPath {
                caller,
                function,
                calls: 0,
                fuel: 0,
                bytes: 0,
            });
            all.len() - 1
        })
    }
}
