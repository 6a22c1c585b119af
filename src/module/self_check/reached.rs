//! Which of the engine's own operators the checks reach, and that they have every operator of
//! WebAssembly that is enabled.

#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, reason = "reads /proc and what nm prints")
)]

use super::{
    MODULES,
    generate::{OPERATORS, PROPOSALS},
};
use crate::limits::StackLimit;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};
use wasmi::{CompilationMode, Module};
use wasmparser::{Parser, Payload};

/// The first word of how something is shown.
fn name(shown: &str) -> &str {
    let end = shown.find(|c: char| !c.is_ascii_alphanumeric());
    &shown[..end.unwrap_or(shown.len())]
}

#[test]
fn every_operator_that_is_enabled_is_checked() {
    let mut found = BTreeSet::new();
    for module in MODULES {
        for payload in Parser::new(0).parse_all(module) {
            let Payload::CodeSectionEntry(body) = payload.unwrap() else {
                continue;
            };
            for operator in body.get_operators_reader().unwrap() {
                let shown = format!("{:?}", operator.unwrap());
                found.insert(name(&shown).to_owned());
            }
        }
    }
    let missing: Vec<&str> = OPERATORS
        .iter()
        .filter(|it| {
            PROPOSALS.contains(&it.proposal) || cfg!(feature = "simd") && it.proposal == "simd"
        })
        .map(|it| it.name)
        .filter(|name| !found.contains(*name))
        .collect();
    assert_eq!(missing, [] as [&str; 0]);
}

macro_rules! names {
    ($($snake:ident => $camel:ident),* $(,)?) => {
        &[$(stringify!($snake)),*]
    };
}

/// All operators of the engine.
const HANDLERS: &[&str] = wasmi_ir::for_each_op!(names);

/// The addresses of the engine's handlers in this program, by `nm`.
#[cfg(target_os = "linux")]
fn handlers() -> BTreeMap<u64, Vec<&'static str>> {
    let program = std::env::current_exe().unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let first = maps
        .lines()
        .find(|line| line.ends_with(program.to_str().unwrap()))
        .unwrap();
    let base = u64::from_str_radix(first.split('-').next().unwrap(), 16).unwrap();
    let output = Command::new("nm").arg("-C").arg(&program).output();
    let output = String::from_utf8(output.expect("nm, of the binutils").stdout).unwrap();
    let mut handlers: BTreeMap<u64, Vec<&'static str>> = BTreeMap::new();
    for line in output.lines() {
        let Some((place, path)) = line.split_once(' ') else {
            continue;
        };
        let path = path.get(2..).unwrap_or_default();
        if !path.contains("wasmi::engine::executor::handler::") {
            continue;
        }
        // The last part may be a hash.
        let known = path.rsplit("::").take(2).find_map(|part| {
            HANDLERS
                .iter()
                .find(|it| it.trim_start_matches("r#") == part)
        });
        if let (Some(name), Ok(place)) = (known, u64::from_str_radix(place, 16)) {
            handlers.entry(base + place).or_default().push(name);
        }
    }
    handlers
}

/// Operators of the engine that no plugin reaches, or that cannot be told from another one.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("memory_grow", "the host grows memories"),
    ("table_grow", "the host grows tables"),
    ("i64_add128", "wide arithmetic is refused"),
    ("i64_sub128", "wide arithmetic is refused"),
    ("i64_mul_wide", "wide arithmetic is refused"),
    ("u64_mul_wide", "wide arithmetic is refused"),
    (
        "i16x8_relaxed_dot_i8x16_i7x16_sss",
        "relaxed SIMD is refused",
    ),
    (
        "i32x4_relaxed_dot_i8x16_i7x16_add_ssss",
        "relaxed SIMD is refused",
    ),
    ("f32x4_relaxed_madd_ssss", "relaxed SIMD is refused"),
    ("f32x4_relaxed_nmadd_ssss", "relaxed SIMD is refused"),
    ("f64x2_relaxed_madd_ssss", "relaxed SIMD is refused"),
    ("f64x2_relaxed_nmadd_ssss", "relaxed SIMD is refused"),
    ("i64_store_wrap32_ss", SAME_CODE),
    ("i64_store_wrap32_mem0_offset16_ss", SAME_CODE),
];

const SAME_CODE: &str =
    "it may be the same code as `u32_store_ss`, by which the compiler replaces it";

/// Finds the handlers in what the engine made of the modules, which it shows as bytes.
#[cfg(target_os = "linux")]
#[test]
fn the_checks_reach_every_operator_of_the_engine_that_a_plugin_can() {
    let handlers = handlers();
    let known: BTreeSet<&str> = handlers.values().flatten().copied().collect();
    let unknown: Vec<&str> = names_but(|name| known.contains(name));
    assert_eq!(unknown, [] as [&str; 0], "no code of this name");
    let mut reached = BTreeSet::new();
    for module in MODULES {
        let engine = super::super::engine(StackLimit::default(), CompilationMode::Eager);
        let _module = Module::new(&engine, module).unwrap();
        let shown = format!("{engine:?}");
        for code in shown.split("ops: [").skip(1) {
            let code = code.split(']').next().unwrap();
            let code: Vec<u8> = code.split(", ").map(|byte| byte.parse().unwrap()).collect();
            for window in code.windows(8) {
                let word = u64::from_ne_bytes(window.try_into().unwrap());
                reached.extend(handlers.get(&word).into_iter().flatten().copied());
            }
        }
    }
    let is_exception = |name: &str| EXCEPTIONS.iter().any(|(known, _)| *known == name);
    let missed = names_but(|name| reached.contains(name) || is_exception(name));
    assert_eq!(missed, [] as [&str; 0]);
}

fn names_but(known: impl Fn(&str) -> bool) -> Vec<&'static str> {
    HANDLERS
        .iter()
        .copied()
        .filter(|name| !known(name))
        .collect()
}
