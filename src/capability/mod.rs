//! Capabilities: what a plugin may be granted, what an effect requests for, and whether the one
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
//! | `exec:/bin/ls`, `exec:ls,cat`, `exec:/usr/bin/*`, `exec:**` | running commands; a program that can run code needs to be named literally, see below |
//! | `exec:/usr/bin/systemctl is-active *` | running one command with these arguments, see below |
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
//! * In paths, a part that is empty or `.` in some combination is left out there, and a glob
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
//! # Commands
//!
//! A **wildcard** (`exec:DIR/*`, `exec:**`, `exec:glob:...`) allows the programs that it covers
//! with any arguments, except those in the table of [`command`]: shells, interpreters, and all
//! others known to run code or other programs if their arguments or input ask for it. These are
//! denied whatever their arguments, by the name requested and by that of the real file, and need a
//! literal grant: `exec:/usr/bin/git`. A program that is not in the table is allowed, and no table
//! is complete: every wildcard for commands is high risk.
//!
//! A **literal** grant names one command, or several without arguments (`exec:ls,cat`; none of them
//! from the table). Alone it allows all arguments. Followed by words it allows exactly the lists of
//! arguments that match them one by one:
//!
//! * `*` is any one word, also an empty one; `**`, as the last word only, is any number of words,
//!   also none; any other word is itself, byte by byte. `exec:/bin/ls **` is `exec:/bin/ls`.
//! * Words are divided by spaces. A word is plain or wholly in double quotes. A plain word holds no
//!   white space, quote, apostrophe, backslash, star, control or invisible character, and does not
//!   begin with a comma.
//! * In quotes every character is itself, `*` too, except for `\"`, `\\`, `\n`, `\r`, `\t` and
//!   `\u{9b}`, a character by its number in hexadecimal; NUL cannot be written. `""` is the empty
//!   word.
//! * The command is such a word as well: one with a space, a comma or a star in its name is written
//!   in quotes, `exec:"/opt/my tool" -v`, and is then never a list or a wildcard.
//! * The canonical text has one space between words, and quotes where a word needs them.
//!
//! Requests are written in the same way, but nothing in them is a wildcard: `exec:/bin/ls -l *`
//! requests an argument that is a star.
//!
//! A command is **given** the variables `LANG`, `LC_*`, `TERM` and `TZ` that the plugin sets, as
//! long as their values cannot name files, and a fixed `PATH`. Any other needs `env:NAME`; those
//! that steer loaders, shells or libc (`LD_*`, `DYLD_*`, `GCONV_PATH`, `BASH_ENV`) are never given,
//! whatever is granted. What may not be given is left out, and reported as denied.
//!
//! # Choices
//!
//! Where the sources disagree, the decision table (reglet-abi 4.3, column "recommended") wins over
//! prose: writing does not imply reading (row 55), `exec:bash,sh` covers nothing (row 136; it is
//! refused with the advice to grant each alone), `exec:/*` covers nothing (row 131; refused too).

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
pub mod path;
mod pinned;
mod programs;
mod request;
mod request_url;
pub mod risk;
mod tally;
mod url;

pub use address::AddressWord;
pub use decide::{Decision, decide, decide_resolved, explain};
pub use error::CapabilityError;
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

use granted::Matcher;
use kind::check_custom_kind;

/// The longest text of a capability or a request, in bytes.
pub const MAX_TEXT: usize = 8192;
