//! A directory of a test's own, and plugins whose relative grants begin there.

use super::Guest;
use std::path::Path;
use tollgate::{Limits, Plugin, Runtime, world::System};

pub struct Place {
    pub root: tempfile::TempDir,
}

impl Place {
    /// The real path of a name in the directory.
    pub fn path(&self, name: &str) -> String {
        self.root
            .path()
            .canonicalize()
            .unwrap()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
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
