//! The names of effects, as transcripts write them. They are those that `serde` writes.

use super::Effect;

impl Effect {
    /// The name of its kind, as transcripts write it, such as `read_at`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Effect::Open { .. } => "open",
            Effect::Close { .. } => "close",
            Effect::ReadAt { .. } => "read_at",
            Effect::WriteAt { .. } => "write_at",
            Effect::StatOpen { .. } => "stat_open",
            Effect::SetSize { .. } => "set_size",
            Effect::Sync { .. } => "sync",
            Effect::List { .. } => "list",
            Effect::SetTimesOpen { .. } => "set_times_open",
            Effect::Stat { .. } => "stat",
            Effect::ReadLink { .. } => "read_link",
            Effect::SetTimes { .. } => "set_times",
            Effect::WriteFile { .. } => "write_file",
            Effect::MakeDirectory { .. } => "make_directory",
            Effect::RemoveDirectory { .. } => "remove_directory",
            Effect::RemoveFile { .. } => "remove_file",
            Effect::Rename { .. } => "rename",
            Effect::HardLink { .. } => "hard_link",
            Effect::Symlink { .. } => "symlink",
            Effect::Variable { .. } => "variable",
            Effect::Variables => "variables",
            Effect::Exchange { .. } => "exchange",
            Effect::Tls { .. } => "tls",
            Effect::Http { .. } => "http",
            Effect::Lookup { .. } => "lookup",
            Effect::Greet { .. } => "greet",
            Effect::Run { .. } => "run",
            Effect::Now { .. } => "now",
            Effect::Sleep { .. } => "sleep",
            Effect::Random { .. } => "random",
            Effect::Custom { .. } => "custom",
            Effect::Log(_) => "log",
        }
    }
}
