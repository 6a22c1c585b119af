//! Capabilities: what a plugin may be granted, what an effect wishes for, and whether the one
//! covers the other. Text in, verdict out: nothing here touches the outside, and nothing here
//! enforces anything; that is the gate's work.
//!
//! # Grammar
//!
//! | text | grants |
//! |---|---|
//! | `fs:read:/etc/**` | reading paths that match the glob: `*`, `?`, `[...]` stop at `/`, a part `**` spans any number of parts, braces are characters; `**` alone is every path |
//! | `fs:read:glob:/etc/{hosts,passwd}` | the same where braces are choices; see below |
//! | `fs:write:/tmp/out.txt` | creating, changing, removing; reading is a grant of its own |
//! | `network:outbound:80,8000-9000` | connecting to these ports of any open address; `*` for all |
//! | `network:outbound:example.com:443` | the same for one host: a name, a glob `*.example.com` or `{a,b}.example.com`, an address, a network `10.0.0.0/8` |
//! | `network:outbound:https://example.com/x` | fetching one URL |
//! | `network:outbound:private` | addresses that are closed otherwise; see [`address`] |
//! | `env:HOME`, `env:AWS_*`, `env:*` | reading variables; a star elsewhere is a character |
//! | `exec:/bin/ls`, `exec:ls,cat`, `exec:/usr/bin/*`, `exec:**` | running commands; what runs code out of its arguments needs to be named literally, see [`command`] |
//! | `kv:a*` | a kind of the embedder's, with the grammar of variables |
//!
//! # Globs with braces
//!
//! After `fs:read:glob:`, `fs:write:glob:`, `env:glob:`, `exec:glob:` and `kv:glob:` comes a full
//! glob, in which braces are choices as well; in a host they always are. Grants of the structured
//! v2 form ([`GrantSet`]) are written so where the simpler grammar has no words for them.
//!
//! * `{a,b}` means `a` or `b`. Choices nest, may be empty, and may hold wildcards and `/`:
//!   `/usr/{,local/}bin/*`, `/var/{log/**,run}`. One glob has at most 256 alternatives in all.
//! * Every combination must be a glob by itself: `**` is a whole part in each (`{*,a}*` and
//!   `x{/**,**}` are refused), and none has a part `..` after a wildcard or brace.
//! * In paths, a part that is empty or `.` in some combination stands for nothing there, and a glob
//!   that begins with a brace begins in all combinations with `/`, or in none.
//! * `[{]`, `[}]` and `[,]` are the characters. A glob with braces does not mean its own text.
//! * Choices are matched, never written out: matching costs at most glob times text.
//! * A command in a choice is not named literally.
//!
//! # Limits
//!
//! A capability has at most 8192 bytes and a path 4096, and a glob means no longer text than that.
//! How many one plugin may declare, and one grants file may hold, is at [`TooManyCapabilities`].
//!
//! # Choices
//!
//! Where the sources disagree, the decision table (reglet-abi 4.3, column "recommended") wins over
//! prose: writing does not imply reading (row 55), `exec:bash,sh` covers nothing (row 136; it is
//! refused with the advice to grant each alone), `exec:/*` covers nothing (row 131; refused too).

pub mod address;
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
mod interpreter;
mod kind;
mod listing;
mod name;
mod network;
mod options;
pub mod path;
mod pinned;
mod request_url;
pub mod risk;
mod tally;
mod url;
mod wish;
mod wrapper;

pub use address::AddressWord;
pub use decide::{Decision, decide, decide_resolved, explain};
pub use error::CapabilityError;
pub use grant_set::{
    EnvRule, ExecRule, FsRule, GrantSet, GrantSetError, KvOperation, KvRule, NetworkRule, Rules,
};
pub use granted::Capability;
pub use grants::{Grants, UnknownKind};
pub use kind::{BUILT_IN_KINDS, check_kind};
pub(crate) use request_url::RequestUrl;
pub use risk::{Level, Risk};
pub use tally::TooManyCapabilities;
pub(crate) use tally::check_declared;
pub use wish::Wish;

use granted::Matcher;
use kind::check_custom_kind;

/// The longest text of a capability or a wish, in bytes.
pub const MAX_TEXT: usize = 8192;
