//! Which variables a plugin may set for a command it runs. Reading variables needs a grant of its
//! own; the gate checks both.

/// Never passed to a command: they make a loader, a shell or libc load, run or write something
/// else.
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

/// Beginnings of variables of loaders (Linux and most others, macOS, IRIX and Tru64, AIX), and of
/// functions that bash takes from its environment.
const NEVER_BEGINNINGS: &[&str] = &["BASH_FUNC_", "DYLD_", "LDR_", "LD_", "_RLD"];

/// Whether no grant lets a plugin set the variable `name` for a command: one of loaders and shells, or one with `=` or
/// a control character in its name, which something could take for two variables.
pub fn env_never_allowed(name: &str) -> bool {
    name.is_empty()
        || name.contains(|c: char| c == '=' || c.is_control())
        || NEVER.contains(&name)
        || NEVER_BEGINNINGS
            .iter()
            .any(|beginning| name.starts_with(beginning))
}

/// Whether a plugin may set the variable `name` to `value` for a command without a grant: `LANG`,
/// `LC_*`, `TERM` and `TZ`, as long as the value cannot name a file.
pub fn env_allowed_freely(name: &str, value: &str) -> bool {
    match name {
        // A zone may be `Europe/Berlin`; one that begins with `:` or `/` is a file of its own.
        "TZ" => !value.starts_with([':', '/']) && !value.contains("..") && is_plain(value),
        "LANG" | "TERM" => !value.contains(['/', '%']) && is_plain(value),
        name => is_category(name) && !value.contains(['/', '%']) && is_plain(value),
    }
}

/// Whether `name` is written as the variables of the categories of a locale are: `LC_TIME`.
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

/// Whether a plugin may set the variable `name` to `value` for a command, where `granted` returns
/// whether the plugin holds `env:NAME` for a name.
pub fn env_allowed(name: &str, value: &str, granted: impl Fn(&str) -> bool) -> bool {
    !env_never_allowed(name)
        && !value.contains('\0')
        && (env_allowed_freely(name, value) || granted(name))
}
