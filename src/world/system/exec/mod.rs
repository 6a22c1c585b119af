//! Running a command: its file and working directory are resolved and judged, and exactly that file is
//! started. `running` waits for its end, `strays` finds processes that left its group.

mod output;
mod running;
#[cfg(target_os = "linux")]
mod strays;
/// Elsewhere processes that left the group cannot be found and keep running.
#[cfg(not(target_os = "linux"))]
mod strays {
    pub(super) fn kill_descendants(_: rustix::process::Pid) {}
    pub(super) fn kill_writers(_: &[&std::fs::File]) {}
}

use super::{
    Surroundings, failure,
    names::{FILES, to_path},
};
use crate::{
    effect::{Answer, Effect, Failure, Refusal},
    gate::{Checkpoint, Permitted},
    world::{
        commands::{judged_command, judged_directory},
        resolve::join,
    },
};
use running::Running;
use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;

/// Runs a command until it ends or its time is up.
///
/// Unlike a file that is opened, the command is started by its real name and not by a descriptor,
/// because the interpreter of a script could not open that. This loses nothing: who can exchange a
/// file under its real name can also write another one there.
pub(super) fn run(
    effect: &Effect,
    surroundings: &Surroundings,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let Effect::Run {
        command: asked,
        args,
        directory,
        environment,
        timeout,
        output_limit,
    } = effect
    else {
        let message = "internal error: this effect runs no command";
        return Err(Failure::new(kinds::INTERNAL, "", message).into());
    };
    let failed = |error: io::Error| Refusal::from(not_started(asked, &error));
    let in_path = |name: &str| in_path(name, surroundings);
    let working_directory = &surroundings.working_directory;
    let (file, permit) = judged_command(&FILES, asked, working_directory, in_path, failed, gate)?;
    if !is_program(&file.handle.metadata) {
        return Err(failed(io::ErrorKind::PermissionDenied.into()));
    }
    let directory = match directory {
        Some(directory) => Some(judged_directory(&FILES, directory, gate)?),
        None => None,
    };
    let start = Instant::now();
    let time = (*timeout)
        .min(gate.remaining().unwrap_or(Duration::MAX))
        .min(LONGEST);
    if time.is_zero() {
        let message = format!("{asked}: the time was up before it was started");
        return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message).into());
    }
    let until = start.checked_add(time).unwrap_or(start);
    running::may_start(gate.plugin()).map_err(|most| {
        let message = format!(
            "{asked}: other commands of this plugin were killed and do not end (limit {most})"
        );
        Failure::new(kinds::EXECUTION, "EAGAIN", message)
    })?;

    let mut command = Command::new(&*to_path(&file.real).map_err(failed)?);
    command
        .arg0(asked)
        .args(args)
        .current_dir(match &directory {
            Some(directory) => directory.handle.path(),
            None => PathBuf::from(working_directory),
        })
        .env_clear()
        .env("PATH", COMMAND_PATH)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let child = command.spawn().map_err(failed)?;
    let ran = Running::new(child, *output_limit, gate.plugin())
        .and_then(|running| running.watch(start, until, gate.interrupt()))
        .map_err(failed)?;
    Ok(permit.answer(Answer::Ran(ran)))
}

/// The `PATH` of a command, unless the plugin passes one, for which it needs `env:PATH`. Without a
/// `PATH` each libc has a default of its own, some with the working directory in it. That of the host
/// would reveal where its programs are.
const COMMAND_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A year never overflows.
const LONGEST: Duration = Duration::from_secs(31_536_000);

/// Looks a bare name up in the `PATH` of the process when the world was created. Entries that are not
/// absolute are ignored, because they depend on the working directory.
fn in_path(name: &str, surroundings: &Surroundings) -> io::Result<Option<Vec<u8>>> {
    let path = surroundings.variables.get("PATH");
    let directories = path.into_iter().flat_map(|path| path.split(':'));
    for directory in directories.filter(|directory| directory.starts_with('/')) {
        let file = join(directory.as_bytes(), name.as_bytes());
        match to_path(&file).and_then(fs::metadata) {
            Ok(metadata) if is_program(&metadata) => return Ok(Some(file)),
            Ok(_) => {}
            // Shells ignore these errors, too. Other errors are not about the program.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::InvalidFilename
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether it is a regular file that somebody may execute. The system checks whether this process may.
fn is_program(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

/// The number of "exec format error" on every Unix, which has no `io::ErrorKind`.
const ENOEXEC: i32 = 8;

fn not_started(asked: &str, error: &io::Error) -> Failure {
    let what = format!("fork/exec {asked}");
    let other = match error.kind() {
        io::ErrorKind::ArgumentListTooLong => Some(("E2BIG", "argument list too long")),
        io::ErrorKind::ExecutableFileBusy => Some(("ETXTBSY", "text file busy")),
        io::ErrorKind::WouldBlock => Some(("EAGAIN", "resource temporarily unavailable")),
        io::ErrorKind::OutOfMemory => Some(("ENOMEM", "cannot allocate memory")),
        _ if error.raw_os_error() == Some(ENOEXEC) => Some(("ENOEXEC", "exec format error")),
        _ => None,
    };
    match other {
        Some((code, text)) => Failure::new(kinds::EXECUTION, code, format!("{what}: {text}")),
        None => Failure {
            kind: kinds::EXECUTION.into(),
            ..failure(&what, error)
        },
    }
}
