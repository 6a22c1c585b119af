//! Running a command: what it really is and where it would run, what the gate says to both, and
//! the start of exactly that file. Watching over it until it is gone is `running`, finding what
//! left its group is `strays`.

mod output;
mod running;
#[cfg(target_os = "linux")]
mod strays;
/// Elsewhere nothing tells what has left the group, and it lives on.
#[cfg(not(target_os = "linux"))]
mod strays {
    pub(super) fn kill_family(_: rustix::process::Pid) {}
    pub(super) fn kill_holders(_: &[&std::fs::File]) {}
}

use super::{
    Surroundings, failure,
    names::{self, Found, Look},
};
use crate::{
    effect::{Answer, Failure, Refusal},
    gate::{Checkpoint, Permit, Permitted},
};
use running::Running;
use std::{
    fs, io,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tollgate_abi::host::kinds;

/// What to run, as the effect says it.
pub(super) struct Order<'a> {
    pub(super) command: &'a str,
    pub(super) args: &'a [String],
    pub(super) directory: Option<&'a str>,
    pub(super) environment: &'a [(String, String)],
    pub(super) timeout: Duration,
    pub(super) output_limit: u64,
}

/// Runs a command to its end, or to the end of its time.
///
/// Unlike a file that is opened, the command is started by its real name and not through a handle
/// (a script could not be read by its interpreter then). Whoever can change what a name without
/// links leads to can put a file of his own there as well, so nothing is lost by that.
pub(super) fn run(
    order: &Order<'_>,
    surroundings: &Surroundings,
    gate: &Checkpoint<'_>,
) -> Result<Permitted, Refusal> {
    let (file, permit) = find_command(order.command, surroundings, gate)?;
    let directory = match order.directory {
        Some(directory) => Some(find_directory(directory, gate)?),
        None => None,
    };
    let start = Instant::now();
    let time = order
        .timeout
        .min(gate.remaining().unwrap_or(Duration::MAX))
        .min(LONGEST);
    if time.is_zero() {
        let message = format!("{}: the time was up before it was started", order.command);
        return Err(Failure::new(kinds::TIMEOUT, "ETIMEDOUT", message).into());
    }
    let until = start.checked_add(time).unwrap_or(start);
    running::may_start(gate.plugin()).map_err(|most| {
        let message = format!(
            "{}: other commands of this plugin, as many as it may have ({most}), were killed and do not end",
            order.command
        );
        Failure::new(kinds::EXECUTION, "EAGAIN", message)
    })?;

    let mut command = Command::new(&file);
    command
        .arg0(order.command)
        .args(order.args)
        .current_dir(match &directory {
            Some(directory) => directory.path(),
            None => PathBuf::from(&surroundings.working_directory),
        })
        .env_clear()
        .env("PATH", COMMAND_PATH)
        .envs(order.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let failed = |error: io::Error| not_started(order.command, &error);
    let child = command.spawn().map_err(failed)?;
    let ran = Running::new(child, order.output_limit, gate.plugin())
        .and_then(|running| running.watch(start, until, gate.interrupt()))
        .map_err(failed)?;
    Ok(permit.answer(Answer::Ran(ran)))
}

/// Where a command looks for the programs that it starts in its turn, unless the plugin was granted
/// `env:PATH` and says otherwise. Without it each libc has a list of its own, some with the working
/// directory in it; the host's own would reveal where it keeps its programs.
const COMMAND_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A year is as good as for ever, and never overflows.
const LONGEST: Duration = Duration::from_secs(31_536_000);

/// The file that a command is, by its real name. What is not granted is denied whether or not it
/// exists.
fn find_command(
    asked: &str,
    surroundings: &Surroundings,
    gate: &Checkpoint<'_>,
) -> Result<(PathBuf, Permit), Refusal> {
    let path = if asked.contains('/') {
        Path::new(&surroundings.working_directory).join(asked)
    } else if let Some(path) = in_path(asked, surroundings).or_else(|error| {
        gate.command(asked)?;
        Err(Refusal::from(not_started(asked, &error)))
    })? {
        path
    } else {
        gate.command(asked)?;
        let message = format!("exec: {asked:?}: executable file not found in $PATH");
        return Err(Failure::new(kinds::EXECUTION, "ENOENT", message).into());
    };
    let found = match names::look(&path, true) {
        Ok(Look::Found(found)) => found,
        Ok(Look::Vacant(entry)) => {
            gate.command(&entry.real.to_string_lossy())?;
            return Err(not_started(asked, &io::ErrorKind::NotFound.into()).into());
        }
        Ok(Look::Nowhere(place, error)) => {
            gate.command(&place.to_string_lossy())?;
            return Err(not_started(asked, &error).into());
        }
        Err(error) => {
            gate.command(asked)?;
            return Err(not_started(asked, &error).into());
        }
    };
    let permit = gate.command(&found.real.to_string_lossy())?;
    if !is_program(&found.metadata) {
        return Err(not_started(asked, &io::ErrorKind::PermissionDenied.into()).into());
    }
    Ok((found.real, permit))
}

/// Looks a bare name up in the `PATH` of the day the world was made. Entries that are not
/// absolute would mean something else from every working directory, so they mean nothing here.
fn in_path(name: &str, surroundings: &Surroundings) -> io::Result<Option<PathBuf>> {
    let path = surroundings.variables.get("PATH");
    let directories = path.into_iter().flat_map(|path| path.split(':'));
    for directory in directories.filter(|directory| directory.starts_with('/')) {
        let file = Path::new(directory).join(name);
        match fs::metadata(&file) {
            Ok(metadata) if is_program(&metadata) => return Ok(Some(file)),
            Ok(_) => {}
            // Shells, too, go on behind these. No other error is about the program.
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

/// A regular file that somebody may execute. Whether we may is for the system to say.
fn is_program(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

/// The working directory, which must be granted for reading.
fn find_directory(asked: &str, gate: &Checkpoint<'_>) -> Result<Found, Refusal> {
    let failed = |error: &io::Error| {
        Refusal::from(Failure {
            kind: kinds::EXECUTION.into(),
            ..failure(&format!("chdir {asked}"), error)
        })
    };
    let error = match names::look(Path::new(asked), true) {
        Ok(Look::Found(found)) => {
            gate.directory(&found.real.to_string_lossy())?;
            if found.metadata.is_dir() {
                return Ok(found);
            }
            io::ErrorKind::NotADirectory.into()
        }
        Ok(Look::Vacant(entry)) => {
            gate.directory(&entry.real.to_string_lossy())?;
            io::ErrorKind::NotFound.into()
        }
        Ok(Look::Nowhere(place, error)) => {
            gate.directory(&place.to_string_lossy())?;
            error
        }
        Err(error) => {
            gate.directory(asked)?;
            error
        }
    };
    Err(failed(&error))
}

/// The number of "exec format error" on every Unix, for which std has no name.
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
