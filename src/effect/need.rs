//! What must be granted before an effect may happen. Every effect is in one match without a default
//! arm, so that a new effect cannot be forgotten.

use super::{Effect, Handle, Nameserver, OpenOptions, WriteMode, path::without_end};
use alloc::{string::String, vec::Vec};

/// What is done to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Access {
    pub(crate) const READ: Access = Access {
        read: true,
        write: false,
    };
    const WRITE: Access = Access {
        read: false,
        write: true,
    };
    const BOTH: Access = Access {
        read: true,
        write: true,
    };
    pub(crate) const NONE: Access = Access {
        read: false,
        write: false,
    };
}

/// What must be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need<'a> {
    /// Access to the real names of what these paths lead to, in this order.
    Names(Vec<(&'a str, Access)>),
    /// An open file that was granted this access when it was opened.
    Opened(Handle, Access),
    /// An open file whose name is granted for reading, whatever it is opened for.
    Examined(Handle),
    /// An open file whose name is granted for writing, whatever it is opened for.
    Changed(Handle),
    /// A variable.
    Variable(&'a str),
    /// Each variable that is read, one by one.
    Variables,
    /// A port of a host, and each address of that host.
    Connect { host: &'a str, port: u16 },
    /// A URL, and each address of its host.
    Fetch { url: &'a str },
    /// The port of name servers, which the configuration of the machine names.
    Resolve,
    /// A command with these arguments, by its real name; its directory, for
    /// reading where the arguments are limited; and each
    /// variable that it gets.
    Run {
        command: &'a str,
        args: &'a [String],
        directory: Option<&'a str>,
        environment: &'a [(String, String)],
    },
    /// A request of a kind that the embedder added.
    Custom {
        kind: &'a str,
        function: &'a str,
        request: &'a serde_json::Value,
    },
    /// Nothing.
    Nothing,
}

impl Effect {
    pub(crate) fn need(&self) -> Need<'_> {
        match self {
            Effect::Open { path, options } => {
                Need::Names(vec![(without_end(path), options.access())])
            }
            Effect::Stat { path, .. } | Effect::ReadLink { path } => {
                Need::Names(vec![(without_end(path), Access::READ)])
            }
            Effect::WriteFile { path, mode, .. } => match mode {
                WriteMode::Replace | WriteMode::CreateNew | WriteMode::Append => {
                    Need::Names(vec![(path, Access::WRITE)])
                }
            },
            Effect::SetTimes { path, .. }
            | Effect::MakeDirectory { path }
            | Effect::RemoveDirectory { path }
            | Effect::RemoveFile { path } => Need::Names(vec![(without_end(path), Access::WRITE)]),
            Effect::Rename { from, to } => Need::Names(vec![
                (without_end(from), Access::WRITE),
                (without_end(to), Access::WRITE),
            ]),
            // Under its second name the file could be read and written by the second name's grants.
            Effect::HardLink { from, to } => Need::Names(vec![
                (without_end(from), Access::BOTH),
                (without_end(to), Access::WRITE),
            ]),
            Effect::Symlink { path, leads_to, .. } => Need::Names(vec![
                (without_end(path), Access::WRITE),
                (leads_to, Access::READ),
            ]),
            Effect::ReadAt { handle, .. } | Effect::List { handle } => {
                Need::Opened(*handle, Access::READ)
            }
            Effect::WriteAt { handle, .. } | Effect::SetSize { handle, .. } => {
                Need::Opened(*handle, Access::WRITE)
            }
            Effect::SetTimesOpen { handle, .. } => Need::Changed(*handle),
            Effect::StatOpen { handle } => Need::Examined(*handle),
            Effect::Sync { handle } | Effect::Close { handle } => {
                Need::Opened(*handle, Access::NONE)
            }
            Effect::Variable { name } => Need::Variable(name),
            Effect::Variables => Need::Variables,
            Effect::Exchange { host, port, .. }
            | Effect::Tls { host, port, .. }
            | Effect::Greet { host, port, .. } => Need::Connect { host, port: *port },
            Effect::Http { url, .. } => Need::Fetch { url },
            Effect::Lookup { nameserver, .. } => match nameserver {
                Some(Nameserver { host, port }) => Need::Connect { host, port: *port },
                None => Need::Resolve,
            },
            Effect::Run {
                command,
                args,
                directory,
                environment,
                ..
            } => Need::Run {
                command,
                args,
                directory: directory.as_deref(),
                environment,
            },
            Effect::Custom {
                kind,
                function,
                request,
            } => Need::Custom {
                kind,
                function,
                request,
            },
            Effect::Now { .. } | Effect::Sleep { .. } | Effect::Random { .. } | Effect::Log(_) => {
                Need::Nothing
            }
        }
    }
}

impl Effect {
    /// The bytes that the effect carries.
    pub(crate) fn bytes(&self) -> Vec<&[u8]> {
        match self {
            Effect::WriteAt { bytes, .. } => vec![bytes],
            Effect::WriteFile { content, .. } => vec![content],
            Effect::Exchange { send, .. } => vec![send],
            Effect::Http { body, .. } => vec![body],
            _ => Vec::new(),
        }
    }
}

impl OpenOptions {
    /// Whether a symbolic link at the end of the path is followed. Something new is never made behind a
    /// link.
    pub(crate) fn follows(self) -> bool {
        let makes_new = self.create && self.exclusive;
        !self.no_follow && !makes_new
    }

    /// Creating, truncating and writing are writes, whatever other rights a guest asks for.
    pub(crate) fn access(self) -> Access {
        let write = self.write || self.create || self.truncate || self.exclusive;
        // Even a file opened for nothing can be examined.
        Access {
            read: self.read || !write,
            write,
        }
    }
}
