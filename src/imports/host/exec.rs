//! Commands by JSON: `exec_run`, which the Go SDK calls `exec_command`.

use super::{JsonReply, config_error, net::millis, not_canceled, pass, timeout};
use crate::{
    effect::{CommandOutput, Effect, absolute_from_real},
    guest::Host,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use tollgate_abi::{
    ErrorDetail,
    host::{ExecReply, ExecRequest},
};

/// The most bytes of all arguments together, each with the byte that ends it.
const MAX_ARGS: usize = 1 << 20;

impl JsonReply for ExecReply {
    /// A guest that reads only the exit code must not take this for a success.
    fn failed(error: ErrorDetail) -> Self {
        ExecReply {
            exit_code: -1,
            is_timeout: error.is_timeout,
            error: Some(error),
            ..ExecReply::default()
        }
    }
}

pub(super) fn run(host: &mut Host, request: ExecRequest) -> Result<ExecReply, ErrorDetail> {
    not_canceled(&request.context)?;
    check(&request)?;
    let environment = variables(&request.env);
    let base = host.gate.working_directory();
    let directory = (!request.dir.is_empty()).then(|| absolute_from_real(base, &request.dir));
    let timeout = timeout::effective(host, &request.context, request.timeout_ms)?;
    let command = request.command.clone();
    let effect = Effect::Run {
        command: from_directory(request.command, directory.as_deref()),
        args: request.args,
        directory,
        environment,
        timeout,
        output_limit: u64::from(host.limits.reply_bytes),
    };
    Ok(reply(&command, pass(host, &effect)?))
}

/// A relative path begins at the directory that the command runs in. A bare name is looked up in `PATH`.
fn from_directory(command: String, directory: Option<&str>) -> String {
    match directory {
        Some(directory) if command.contains('/') && !command.starts_with('/') => {
            format!("{directory}/{}", command.trim_start_matches("./"))
        }
        _ => command,
    }
}

/// The entries `NAME=VALUE`, in their order. Entries that no system takes as a variable are left out.
fn variables(entries: &[String]) -> Vec<(String, String)> {
    entries
        .iter()
        .filter(|entry| !entry.contains('\0'))
        .filter_map(|entry| entry.split_once('='))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Checks what is invalid whatever is granted.
fn check(request: &ExecRequest) -> Result<(), ErrorDetail> {
    if request.command.is_empty() {
        return Err(config_error("command cannot be empty"));
    }
    for (what, text) in [("command", &request.command), ("dir", &request.dir)]
        .into_iter()
        .chain(request.args.iter().map(|arg| ("an argument", arg)))
    {
        if text.contains('\0') {
            return Err(config_error(format!("{what} contains a NUL byte")));
        }
    }
    let size = request.args.iter().fold(0usize, |size, arg| {
        size.saturating_add(arg.len()).saturating_add(1)
    });
    if size > MAX_ARGS {
        return Err(config_error(format!(
            "the arguments are larger than the limit of {MAX_ARGS} bytes"
        )));
    }
    Ok(())
}

fn reply(command: &str, ran: CommandOutput) -> ExecReply {
    let error = ran
        .timed_out
        .then(|| timeout::error(format!("{command}: killed because its time was up")));
    ExecReply {
        stdout: text(ran.stdout),
        stderr: text(ran.stderr),
        exit_code: if ran.timed_out { -1 } else { ran.exit_code },
        duration_ms: millis(ran.duration),
        is_timeout: ran.timed_out,
        stdout_truncated: ran.stdout_truncated,
        stderr_truncated: ran.stderr_truncated,
        error,
    }
}

/// Output is mostly UTF-8, and then it is not copied.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_abi::host::kinds;

    #[test]
    fn output_that_is_not_utf8_is_replaced() {
        assert_eq!(text(b"a\xFFb".to_vec()), "a\u{FFFD}b");
    }

    #[test]
    fn entries_that_are_no_variables_are_left_out() {
        let entries = ["A=1", "MALFORMED", "=x", "B=2=3", "N=a\0b", "", "A="].map(String::from);
        let read = variables(&entries);
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(read, [("A", "1"), ("B", "2=3"), ("A", "")]);
    }

    #[test]
    fn arguments_have_a_limit_together() {
        let request = |args: Vec<String>| ExecRequest {
            command: "ls".into(),
            args,
            ..ExecRequest::default()
        };
        let long = "x".repeat(MAX_ARGS / 2 - 1);
        assert!(check(&request(vec![long.clone(), long.clone()])).is_ok());
        let error = check(&request(vec![long.clone(), long, String::new()])).unwrap_err();
        assert_eq!(error.kind, kinds::CONFIG);
    }
}
