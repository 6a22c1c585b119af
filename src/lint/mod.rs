//! Lints a plugin: what a host would refuse, and what is risky, each with a fix. The plugin runs in a
//! simulated world, without access to this machine.

mod findings;

use findings::Findings;
pub use findings::{Finding, Report, Severity};

use crate::{
    capability::{Capability, Grants, risk},
    error::{Error, LoadError, Problem, ProtocolError},
    inspect::Inspection,
    plugin::{Config, Plugin},
    printable::Printable,
    runtime::{Runtime, RuntimeBuilder},
    world::Simulated,
};
use alloc::{
    borrow::ToOwned,
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};
use core::time::Duration;
use tollgate_abi::{
    Evidence, PluginInfo,
    functions::{self, FUNCTIONS},
    names::{HOST_MODULE, export},
    rfc3339::Moment,
};

/// Lints the plugin in these bytes. It runs with an empty config, and with this one if there is one.
///
/// ```
/// let report = tollgate::lint::lint("file", include_bytes!("../../fixtures/file.wasm"), None)?;
/// assert!(report.errors == 0, "{:?}", report.findings);
/// # Ok::<(), tollgate::Error>(())
/// ```
///
/// # Errors
///
/// If no runtime can be built here. What is wrong with the plugin is a finding.
pub fn lint(name: &str, bytes: &[u8], config: Option<&Config>) -> Result<Report, Error> {
    let mut configs = vec![Config::new()];
    configs.extend(config.cloned());
    let mut findings = Findings::default();
    check(name, bytes, &configs, &mut findings)?;
    Ok(findings.report(name))
}

fn check(
    name: &str,
    bytes: &[u8],
    configs: &[Config],
    findings: &mut Findings,
) -> Result<(), Error> {
    let runtime = simulated(1).build()?;
    let inspection = match Inspection::new(bytes, runtime.limits()) {
        Ok(inspection) => inspection,
        Err(problem) => {
            rejected(&problem, findings);
            return Ok(());
        }
    };
    for note in &inspection.notes {
        findings.add(Severity::Note, "module", note.clone(), "");
    }
    let plugin = match runtime.load(name, bytes) {
        Ok(plugin) => plugin,
        Err(Error::Load { problem, .. }) => {
            rejected(&problem, findings);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let exports = |name: &str| inspection.exports.iter().any(|export| export.name == name);
    if !exports(export::DEALLOCATE) {
        findings.add(
            Severity::Warning,
            "deallocate",
            "does not export deallocate, so the host cannot free the buffers that it allocated",
            "export deallocate(ptr: i32, size: i32)",
        );
    } else {
        buffers(&plugin, findings);
    }
    let info = match plugin.describe() {
        Ok(info) => info,
        Err(error) => {
            findings.failed("describe", &error);
            return Ok(());
        }
    };
    about(&info, findings);
    capabilities(&info, &inspection, findings);
    schema(&plugin, findings);
    observe(name, bytes, &info, configs, findings)
}

fn rejected(problem: &LoadError, findings: &mut Findings) {
    match problem {
        LoadError::Contract(problems) => {
            for problem in problems {
                let (message, fix) = match problem {
                    Problem::Foreign(foreign) => (foreign.to_string(), foreign.fix.to_owned()),
                    other => (other.to_string(), fix(other)),
                };
                findings.add(Severity::Error, "contract", message, fix);
            }
        }
        other => {
            let (what, fix) = other
                .fix()
                .unwrap_or_else(|| (other.to_string(), general_fix(other)));
            findings.add(Severity::Error, "module", what, fix);
        }
    }
}

fn general_fix(problem: &LoadError) -> &'static str {
    match problem {
        LoadError::NotWasm(_) => "build a core WebAssembly module",
        LoadError::TooMuch { .. } => {
            "build a smaller module, or run it in a host that raises this limit"
        }
        LoadError::Compile(_) => {
            "the compiler or a later tool wrote an invalid module; build it again with current versions"
        }
        _ => "see the message",
    }
}

fn fix(problem: &Problem) -> String {
    match problem {
        Problem::NotAPlugin => {
            "export describe, schema, observe and allocate; `tollgate new` writes a plugin that does"
                .to_owned()
        }
        Problem::Version2 => "run it in a host that has this version".to_owned(),
        Problem::Before02 { .. } => "rebuild it with a current SDK".to_owned(),
        Problem::Program => {
            "build a library: in Rust crate-type cdylib, in Go -buildmode=c-shared, in C -Wl,--no-entry or -mexec-model=reactor, in AssemblyScript --exportStart _initialize"
                .to_owned()
        }
        Problem::MissingExport { name, expected } | Problem::ExportType { name, expected, .. } => {
            format!("export {name} as {expected}")
        }
        Problem::UnknownImport { module, name, .. } if module == "env" => {
            format!("{name} is not linked into the module: define it, or link the library that defines it")
        }
        Problem::UnknownImport { .. } => {
            format!("use the functions of {HOST_MODULE} and of WASI preview 1, or run it in a host that offers this one")
        }
        Problem::ImportType { module, name, expected, .. } => {
            format!("declare {module}.{name} as {expected}")
        }
        Problem::MemoryMinimum { .. } => {
            "lower the initial memory, in Rust also with -Clink-arg=-zstack-size=131072, or raise the host's limit"
                .to_owned()
        }
        Problem::TableMinimum { .. } => "lower the table's initial size".to_owned(),
        _ => String::new(),
    }
}

fn buffers(plugin: &Plugin, findings: &mut Findings) {
    match plugin.reuses_buffers() {
        Ok(true) => {}
        Ok(false) => findings.add(
            Severity::Warning,
            "leak",
            "memory that the host released with deallocate is not reused",
            "free the block in deallocate; a stub runtime does not",
        ),
        Err(error) => findings.failed("leak", &error),
    }
}

fn about(info: &PluginInfo, findings: &mut Findings) {
    for (what, text) in [
        ("name", &info.name),
        ("version", &info.version),
        ("description", &info.description),
    ] {
        if text.is_empty() {
            findings.add(
                Severity::Warning,
                "describe",
                format!("has no {what}"),
                format!("return {what} from describe, as text"),
            );
        }
    }
}

fn capabilities(info: &PluginInfo, inspection: &Inspection, findings: &mut Findings) {
    for declared in &info.capabilities {
        let text = declared.to_string();
        let shown = Printable(&text);
        match risk::assess(&text) {
            Ok(risk) if risk.is_broad() => findings.add(
                Severity::Warning,
                "capability",
                format!("declares {shown}, which is high risk. {}", risk.reason),
                match declared.kind.as_str() {
                    "exec" => "name each command with its arguments, as in `exec` `/usr/bin/systemctl is-active *`; if the config decides, declare an example and document it",
                    _ => "declare the narrowest sufficient pattern; if the config decides, declare an example and document it",
                },
            ),
            Ok(_) => {}
            Err(error) => findings.add(
                Severity::Warning,
                "capability",
                format!("declares {shown}, which no grant can match: {error}"),
                "write kind and pattern as in `fs` `read:/etc/hosts`",
            ),
        }
        let parsed = text.parse::<Capability>().ok();
        if let Some(capability) = &parsed
            && capability.listed_program().is_some()
            && !capability.is_broad()
        {
            findings.add(
                Severity::Note,
                "capability",
                format!("declares {shown}. {}", capability.risk().reason),
                "",
            );
        }
        if parsed.is_some_and(|capability| capability.is_custom()) {
            findings.add(
                Severity::Note,
                "capability",
                format!("declares {shown}, a kind that only some hosts support"),
                "",
            );
        }
    }
    let mut kinds: Vec<&str> = FUNCTIONS.iter().filter_map(|own| own.capability).collect();
    let mut seen = BTreeSet::new();
    kinds.retain(|kind| seen.insert(*kind));
    for kind in kinds {
        let used = inspection.imports.iter().find(|import| {
            import.module == HOST_MODULE
                && functions::find(&import.name).is_some_and(|own| own.capability == Some(kind))
        });
        let declared = info
            .capabilities
            .iter()
            .any(|declared| declared.kind == kind);
        if let Some(used) = used
            && !declared
        {
            findings.add(
                Severity::Note,
                "capability",
                format!(
                    "imports {} but declares no capability of kind {kind}",
                    used.name
                ),
                format!(
                    "declare it, so that operators know what to grant, or remove {}",
                    used.name
                ),
            );
        }
    }
}

fn schema(plugin: &Plugin, findings: &mut Findings) {
    let schema = match plugin.schema() {
        Ok(schema) => schema,
        Err(Error::Protocol {
            error: ProtocolError::NotExported,
            ..
        }) => {
            findings.add(
                Severity::Warning,
                "schema",
                "has no schema, so configs cannot be documented or validated",
                "export schema() -> i64 with the JSON Schema of the config",
            );
            return;
        }
        Err(error) => {
            findings.add(
                Severity::Error,
                "schema",
                error.report(),
                "return one JSON document from schema",
            );
            return;
        }
    };
    if schema
        .document()
        .get("type")
        .and_then(serde_json::Value::as_str)
        != Some("object")
    {
        findings.add(
            Severity::Warning,
            "schema",
            "the schema does not require an object",
            "add \"type\": \"object\"",
        );
    }
    for field in schema.fields() {
        if field.description.is_empty() {
            findings.add(
                Severity::Note,
                "schema",
                format!("the schema does not describe {}", Printable(&field.name)),
                "",
            );
        }
    }
}

/// Runs the plugin twice, in worlds that differ only in clock and random numbers.
fn observe(
    name: &str,
    bytes: &[u8],
    info: &PluginInfo,
    configs: &[Config],
    findings: &mut Findings,
) -> Result<(), Error> {
    let world = |seed| {
        let declared = info.capabilities.iter().filter_map(|declared| {
            let capability = Capability::try_from(declared).ok()?;
            (!capability.is_custom()).then_some(capability)
        });
        // Granting one by one would compare each with all earlier ones.
        let mut grants = Grants::new();
        grants.extend(name, declared);
        let builder = simulated(seed).grants(grants);
        builder.build()?.load(name, bytes)
    };
    let (first, second) = (world(1)?, world(2)?);
    for (config, which) in configs.iter().zip(["the empty config", "the config given"]) {
        let (first, second) = match (first.observe(config), second.observe(config)) {
            (Ok(first), Ok(second)) => (first.evidence, second.evidence),
            (Err(error), _) | (_, Err(error)) => {
                findings.add(
                    Severity::Warning,
                    "observe",
                    format!(
                        "returns no evidence for {which} in an empty world: {}",
                        error.report()
                    ),
                    "return evidence with an error for what is missing, such as an error of type config",
                );
                continue;
            }
        };
        if !same(&first, &second) {
            findings.add(
                Severity::Warning,
                "determinism",
                format!("two runs with {which} returned different evidence; only clock and random numbers differed"),
                "keep times and random numbers out of data and raw (the time belongs in the timestamp), and do not iterate over unordered maps",
            );
        }
    }
    Ok(())
}

/// Compares evidence without timestamps.
fn same(first: &Evidence, second: &Evidence) -> bool {
    let plain = |evidence: &Evidence| Evidence {
        timestamp: Default::default(),
        metadata: None,
        ..evidence.clone()
    };
    plain(first) == plain(second)
}

/// An empty world; the seed determines its clock and random numbers.
fn simulated(seed: u32) -> RuntimeBuilder {
    let start = Moment {
        seconds: 1_600_000_000 + i64::from(seed) * 1_000_003,
        nanos: seed,
    };
    let world = Simulated::new().seed(seed.into()).start(start);
    Runtime::builder()
        .deadline(Duration::from_secs(60))
        .world(move || world.clone())
}
