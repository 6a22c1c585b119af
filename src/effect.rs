//! What a guest can wish of the outside, and what it can be answered: the vocabulary between the
//! imports, the gate and the worlds. Nothing here decides or does anything.

use tollgate_abi::{ErrorDetail, host::LogAttr, rfc3339::Moment};

/// A number that stands for an open file, valid for one instance.
pub type Handle = u32;

/// A typed request to the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Opens a file for reading. The path is absolute and free of `.`, `..` and `//`.
    Open {
        /// The file.
        path: String,
    },
    /// Reads from an open file.
    ReadAt {
        /// Which.
        handle: Handle,
        /// Where to begin, in bytes.
        offset: u64,
        /// How many bytes at most.
        limit: u64,
    },
    /// Gives an open file back.
    Close {
        /// Which.
        handle: Handle,
    },
    /// Examines a path, absolute and free of `.`, `..` and `//`.
    Stat {
        /// The path.
        path: String,
        /// Whether a symbolic link at its end is followed.
        follow: bool,
    },
    /// Tells the operator something.
    Log(LogRecord),
}

/// A line of a plugin's log, safe to print: control characters are escaped and sizes capped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// How grave it is.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// More, as the guest gave it.
    pub attrs: Vec<LogAttr>,
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For whoever debugs the plugin.
    Debug,
    /// For whoever is curious.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

impl std::fmt::Display for LogLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            LogLevel::Debug => "DEBUG",
            LogLevel::Info => "INFO",
            LogLevel::Warn => "WARN",
            LogLevel::Error => "ERROR",
        })
    }
}

/// What must hold before an effect may happen. Every effect states it, in one match without a
/// default arm, so that a new effect cannot forget to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A grant to read the real name of what the path leads to.
    ReadName,
    /// Nothing more than an open file, which was granted when it was opened.
    Opened(Handle),
    /// Nothing.
    Nothing,
}

impl Effect {
    pub(crate) fn need(&self) -> Need {
        match self {
            Effect::Open { .. } | Effect::Stat { .. } => Need::ReadName,
            Effect::ReadAt { handle, .. } | Effect::Close { handle } => Need::Opened(*handle),
            Effect::Log(_) => Need::Nothing,
        }
    }

    /// The path the guest named, for messages.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Effect::Open { path } | Effect::Stat { path, .. } => Some(path),
            Effect::ReadAt { .. } | Effect::Close { .. } | Effect::Log(_) => None,
        }
    }
}

/// What came of an effect.
pub type Reply = Result<Answer, Refusal>;

/// An effect that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The file is open.
    Opened {
        /// The number to use from now on.
        handle: Handle,
        /// What it is.
        stat: Stat,
    },
    /// What the path names.
    Stat(Stat),
    /// Bytes read.
    Bytes(Vec<u8>),
    /// Done, and there is nothing to tell.
    Done,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What kind of thing it is.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits, such as 0o644.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last modification.
    pub modified: Moment,
    /// Where a symbolic link points, if it was not followed.
    pub target: Option<String>,
}

/// What kind of thing a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, not followed.
    Symlink,
    /// A device, FIFO or socket, which is never opened.
    Other,
}

/// An effect that did not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No grant covers it.
    Denied(Denial),
    /// It was allowed, and the world could not do it.
    Failed(Failure),
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Refusal {
        Refusal::Denied(denial)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::Failed(failure)
    }
}

/// A wish without a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Who wished.
    pub plugin: String,
    /// What it wished, such as `fs:read:/etc/shadow`.
    pub wish: String,
    /// The smallest grant that would allow it.
    pub needs: String,
    /// Why what is granted does not cover it.
    pub reason: DenialReason,
}

/// Why a wish was not covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenialReason {
    /// The plugin has no grants at all.
    NoGrants,
    /// None of its grants covers the wish.
    NotCovered,
    /// A grant covers the name, but the name leads out of what is granted.
    LeadsOutside,
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Denial {
            plugin,
            wish,
            needs,
            reason,
        } = self;
        f.write_str("permission denied: ")?;
        match reason {
            DenialReason::NoGrants => {
                write!(
                    f,
                    "no capabilities granted to plugin {plugin}, which asked for {wish}"
                )?;
            }
            DenialReason::NotCovered => {
                write!(
                    f,
                    "capability denied: {wish} is not granted to plugin {plugin}"
                )?;
            }
            DenialReason::LeadsOutside => write!(
                f,
                "capability denied: {wish} leads through a symbolic link out of what is granted to plugin {plugin}"
            )?,
        }
        write!(f, "; the grant {needs} would allow it")
    }
}

/// Something the world could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class, one of [`kinds`](tollgate_abi::host::kinds).
    pub kind: &'static str,
    /// A finer code, such as `ENOENT`.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl Refusal {
    /// The refusal as guests read it.
    pub fn detail(&self) -> ErrorDetail {
        use tollgate_abi::host::kinds;
        match self {
            Refusal::Denied(denial) => {
                ErrorDetail::new(kinds::CAPABILITY, denial.to_string()).with_code("EACCES")
            }
            Refusal::Failed(failure) => ErrorDetail {
                is_timeout: failure.kind == kinds::TIMEOUT,
                is_not_found: failure.code == "ENOENT",
                ..ErrorDetail::new(failure.kind, failure.message.clone()).with_code(failure.code)
            },
        }
    }
}
