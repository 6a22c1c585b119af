//! What a plugin says of itself.

use crate::Capability;
use alloc::{string::String, vec::Vec};
use serde_json::Value;

/// The answer of `describe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct PluginInfo {
    /// The plugin's own name.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence for people.
    pub description: String,
    /// What the plugin wants to be granted.
    pub capabilities: Vec<Capability>,
    /// The SDK that built the plugin, if it says so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sdk_version: String,
    /// The oldest host the plugin wants, if it says so.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_host_version: String,
    /// What the plugin offers, by name (2026 generation only), as it sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Value>,
    /// What the plugin wants to be granted in structured form (2026 generation only), as it sent
    /// it; `capabilities` says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_set: Option<Value>,
}

impl PluginInfo {
    /// Reads the answer of `describe`: keys exactly as written, a missing or wrongly typed text
    /// is empty, list entries that are not objects are skipped.
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
