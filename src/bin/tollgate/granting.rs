//! The grants of a run: whose they are, and what is odd about them.

use crate::{Failure, args::PluginArgs, files, note};
use std::path::Path;
use tollgate::{Capability, Grants, printable::Printable};

/// Reads a grants file.
pub fn read(path: &Path) -> Result<Grants, Failure> {
    let text = files::read_text(path).map_err(|error| Failure::file(path, error))?;
    serde_json::from_str(&text).map_err(|error| Failure::file(path, error))
}

/// The name of the plugin, which selects its grants: as it was given, or that of its file, or as the plugin
/// describes itself, if only that is in the grants file.
pub fn name(args: &PluginArgs, grants: Option<&Grants>, module: &[u8]) -> String {
    let name = args.name();
    let Some(grants) = grants.filter(|grants| !is_known(grants, &name)) else {
        return name;
    };
    if !args.is_named() {
        // Whatever keeps it from describing itself is reported when it is run.
        let described = crate::load(args, module).and_then(|plugin| Ok(plugin.describe()?));
        let described = described.map(|info| info.name.clone()).unwrap_or_default();
        if is_known(grants, &described) {
            note(format_args!(
                "the grants file has no {name:?}; the plugin calls itself {described:?} and gets the grants of that name"
            ));
            return described;
        }
    }
    let names: Vec<&str> = grants.plugins().take(MOST_NAMES).collect();
    note(format_args!(
        "the grants file has nothing for {name:?}, only for: {}; choose with --name",
        names.join(", ")
    ));
    name
}

/// The most names that are listed.
const MOST_NAMES: usize = 20;

fn is_known(grants: &Grants, name: &str) -> bool {
    grants.plugins().any(|plugin| plugin == name)
}

/// The most grants that are looked at.
const MOST: usize = 1000;

/// Notes what an operator may have meant otherwise.
pub fn note_oddities<'a>(grants: impl IntoIterator<Item = &'a Capability>) {
    for grant in grants.into_iter().take(MOST) {
        if let Some(oddity) = oddity(grant) {
            note(oddity);
        }
    }
}

/// What is odd about a grant on this machine.
pub fn oddity(grant: &Capability) -> Option<String> {
    let (operation, path) = match grant.kind() {
        "fs" => grant.pattern().split_once(':')?,
        _ => return None,
    };
    let shown = Printable(grant);
    if path == "~" || path.starts_with("~/") {
        return Some(format!(
            "{shown}: ~ is not expanded; write the whole path of the home directory"
        ));
    }
    let is_literal = !path.contains(['*', '?', '[', '{', '\\']) && !path.starts_with("glob:");
    let is_directory = is_literal && Path::new(path).is_dir();
    is_directory.then(|| {
        let below = path.trim_end_matches('/');
        format!(
            "{shown} is a directory: it grants its list of names; fs:{operation}:{below}/** grants what is in it"
        )
    })
}
