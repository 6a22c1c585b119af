//! A capability as text. The host gives it a meaning.

use alloc::string::String;
use core::fmt;

wire! {
    /// A capability that a plugin declares or an operator grants: `kind:pattern`.
    ///
    /// ```
    /// # use tollgate_abi::Capability;
    /// let capability = Capability::new("fs", "read:/etc/**");
    /// assert_eq!(capability.to_string(), "fs:read:/etc/**");
    /// ```
    pub struct Capability {
        /// `fs`, `network`, `env`, `exec` or a kind that the embedder defines.
        pub kind: String = "kind",
        /// Which things of this kind, in the grammar of the kind.
        pub pattern: String = "pattern",
    }
}

impl Eq for Capability {}

impl Capability {
    /// Creates a capability.
    pub fn new(kind: impl Into<String>, pattern: impl Into<String>) -> Capability {
        Capability {
            kind: kind.into(),
            pattern: pattern.into(),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.pattern)
    }
}
