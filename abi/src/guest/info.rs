//! The description of a plugin, as a constant.

use crate::to_json;
use alloc::vec::Vec;

/// The result of `describe`.
///
/// ```
/// use tollgate_abi::guest::Info;
///
/// const INFO: Info = Info {
///     name: "motd",
///     version: env!("CARGO_PKG_VERSION"),
///     description: "Is there a message of the day?",
///     capabilities: &[("fs", "read:/etc/motd")],
/// };
/// assert_eq!(INFO.read().capabilities[0].to_string(), "fs:read:/etc/motd");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plugins write it as a constant")]
pub struct Info {
    /// The plugin's own name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// One sentence for people.
    pub description: &'static str,
    /// The capabilities it needs: kind and pattern, as narrow as possible.
    pub capabilities: &'static [(&'static str, &'static str)],
}

impl Info {
    /// As it goes to the host.
    pub(super) fn json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(256);
        let mut before: &[u8] = b"{\"";
        for (key, value) in [
            ("name", self.name),
            ("version", self.version),
            ("description", self.description),
        ] {
            put(&mut json, before, key, value);
            before = b",\"";
        }
        json.extend_from_slice(b",\"capabilities\":[");
        before = b"{\"";
        for (kind, pattern) in self.capabilities {
            put(&mut json, before, "kind", kind);
            put(&mut json, b",\"", "pattern", pattern);
            json.push(b'}');
            before = b",{\"";
        }
        json.extend_from_slice(b"]}");
        json
    }

    /// As the host reads it; for tests.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn read(&self) -> crate::PluginInfo {
        let document: serde_json::Value = crate::from_json(&self.json()).unwrap_or_default();
        crate::PluginInfo::from_value(&document).unwrap_or_default()
    }
}

fn put(json: &mut Vec<u8>, before: &[u8], key: &str, value: &str) {
    json.extend_from_slice(before);
    json.extend_from_slice(key.as_bytes());
    json.extend_from_slice(b"\":");
    json.extend(to_json(value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capability, PluginInfo};

    #[test]
    fn the_host_reads_what_was_written() {
        let info = Info {
            name: "a\"b",
            version: "1",
            description: "<é>",
            capabilities: &[("fs", "read:/x"), ("env", "HOME")],
        };
        let wanted = PluginInfo {
            name: "a\"b".into(),
            version: "1".into(),
            description: "<é>".into(),
            capabilities: [
                Capability::new("fs", "read:/x"),
                Capability::new("env", "HOME"),
            ]
            .into(),
            ..PluginInfo::default()
        };
        assert_eq!(info.read(), wanted);
        let nothing = Info {
            capabilities: &[],
            ..info
        };
        assert!(nothing.read().capabilities.is_empty());
    }
}
