//! Which variables a plugin may set for a command it runs. Reading a variable needs a separate grant;
//! the gate checks both.

/// Variables that are never passed to a command: with them a loader, a shell or libc loads, runs or
/// writes other files.
const NEVER: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "ENV",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "IFS",
    "LIBPATH",
    "LOCPATH",
    "MALLOC_TRACE",
    "NLSPATH",
    "PROMPT_COMMAND",
    "SHELLOPTS",
    "SHLIB_PATH",
];

/// Prefixes of the variables of loaders (Linux and most others, macOS, IRIX and Tru64, AIX), and of
/// the functions that bash imports from its environment.
const NEVER_PREFIXES: &[&str] = &["BASH_FUNC_", "DYLD_", "LDR_", "LD_", "_RLD"];

/// Whether no grant lets a plugin set the variable `name` for a command.
///
/// These are the variables of loaders and shells, and names with `=` or a control character, which
/// could be read as two variables.
#[must_use]
pub fn env_never_allowed(name: &str) -> bool {
    name.is_empty()
        || name.contains(|c: char| c == '=' || c.is_control())
        || NEVER.contains(&name)
        || NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a plugin may set the variable `name` to `value` for a command without a grant.
///
/// These are `LANG`, `LC_*`, `TERM` and `TZ`, with a value that cannot name a file.
#[must_use]
pub fn env_allowed_freely(name: &str, value: &str) -> bool {
    match name {
        // A zone may be `Europe/Berlin`; after `:` or `/` it is the path of any file.
        "TZ" => !value.starts_with([':', '/']) && !value.contains("..") && is_plain(value),
        "LANG" | "TERM" => !value.contains(['/', '%']) && is_plain(value),
        name => is_category(name) && !value.contains(['/', '%']) && is_plain(value),
    }
}

/// Whether `name` has the form of a locale category: `LC_TIME`.
fn is_category(name: &str) -> bool {
    let category = name.strip_prefix("LC_");
    category.is_some_and(|category| {
        let mut bytes = category.bytes();
        bytes.all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

/// The longest value that a plugin may set without a grant, in bytes.
const MAX_FREE: usize = 255;

fn is_plain(value: &str) -> bool {
    value.len() <= MAX_FREE && value.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether a plugin may set the variable `name` to `value` for a command. `granted` returns whether
/// the plugin has the grant `env:NAME` for a name.
pub fn env_allowed(name: &str, value: &str, granted: impl Fn(&str) -> bool) -> bool {
    !env_never_allowed(name)
        && !value.contains('\0')
        && (env_allowed_freely(name, value) || granted(name))
}
