//! A capability as text on the wire. What it means, and whether it covers a request, is the host's
//! business.

use alloc::string::String;
use core::fmt;

wire! {
    /// A capability as a plugin declares it and an operator grants it: `kind:pattern`.
    ///
    /// ```
    /// # use tollgate_abi::Capability;
    /// let capability = Capability::new("fs", "read:/etc/**");
    /// assert_eq!(capability.to_string(), "fs:read:/etc/**");
    /// ```
    pub struct Capability {
        /// What is reached: `fs`, `network`, `env`, `exec` or a kind of the embedder's.
        pub kind: String = "kind",
        /// Which of it, in the grammar of the kind.
        pub pattern: String = "pattern",
    }
}

impl Eq for Capability {}

impl Capability {
    /// A capability of `kind` for what `pattern` describes.
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
