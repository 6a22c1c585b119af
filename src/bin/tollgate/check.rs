//! `tollgate check`: what a host would refuse in a plugin, and what is unwise, each with a fix. The
//! plugin runs in a made-up world, so checking touches nothing outside.

use crate::{
    Exit, Failure,
    args::CheckArgs,
    findings::{Findings, Severity},
    read_module,
};
use std::time::Duration;
use tollgate::{
    Capability, Config, Error, Evidence, Grants, Inspection, LoadError, Plugin, PluginInfo,
    Problem, Runtime, RuntimeBuilder,
    abi::{
        names::{HOST_MODULE, export, import},
        rfc3339::Moment,
    },
    capability::risk,
    printable::Printable,
    world::Simulated,
};

pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let bytes = read_module(&args.plugin)?;
    let mut configs = vec![Config::new()];
    if let Some(json) = &args.config {
        let config = json.parse();
        configs.push(config.map_err(|error| {
            Failure::new(
                Exit::BadInput,
                format!("the config cannot be used: {error}"),
            )
        })?);
    }
    let stem = args.plugin.file_stem().unwrap_or_default();
    let name = stem.to_string_lossy().into_owned();
    let mut findings = Findings::default();
    check(&name, &bytes, &configs, &mut findings)?;
    findings.report(&name, args.format)
}

fn check(
    name: &str,
    bytes: &[u8],
    configs: &[Config],
    findings: &mut Findings,
) -> Result<(), Failure> {
    let runtime = made_up(1).build()?;
    let inspection = match Inspection::new(bytes, runtime.limits()) {
        Ok(inspection) => inspection,
        Err(problem) => {
            refused(&problem, findings);
            return Ok(());
        }
    };
    for note in &inspection.notes {
        findings.add(Severity::Note, "module", note.clone(), "");
    }
    let plugin = match runtime.load(name, bytes) {
        Ok(plugin) => plugin,
        Err(Error::Load { problem, .. }) => {
            refused(&problem, findings);
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let exports = |name: &str| inspection.exports.iter().any(|export| export.name == name);
    if !exports(export::DEALLOCATE) {
        findings.add(
            Severity::Unwise,
            "deallocate",
            "does not export deallocate, so the host cannot give back what it asked for",
            "export deallocate(ptr: i32, size: i32)",
        );
    } else {
        buffers(&plugin, findings);
    }
    let info = match plugin.describe() {
        Ok(info) => info,
        Err(error) => {
            findings.silent("describe", &error);
            return Ok(());
        }
    };
    about(&info, findings);
    capabilities(&info, &inspection, findings);
    schema(&plugin, findings);
    observe(name, bytes, &info, configs, findings)
}

fn refused(problem: &LoadError, findings: &mut Findings) {
    match problem {
        LoadError::Contract(problems) => {
            for problem in problems {
                findings.add(Severity::Refused, "contract", problem.to_string(), fix(problem));
            }
        }
        other => findings.add(
            Severity::Refused,
            "module",
            other.to_string(),
            "build a core WebAssembly module, with the features of WebAssembly 2.0 and no later ones",
        ),
    }
}

fn fix(problem: &Problem) -> String {
    match problem {
        Problem::NotAPlugin => {
            "export describe, schema, observe and allocate; `tollgate new` writes a plugin that does"
                .to_owned()
        }
        Problem::Before02 { .. } => "rebuild it with a current SDK".to_owned(),
        Problem::Program => {
            "build a library: in Rust crate-type cdylib, in Go -buildmode=c-shared, in C -Wl,--no-entry or -mexec-model=reactor"
                .to_owned()
        }
        Problem::MissingExport { name, expected } | Problem::ExportType { name, expected, .. } => {
            format!("export {name} as {expected}")
        }
        Problem::UnknownImport { module, name, .. } if module == "env" && name == "abort" => {
            "in AssemblyScript, build with --use abort=tollgate/abort".to_owned()
        }
        Problem::UnknownImport { module, name, .. } if module == "env" => {
            format!("{name} is not linked into the module: define it, or link the library that has it")
        }
        Problem::UnknownImport { .. } => {
            format!("use the functions of {HOST_MODULE} and of WASI preview 1, or ask the embedder to offer it")
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
            Severity::Unwise,
            "leak",
            "memory that the host gave back through deallocate is not used again",
            "free the block in deallocate; a stub runtime never does",
        ),
        Err(error) => findings.silent("leak", &error),
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
                Severity::Unwise,
                "describe",
                format!("has no {what}"),
                format!("give {what} in the answer of describe, as text"),
            );
        }
    }
}

/// The host functions that need a grant of each kind.
const NEEDS: [(&str, &[&str]); 4] = [
    (
        "fs",
        &[
            import::FS_READ,
            import::FS_STAT,
            import::FS_LIST,
            import::FS_WRITE,
        ],
    ),
    ("env", &[import::ENV_GET]),
    (
        "network",
        &[
            import::NET_CONNECT,
            import::TCP_CONNECT,
            import::HTTP_REQUEST,
            import::DNS_LOOKUP,
            import::SMTP_CONNECT,
        ],
    ),
    ("exec", &[import::EXEC_RUN, import::EXEC_COMMAND]),
];

fn capabilities(info: &PluginInfo, inspection: &Inspection, findings: &mut Findings) {
    for declared in &info.capabilities {
        let text = declared.to_string();
        let shown = Printable(&text);
        match risk::assess(&text) {
            Ok(risk) if risk.is_broad() => findings.add(
                Severity::Unwise,
                "capability",
                format!("declares {shown}, which is high risk. {}", risk.reason),
                match declared.kind.as_str() {
                    "exec" => "name each command with its arguments, as in `exec` `/usr/bin/systemctl is-active *`; if the config decides, declare an example and document it",
                    _ => "declare the narrowest pattern that does; if the config decides, declare an example and document it",
                },
            ),
            Ok(_) => {}
            Err(error) => findings.add(
                Severity::Unwise,
                "capability",
                format!("declares {shown}, which nobody can grant: {error}"),
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
                format!("declares {shown}, a kind that only some hosts have"),
                "",
            );
        }
    }
    for (kind, functions) in NEEDS {
        let used = inspection
            .imports
            .iter()
            .find(|import| import.module == HOST_MODULE && functions.contains(&&*import.name));
        if let Some(used) = used
            && !info
                .capabilities
                .iter()
                .any(|declared| declared.kind == kind)
        {
            findings.add(
                Severity::Note,
                "capability",
                format!(
                    "imports {} and declares no capability of kind {kind}",
                    used.name
                ),
                format!(
                    "declare what it needs, so that operators know what to grant, or drop {}",
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
            error: tollgate::ProtocolError::NotExported,
            ..
        }) => {
            findings.add(
                Severity::Unwise,
                "schema",
                "has no schema, so nobody can know what a config looks like, or check one",
                "export schema() -> i64 with the JSON Schema of the config",
            );
            return;
        }
        Err(error) => {
            findings.add(
                Severity::Refused,
                "schema",
                error.report(),
                "answer schema with one JSON document",
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
            Severity::Unwise,
            "schema",
            "the schema does not say that a config is an object",
            "begin it with \"type\": \"object\"",
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

/// Two runs in worlds that differ in nothing but clock and chance.
fn observe(
    name: &str,
    bytes: &[u8],
    info: &PluginInfo,
    configs: &[Config],
    findings: &mut Findings,
) -> Result<(), Failure> {
    let world = |seed| {
        let declared = info.capabilities.iter().filter_map(|declared| {
            let capability = Capability::try_from(declared).ok()?;
            (!capability.is_custom()).then_some(capability)
        });
        // All at once: each one alone would be compared with those before it.
        let mut grants = Grants::new();
        grants.extend(name, declared);
        let builder = made_up(seed).grants(grants);
        Ok::<Plugin, Failure>(builder.build()?.load(name, bytes)?)
    };
    let (first, second) = (world(1)?, world(2)?);
    for (config, which) in configs.iter().zip(["the empty config", "the config given"]) {
        let (first, second) = match (first.observe(config), second.observe(config)) {
            (Ok(first), Ok(second)) => (first.evidence, second.evidence),
            (Err(error), _) | (_, Err(error)) => {
                findings.add(
                    Severity::Unwise,
                    "observe",
                    format!(
                        "gives no evidence for {which} where nothing exists: {}",
                        error.report()
                    ),
                    "answer what is missing with evidence that has an error, such as one of type config",
                );
                continue;
            }
        };
        if !same(&first, &second) {
            findings.add(
                Severity::Unwise,
                "determinism",
                format!("two runs with {which} gave different evidence, where only clock and random numbers differed"),
                "leave times and random numbers out of data and raw (the timestamp is the place for the time), and do not iterate over unordered maps",
            );
        }
    }
    Ok(())
}

/// Timestamps may differ.
fn same(first: &Evidence, second: &Evidence) -> bool {
    let plain = |evidence: &Evidence| Evidence {
        timestamp: Default::default(),
        metadata: None,
        ..evidence.clone()
    };
    plain(first) == plain(second)
}

/// A world without files, variables and neighbours, whose clock and chance are those of a seed.
fn made_up(seed: u32) -> RuntimeBuilder {
    let start = Moment {
        seconds: 1_600_000_000 + i64::from(seed) * 1_000_003,
        nanos: seed,
    };
    let world = Simulated::new().seed(seed.into()).start(start);
    Runtime::builder()
        .deadline(Duration::from_secs(60))
        .world(move || world.clone())
}
