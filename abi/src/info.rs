//! The description of a plugin.

use crate::Capability;
use alloc::{string::String, vec::Vec};
use serde_json::Value;

shape! {
    /// The result of `describe`.
    pub struct PluginInfo, non_exhaustive {
        /// The plugin's name.
        pub name: String = "name",
        /// The plugin's version.
        pub version: String = "version",
        /// One sentence for people.
        pub description: String = "description",
        /// The capabilities that the plugin needs.
        pub capabilities: Vec<Capability> = "capabilities",
        /// The SDK that built the plugin.
        pub sdk_version: String = "sdk_version" omit,
        /// The oldest host that the plugin supports.
        pub min_host_version: String = "min_host_version" omit,
        /// What the plugin offers, by name, as it sent it. Only in the 2026 generation.
        pub services: Option<Value> = "services" omit,
        /// The capabilities in structured form, as the plugin sent them. Only in the 2026
        /// generation; `capabilities` holds the same.
        pub grant_set: Option<Value> = "grant_set" omit,
    }
}

impl Eq for PluginInfo {}

impl PluginInfo {
    /// Reads the result of `describe`. Keys match exactly, a missing text or one of a wrong type is
    /// empty, and list entries that are not objects are skipped.
    ///
    /// Returns `None` if the document is not an object.
    pub fn from_value(document: &Value) -> Option<PluginInfo> {
        let object = document.as_object()?;
        let text = |map: &serde_json::Map<String, Value>, key: &str| {
            map.get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .into()
        };
        let capabilities = object
            .get("capabilities")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|entry| Capability {
                kind: text(entry, "kind"),
                pattern: text(entry, "pattern"),
            })
            .collect();
        Some(PluginInfo {
            name: text(object, "name"),
            version: text(object, "version"),
            description: text(object, "description"),
            capabilities,
            sdk_version: text(object, "sdk_version"),
            min_host_version: text(object, "min_host_version"),
            services: None,
            grant_set: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sloppy_document_is_read_leniently() {
        let info = PluginInfo::from_value(&json!({
            "name": "file", "version": 1, "Description": "wrong case",
            "capabilities": [{"kind": "fs", "pattern": "read:**"}, 7, {"kind": null}],
        }))
        .unwrap();
        assert_eq!(info.name, "file");
        assert_eq!((info.version.as_str(), info.description.as_str()), ("", ""));
        assert_eq!(
            info.capabilities,
            [Capability::new("fs", "read:**"), Capability::default()]
        );
        assert_eq!(PluginInfo::from_value(&json!([])), None);
    }
}
