//! The contract between host and plugin, checked before anything runs: the names and types of exports
//! and imports. What the functions do is not checked here.

use super::foreign::{self, Recognised};
use crate::error::{Problem, TypeText};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use tollgate_abi::names::export;
use wasmi::{ExternType, FuncType, Module, ValType};

/// The generation of the protocol that a plugin uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AbiVersion {
    /// `describe`, `schema`, `observe`.
    V1,
    /// `_manifest`, `_observe`: the SDK of 2026.
    V2,
    /// No plugin, but a fuzzing harness: `malloc`, `LLVMFuzzerTestOneInput`.
    Harness,
}

impl AbiVersion {
    /// The export that returns a buffer for data from the host.
    pub(crate) fn allocate(self) -> &'static str {
        match self {
            AbiVersion::V1 | AbiVersion::V2 => export::ALLOCATE,
            AbiVersion::Harness => MALLOC,
        }
    }

    /// The export that a call runs.
    pub(crate) fn observe(self) -> &'static str {
        match self {
            AbiVersion::V1 => export::OBSERVE,
            AbiVersion::V2 => export::OBSERVE_V2,
            AbiVersion::Harness => TEST_ONE_INPUT,
        }
    }
}

/// The exports of a harness in the style of libFuzzer. The first two are required.
const MALLOC: &str = "malloc";
const TEST_ONE_INPUT: &str = "LLVMFuzzerTestOneInput";
pub(crate) const HARNESS_INITIALIZE: &str = "LLVMFuzzerInitialize";

impl fmt::Display for AbiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AbiVersion::V1 => "1",
            AbiVersion::V2 => "2",
            AbiVersion::Harness => "a harness for libFuzzer",
        })
    }
}

/// A function that this host offers to plugins.
pub(crate) struct Offered {
    pub(crate) module: Cow<'static, str>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) ty: FuncType,
    /// Whether messages list it among the functions that a plugin can use instead.
    pub(crate) listed: bool,
}

const I32: ValType = ValType::I32;
const I64: ValType = ValType::I64;

/// Compares a module with the contract.
///
/// # Errors
///
/// All problems, in a fixed order.
pub(super) fn check(module: &Module, offered: &[Offered]) -> Result<AbiVersion, Vec<Problem>> {
    let mut problems = Vec::new();
    let version = check_family(module, &mut problems);
    check_memory(module, &mut problems);
    require(module, export::ALLOCATE, &[I32], &[I32], &mut problems);
    for (name, params) in [
        (export::INITIALIZE, &[] as &[ValType]),
        (export::DEALLOCATE, &[I32, I32]),
    ] {
        if module.get_export(name).is_some() {
            require(module, name, params, &[], &mut problems);
        }
    }
    for name in [export::SCHEMA, export::SCHEMA_V2] {
        if module.get_export(name).is_some() {
            require(module, name, &[], &[I64], &mut problems);
        }
    }
    check_imports(module, offered, &mut problems);
    if problems.is_empty() {
        Ok(version)
    } else {
        Err(problems)
    }
}

/// Compares a module with what a harness has, and returns all problems, in a fixed order.
pub(super) fn check_harness(module: &Module, offered: &[Offered]) -> Vec<Problem> {
    let mut problems = Vec::new();
    check_memory(module, &mut problems);
    for name in [
        MALLOC,
        TEST_ONE_INPUT,
        HARNESS_INITIALIZE,
        export::INITIALIZE,
    ] {
        let (params, results): (&[ValType], &[ValType]) = match name {
            MALLOC => (&[I32], &[I32]),
            export::INITIALIZE => (&[], &[]),
            _ => (&[I32, I32], &[I32]),
        };
        if matches!(name, MALLOC | TEST_ONE_INPUT) || module.get_export(name).is_some() {
            require(module, name, params, results, &mut problems);
        }
    }
    check_imports(module, offered, &mut problems);
    problems
}

/// A library that exports its memory.
fn check_memory(module: &Module, problems: &mut Vec<Problem>) {
    if module.get_export(export::START).is_some() {
        problems.push(Problem::Program);
    }
    match module.get_export(export::MEMORY) {
        Some(ExternType::Memory(_)) => {}
        // Named below.
        None if imports_memory(module) => {}
        found => problems.push(wrong_export(export::MEMORY, TypeText::of_memory(), found)),
    }
}

/// Returns which family of exports a module has. If it has both, the newer one is used.
fn check_family(module: &Module, problems: &mut Vec<Problem>) -> AbiVersion {
    let found = |name: &str| module.get_export(name);
    let mut missing_of_v2 = Vec::new();
    require(module, export::MANIFEST, &[], &[I64], &mut missing_of_v2);
    require(
        module,
        export::OBSERVE_V2,
        &[I32, I32],
        &[I64],
        &mut missing_of_v2,
    );
    if missing_of_v2.is_empty() {
        if cfg!(not(feature = "reglet-v2")) {
            problems.push(Problem::Version2);
        }
        return AbiVersion::V2;
    }
    for name in [export::DESCRIBE, export::OBSERVE] {
        if let Some(ExternType::Func(ty)) = found(name)
            && ty.results() == [I32]
            && !foreign::is_halved(module)
        {
            problems.push(Problem::Before02 { export: name });
            return AbiVersion::V1;
        }
    }
    if found(export::DESCRIBE).is_none() && found(export::OBSERVE).is_none() {
        if found(export::MANIFEST).is_some() || found(export::OBSERVE_V2).is_some() {
            problems.append(&mut missing_of_v2);
        } else {
            problems.push(Problem::NotAPlugin);
        }
        return AbiVersion::V2;
    }
    require(module, export::DESCRIBE, &[], &[I64], problems);
    require(module, export::OBSERVE, &[I32, I32], &[I64], problems);
    AbiVersion::V1
}

fn require(
    module: &Module,
    name: &'static str,
    params: &[ValType],
    results: &[ValType],
    problems: &mut Vec<Problem>,
) {
    let found = module.get_export(name);
    if let Some(ExternType::Func(ty)) = &found
        && ty.params() == params
        && ty.results() == results
    {
        return;
    }
    problems.push(wrong_export(name, TypeText::new(params, results), found));
}

fn wrong_export(name: &'static str, expected: TypeText, found: Option<ExternType>) -> Problem {
    match found {
        None => Problem::MissingExport { name, expected },
        Some(ty) => Problem::ExportType {
            name,
            expected,
            found: TypeText::of(&ty),
        },
    }
}

fn check_imports(module: &Module, offered: &[Offered], problems: &mut Vec<Problem>) {
    let by_name = offered
        .iter()
        // The first of two with one name.
        .rev()
        .map(|offer| ((&*offer.module, &*offer.name), offer));
    let by_name: BTreeMap<(&str, &str), &Offered> = by_name.collect();
    // Another host's, unless this host has functions in a module of that name. Everybody uses `env`.
    let own: BTreeSet<&str> = offered.iter().map(|offer| &*offer.module).collect();
    let may_be_foreign = |from: &str| from == "env" || !own.contains(from);
    let mut recognised = Recognised::default();
    let mut listed = BTreeSet::new();
    let mut unknown = Vec::new();
    for import in module.imports() {
        let (from, name) = (import.module(), import.name());
        let offer = by_name.get(&(from, name)).copied();
        match (offer, import.ty()) {
            (Some(offer), ExternType::Func(ty)) if *ty == offer.ty => {}
            (Some(offer), found) => problems.push(Problem::ImportType {
                module: from.into(),
                name: name.into(),
                expected: TypeText::new(offer.ty.params(), offer.ty.results()),
                found: TypeText::of(found),
            }),
            (None, _) if may_be_foreign(from) && recognised.add(&import) => {}
            (None, _) => unknown.push(Problem::UnknownImport {
                module: from.into(),
                name: name.into(),
                // Listed once.
                offered: listed
                    .insert(from)
                    .then(|| offers_like(from, offered).into()),
            }),
        }
    }
    if recognised.is_dynamic() {
        unknown.retain(
            |problem| !matches!(problem, Problem::UnknownImport { module, .. } if *module == "env"),
        );
    }
    problems.extend(recognised.problems());
    problems.append(&mut unknown);
}

fn imports_memory(module: &Module) -> bool {
    let mut types = module.imports();
    types.any(|import| matches!(import.ty(), ExternType::Memory(_)))
}

/// Lists what the message names: the functions of the same module, or else all modules.
fn offers_like(from: &str, offered: &[Offered]) -> String {
    let listed = offered.iter().filter(|offer| offer.listed);
    let mut names: Vec<String> = listed
        .clone()
        .filter(|offer| offer.module == from)
        .map(|offer| offer.name.to_string())
        .collect();
    if names.is_empty() {
        names = listed
            .map(|offer| format!("module {}", offer.module))
            .collect();
        names.sort();
        names.dedup();
    }
    let mut bytes = 0;
    let listed = names.iter().take_while(|name| {
        bytes += name.len();
        bytes <= MOST_LISTED
    });
    let listed: Vec<&str> = listed.map(String::as_str).collect();
    match names.len() - listed.len() {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

/// The most bytes of names that are listed for an import that is not offered.
const MOST_LISTED: usize = 2048;

/// The minimum of the exported memory, in pages.
pub(super) fn memory_minimum(module: &Module) -> Option<u64> {
    match module.get_export(export::MEMORY)? {
        ExternType::Memory(ty) => Some(ty.minimum()),
        _ => None,
    }
}
