//! Which variables a plugin may hand to a command it runs (reglet-abi 3.6.2). Which variables a
//! plugin may read is a grant of its own.

/// Never handed on: they make a loader, a shell or libc run or read something else.
const NEVER: &[&str] = &[
    "IFS",
    "LOCPATH",
    "BASH_ENV",
    "ENV",
    "GCONV_PATH",
    "NLSPATH",
    "SHELLOPTS",
    "BASHOPTS",
    "PROMPT_COMMAND",
];

const NEVER_PREFIXES: &[&str] = &["LD_", "DYLD_", "BASH_FUNC_"];

/// Handed on when granted by `env:NAME`: they steer what a command finds and loads.
const GRANTED: &[&str] = &[
    "PATH",
    "HOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "NODE_OPTIONS",
    "NODE_PATH",
    "RUBYLIB",
    "RUBYOPT",
    "PERL5LIB",
    "PERL5OPT",
    "LUA_PATH",
    "LUA_CPATH",
    "CDPATH",
    "PS4",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "PERLLIB",
    "PERL5DB",
    "PYTHONUSERBASE",
    "PYTHONBREAKPOINT",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    // Options of a command, which can name a program, as its arguments can.
    "TAR_OPTIONS",
    "RSYNC_RSH",
    "RSYNC_CONNECT_PROG",
    "RIPGREP_CONFIG_PATH",
    "WGETRC",
    "SYSTEM_WGETRC",
    "CURL_HOME",
    "NMAPDIR",
    "AWKPATH",
    "AWKLIBPATH",
    "MAKEFLAGS",
    "GNUMAKEFLAGS",
    "MAKEFILES",
    "VIMINIT",
    "EXINIT",
    // Programs that a command starts in its turn.
    "SHELL",
    "PAGER",
    "MANPAGER",
    "SYSTEMD_PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "LESS",
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "ZDOTDIR",
    // Where settings and parts are found that can name either.
    "XDG_CONFIG_HOME",
    "XDG_CONFIG_DIRS",
    "MALLOC_TRACE",
    "GLIBC_TUNABLES",
    "SSLKEYLOGFILE",
];

const GRANTED_PREFIXES: &[&str] = &["GIT_", "OPENSSL_"];

/// Whether no grant lets a plugin set the variable `name` for a command.
pub fn env_never_allowed(name: &str) -> bool {
    name.is_empty()
        || name.contains(['=', '\0'])
        || NEVER.contains(&name)
        || NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a plugin may set the variable `name` for a command, where `granted` tells whether the
/// plugin holds `env:NAME` for a name.
pub fn env_allowed(name: &str, granted: impl Fn(&str) -> bool) -> bool {
    let steers = GRANTED.contains(&name)
        || GRANTED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    !env_never_allowed(name) && (!steers || granted(name))
}

/// The entries `NAME=VALUE` of `entries` that a plugin may hand on, in their order. Entries
/// without `=` and values with a NUL byte are left out.
pub fn allowed_env(entries: &[String], granted: impl Fn(&str) -> bool) -> Vec<&str> {
    let allowed = |entry: &&str| match entry.split_once('=') {
        Some((name, value)) => !value.contains('\0') && env_allowed(name, &granted),
        None => false,
    };
    entries.iter().map(String::as_str).filter(allowed).collect()
}
