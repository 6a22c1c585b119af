//! What can be said of a module without running it: what it is, what it imports, and what would keep
//! it from running here. And the names and source lines of its functions, and what
//! runs did in them.

mod coverage;
#[cfg(feature = "debug-info")]
mod cpp;
#[cfg(feature = "debug-info")]
mod demangle;
mod edges;
#[cfg(feature = "debug-info")]
mod lines;
mod profile;
mod sections;
mod symbols;

pub use crate::module::Instruments;
pub use coverage::{
    BlockCoverage, BranchCoverage, Coverage, CoverageTotals, Covered, FileCoverage,
    FunctionCoverage, LineCoverage,
};
pub use edges::{Comparison, Edge, EdgeKind};
pub use profile::{CallPath, FunctionFuel, LineFuel, PhaseProfile, Profile};
pub use symbols::{Function, Symbols};

use crate::{
    error::LoadError,
    gate::HostFunctions,
    imports,
    limits::Limits,
    module::{self, Baked, Compiled, RESERVED},
};
pub use crate::{
    error::{Backtrace, Foreign, Frame, TypeText},
    limits::Measured,
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

use serde::Serialize;
use tollgate_abi::{VERSION, names::export};
use wasmi::ExternType;

/// What can be said of a module without running it. As JSON it is an object with these fields.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// SHA-256 of the bytes, in hexadecimal: the module's name across processes.
    pub sha256: String,
    /// Its size in bytes.
    pub size: usize,
    /// The generation of the protocol it speaks, if it keeps the contract.
    pub abi_version: Option<String>,
    /// The version of the Rust ABI package it was built with, if it says so.
    pub abi_package: Option<String>,
    /// The engine, its version, and the rules by which fuel is charged, as transcripts name it.
    pub engine: &'static str,
    /// How the engine dispatches instructions in this build: `portable` or `fast`. Measured, since other packages
    /// and the profile decide it too.
    pub dispatch: &'static str,
    /// The memory it exports.
    pub memory: Option<MemorySize>,
    /// Functions that have a body.
    pub functions: u64,
    /// Data segments.
    pub data_segments: u64,
    /// What it has of everything that is limited.
    pub measured: Vec<Measured>,
    /// What it imports, in its own order.
    pub imports: Vec<Import>,
    /// What it exports, in name order.
    pub exports: Vec<Export>,
    /// Why each call would initialise it anew, as far as the bytes show; `None` if calls can share
    /// one initialisation.
    pub unforkable: Option<String>,
    /// What it says of its making, if it was baked; this is not verified.
    pub baked: Option<Baked>,
    /// What would keep it from being loaded here.
    pub problems: Vec<String>,
    /// What is worth knowing, but is no problem.
    pub notes: Vec<String>,
}

/// The size of a linear memory, in pages of 64 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MemorySize {
    /// What it starts with.
    pub minimum: u64,
    /// What it will never exceed, if it says so.
    pub maximum: Option<u64>,
}

/// Something a module imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Import {
    /// From where.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Its type, such as `(i64) -> i64`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// Something a module exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Export {
    /// Its name.
    pub name: String,
    /// Its type, such as `(i32, i32) -> i64`.
    #[serde(rename = "type")]
    pub ty: String,
}

impl Inspection {
    /// Inspects a module as a runtime with these limits would find it.
    ///
    /// # Errors
    ///
    /// If the bytes are not a module that compiles; a module that compiles and is no plugin is
    /// inspected, with its problems listed.
    pub fn new(bytes: &[u8], limits: &Limits) -> Result<Inspection, LoadError> {
        let compiled = Compiled::new(bytes.into(), limits)?;
        let offered = imports::offered(&HostFunctions::default());
        let (abi_version, problems) = module::check(&compiled, &offered, limits);
        let memory = match compiled.module.get_export(export::MEMORY) {
            Some(ExternType::Memory(ty)) => Some(MemorySize {
                minimum: ty.minimum(),
                maximum: ty.maximum(),
            }),
            _ => None,
        };
        let imports = compiled.module.imports().map(|import| Import {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
            ty: TypeText::of(import.ty()).to_string(),
        });
        let exports = compiled
            .module
            .exports()
            .filter(|export| !export.name().starts_with(RESERVED));
        let mut exports: Vec<Export> = exports
            .map(|export| Export {
                name: export.name().to_owned(),
                ty: TypeText::of(export.ty()).to_string(),
            })
            .collect();
        exports.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Inspection {
            sha256: compiled.digest().to_owned(),
            size: bytes.len(),
            abi_version: abi_version.map(|version| version.to_string()),
            abi_package: compiled.shape.abi_package.clone(),
            engine: module::engine_name(),
            dispatch: module::dispatch(),
            memory,
            functions: compiled.shape.counts.functions,
            data_segments: compiled.shape.counts.data_segments,
            measured: limits.module.measure(&compiled.shape.counts),
            imports: imports.collect(),
            exports,
            unforkable: compiled.state.err().map(|why| why.to_string()),
            baked: compiled.baked.clone(),
            problems: problems.iter().map(ToString::to_string).collect(),
            notes: notes(&compiled.shape),
        })
    }
}

/// How many regions each function of a module has, those with a body in the module's order: places at which fuel
/// is charged for the code that follows. Large functions with few regions are charged far ahead.
///
/// # Errors
///
/// If the bytes are not a module that is within these limits.
pub fn regions(module: &[u8], limits: &Limits) -> Result<Vec<usize>, LoadError> {
    module::region_counts(module, limits)
}

fn notes(shape: &module::Shape) -> Vec<String> {
    let mut notes = Vec::new();
    if shape.has_start {
        notes.push("its start function runs as part of its initialisation".to_owned());
    }
    if let Some(package) = &shape.abi_package
        && package != VERSION
    {
        notes.push(format!(
            "built with tollgate-abi {package}, and this host has {VERSION}"
        ));
    }
    notes
}
