//! Capabilities: what a plugin may be granted, what an effect requests, and whether a grant allows a
//! request. This module parses and compares text. It does no I/O; the gate enforces the result.
//!
//! # Grammar
//!
//! | text | grants |
//! |---|---|
//! | `fs:read:/etc/**` | reading paths that match the glob: `*`, `?`, `[...]` stop at `/`, a part `**` matches any number of parts, braces are ordinary characters; `**` alone is every path |
//! | `fs:read:glob:/etc/{hosts,passwd}` | the same with braces as choices; see below |
//! | `fs:write:/tmp/out.txt` | creating, changing, removing; reading needs a separate grant |
//! | `network:outbound:80,8000-9000` | connecting to these ports of any public address; `*` for all |
//! | `network:outbound:example.com:443` | the same for one host: a name, a glob `*.example.com` or `{a,b}.example.com`, an address, a network `10.0.0.0/8` |
//! | `network:outbound:https://example.com/x` | fetching one URL |
//! | `network:outbound:private` | addresses that are blocked otherwise; see [`address`] |
//! | `env:HOME`, `env:AWS_*`, `env:*` | reading variables; a star elsewhere is an ordinary character |
//! | `exec:/bin/ls`, `exec:ls,cat`, `exec:/usr/bin/*`, `exec:**` | running commands; a program that can run code must be named literally, see below |
//! | `exec:/usr/bin/systemctl is-active *` | running one command with these arguments, see below |
//! | `kv:a*` | a kind of the embedder, with the grammar of variables |
//!
//! # Globs with braces
//!
//! After `fs:read:glob:`, `fs:write:glob:`, `env:glob:`, `exec:glob:` and `kv:glob:` follows a full
//! glob, in which braces are choices; in a host they always are. The structured v2 form
//! ([`GrantSet`]) is converted to such globs where the simpler grammar cannot express a pattern.
//!
//! * `{a,b}` means `a` or `b`. Choices nest, may be empty, and may contain wildcards and `/`:
//!   `/usr/{,local/}bin/*`, `/var/{log/**,run}`. One glob has at most 256 alternatives.
//! * Every combination must be a valid glob: `**` is a whole part in each (`{*,a}*` and
//!   `x{/**,**}` are errors), and none has a part `..` after a wildcard or brace.
//! * In paths, a part that is empty or `.` in some combination is ignored there. A glob that begins
//!   with a brace must begin with `/` in all combinations or in none.
//! * `[{]`, `[}]` and `[,]` are the characters. A glob with braces does not match its own text.
//! * Choices are not expanded: matching costs at most the length of the glob times that of the text.
//! * A command in a choice is not named literally.
//!
//! # `..` in paths
//!
//! In a request, and in a grant before its first wildcard, `..` removes the name before it as text. When a
//! runtime is built, `..` in its grants leads where the world says instead: see
//! [`Capability::resolved`].
//!
//! # Limits
//!
//! A capability has at most 8192 bytes and a path 4096; a glob matches no longer text. For how many
//! capabilities a plugin may declare and a grants file may contain see [`TooManyCapabilities`].
//!
//! # Commands
//!
//! A **wildcard** (`exec:DIR/*`, `exec:**`, `exec:glob:...`) allows the matching programs with any
//! arguments, except those in the table of [`command`]: shells, interpreters, and all others known
//! to run code or other programs if their arguments or input ask for it. Whatever their arguments,
//! these need a literal grant, `exec:/usr/bin/git`; both the requested name and the name of the real
//! file count. A program that is not in the table is allowed, and no table is complete: every
//! wildcard for commands is high risk.
//!
//! A **literal** grant names one command, or several without arguments (`exec:ls,cat`; none of them
//! from the table). Alone it allows all arguments. With words after it, it allows exactly the lists
//! of arguments that match them one by one:
//!
//! * `*` is any one word, also an empty one; `**`, as the last word only, is any number of words,
//!   also none; any other word is compared byte by byte. `exec:/bin/ls **` is `exec:/bin/ls`.
//! * Words are separated by spaces. A word is plain or wholly in double quotes. A plain word contains
//!   no white space, quote, apostrophe, backslash, star, control or invisible character, and does
//!   not begin with a comma.
//! * In quotes every character stands for itself, also `*`, except for `\"`, `\\`, `\n`, `\r`, `\t` and
//!   `\u{9b}`, a character by its number in hexadecimal; NUL is not allowed. `""` is the empty word.
//! * The command is such a word as well. A command with a space, a comma or a star in its name is
//!   written in quotes, `exec:"/opt/my tool" -v`, and is then never a list or a wildcard.
//! * The canonical text has one space between words, and quotes where a word needs them.
//!
//! Requests are written in the same way, without wildcards: `exec:/bin/ls -l *` requests an argument
//! that is a star.
//!
//! A command **receives** the variables `LANG`, `LC_*`, `TERM` and `TZ` that the plugin sets, if
//! their values cannot name files, and a fixed `PATH`. Any other variable needs `env:NAME`. Those
//! that control loaders, shells or libc (`LD_*`, `DYLD_*`, `GCONV_PATH`, `BASH_ENV`) are never
//! passed, whatever is granted. A variable that is not allowed is left out and reported as denied.
//!
//! # Choices
//!
//! Existing Reglet documents disagree on some points. Here, writing does not imply reading;
//! `exec:bash,sh` is an error that advises one grant for each; `exec:/*` is an error.

pub mod address;
mod arguments;
pub mod command;
mod compare;
mod decide;
mod environment;
mod error;
mod exec;
mod fs;
mod glob;
mod grant_set;
mod granted;
mod grants;
mod host;
mod kind;
mod listing;
mod name;
mod network;
mod next_time;
pub mod path;
mod pinned;
mod programs;
mod request;
mod request_url;
pub mod risk;
mod tally;
mod url;
pub mod windows;

pub use address::AddressWord;
pub use decide::{Decision, decide, decide_resolved, explain, explain_all};
pub use error::CapabilityError;
pub(crate) use exec::is_own_name;
pub use grant_set::{
    EnvRule, ExecRule, FsRule, GrantSet, GrantSetError, KvOperation, KvRule, NetworkRule, Rules,
};
pub use granted::Capability;
pub use grants::{Grants, UnknownKind};
pub use kind::{BUILT_IN_KINDS, check_kind};
pub use request::Request;
pub(crate) use request_url::RequestUrl;
pub use risk::{Level, Risk};
pub use tally::TooManyCapabilities;
pub(crate) use tally::check_declared;

use granted::GrantPattern;
use kind::check_custom_kind;

/// The maximum length of a capability or a request, in bytes.
pub const MAX_TEXT: usize = 8192;
