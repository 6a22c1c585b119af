//! A directory of a test's own, and plugins whose relative grants begin there.

use super::Guest;
use std::path::{Path, PathBuf};
use tollgate::{
    Limits, Plugin, Runtime,
    capability::windows::{name_of_path, path_of_name},
    world::System,
};

/// A real path of this system as grants and plugins name it.
pub fn named(path: &Path) -> String {
    let text = path.to_str().unwrap();
    match cfg!(windows) {
        true => path_of_name(text).unwrap(),
        false => text.to_owned(),
    }
}

/// The opposite: a path as this system names it.
pub fn on_this_system(path: &str) -> PathBuf {
    match cfg!(windows) {
        true => name_of_path(path).unwrap().into(),
        false => path.into(),
    }
}

pub struct Place {
    pub root: tempfile::TempDir,
}

impl Place {
    /// The real path of a name in the directory.
    pub fn path(&self, name: &str) -> String {
        named(&self.root.path().canonicalize().unwrap().join(name))
    }

    /// A plugin that passes its config to this function; `ROOT` in its grants is the directory.
    pub fn plugin(&self, function: &str, grants: &[&str]) -> Plugin {
        self.plugin_with(function, grants, Limits::default())
    }

    pub fn plugin_with(&self, function: &str, grants: &[&str], limits: Limits) -> Plugin {
        let base = self.path("");
        let mut builder = Runtime::builder()
            .limits(limits)
            .world(move || System::at(Path::new(&base)).unwrap());
        for grant in grants {
            let grant = grant.replace("ROOT", &self.path(""));
            builder = builder.grant("odd", grant.replace("//", "/").parse().unwrap());
        }
        Guest::relay(function).load_in(&builder.build().unwrap())
    }
}
