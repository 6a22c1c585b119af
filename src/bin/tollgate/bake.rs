//! `tollgate bake`: initialises a plugin and writes the initialised module.

use super::{Exit, Failure, args::BakeArgs, files, granting, load_with, print, read_module};
use serde_json::json;
use tollgate::abi::sha256;

/// Bakes reproducibly: the same module, grants and world give the same bytes. On this machine,
/// initialisation therefore gets deterministic clocks and random numbers.
pub fn run(args: &BakeArgs) -> Result<Exit, Failure> {
    let inputs = args.plugin.inputs();
    let grants = ("the grants file", args.grants_file.as_deref());
    files::is_no_input(&args.output, inputs.into_iter().chain([grants]))?;
    let bytes = read_module(&args.plugin.plugin)?;
    let original = sha256::digest(&bytes);
    let file = args
        .grants_file
        .as_deref()
        .map(granting::read)
        .transpose()?;
    let name = granting::name(&args.plugin, file.as_ref(), &bytes);
    let mut builder = args.plugin.runtime();
    if !args.plugin.is_simulated() {
        builder = builder.deterministic_init(seed(&original));
    }
    for grant in &args.grants {
        builder = builder.grant(&name, grant.clone());
    }
    if let Some(grants) = file {
        builder = builder.grants(grants);
    }
    let plugin = load_with(builder, &name, &bytes)?;
    let baked = plugin.bake()?;
    files::write_whole(&args.output, &baked).map_err(|error| Failure::file(&args.output, error))?;
    let report = json!({
        "original": sha256::hex(&original),
        "sha256": sha256::hex(&sha256::digest(&baked)),
        "size": baked.len(),
        "init_fuel": plugin.init_usage()?.fuel,
    });
    print(&report, args.plugin.format)
}

/// Each plugin gets its own random numbers.
fn seed(digest: &[u8; 32]) -> u64 {
    digest
        .iter()
        .take(8)
        .fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}
