//! Processes of a command that have left its group, on Linux: its descendants, and processes that have
//! one of its outputs open. A process that left the group, lost the command as its ancestor and closed
//! both outputs cannot be found.

use rustix::{
    io::DupFlags,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::PathBuf,
};

/// How often to search for processes that were started during the search. Each is stopped as soon as
/// it is found, so that only those not found yet can start more.
const ROUNDS: usize = 8;

/// Kills the process and all its descendants.
pub(super) fn kill_descendants(root: Pid) {
    let root = root.as_raw_nonzero().get();
    kill_matching(|process| process.pid == root);
}

/// Kills all processes that can write to one of these pipes, and their descendants.
pub(super) fn kill_writers(pipes: &[&File]) {
    let names: Vec<PathBuf> = pipes
        .iter()
        .filter_map(|pipe| pipe.metadata().ok())
        .map(|metadata| PathBuf::from(format!("pipe:[{}]", metadata.ino())))
        .collect();
    kill_matching(|process| can_write_to(process.pid, &names));
}

/// Kills the processes that match, and all their descendants.
fn kill_matching(matches: impl Fn(&Process) -> bool) {
    let mut stopped: BTreeMap<i32, Option<OwnedFd>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let all = processes();
        let mut found: BTreeSet<i32> = stopped.keys().copied().collect();
        found.extend(all.iter().filter(|one| matches(one)).map(|one| one.pid));
        add_descendants(&mut found, &all);
        let mut any_new = false;
        for process in all.iter().filter(|process| found.contains(&process.pid)) {
            stopped.entry(process.pid).or_insert_with(|| {
                any_new = true;
                let pidfd = process.pidfd()?;
                let _ = pidfd_send_signal(&pidfd, Signal::STOP);
                Some(pidfd)
            });
        }
        if !any_new {
            break;
        }
    }
    for pidfd in stopped.values().flatten() {
        let _ = pidfd_send_signal(pidfd, Signal::KILL);
    }
}

/// Adds the children of the known processes, and the members of groups and sessions that these lead,
/// until there are no more.
fn add_descendants(known: &mut BTreeSet<i32>, all: &[Process]) {
    let mut before = usize::MAX;
    while known.len() != before {
        before = known.len();
        for process in all {
            let ties = [process.parent, process.group, process.session];
            if ties.iter().any(|tie| known.contains(tie)) {
                known.insert(process.pid);
            }
        }
    }
}

struct Process {
    pid: i32,
    parent: i32,
    group: i32,
    session: i32,
    /// When it started; with the id, this identifies a process.
    started: u64,
}

/// All other processes at the moment.
fn processes() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = i32::try_from(std::process::id()).ok();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| Some(*pid) != own)
        .filter_map(Process::read)
        .collect()
}

impl Process {
    fn read(pid: i32) -> Option<Process> {
        let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Process::parse(pid, &String::from_utf8_lossy(&text))
    }

    /// Parses `/proc/PID/stat`. The name in the second field may contain brackets and spaces.
    fn parse(pid: i32, text: &str) -> Option<Process> {
        let (_, behind_name) = text.rsplit_once(')')?;
        let mut fields = behind_name.split_ascii_whitespace().skip(1);
        let mut number = || fields.next()?.parse().ok();
        Some(Process {
            pid,
            parent: number()?,
            group: number()?,
            session: number()?,
            started: fields.nth(15)?.parse().ok()?,
        })
    }

    /// A descriptor of this process; `None` if its id was reused.
    fn pidfd(&self) -> Option<OwnedFd> {
        let pidfd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        let now = Process::read(self.pid)?;
        (now.started == self.started).then_some(pidfd)
    }
}

/// Whether the process can write to one of the pipes through a descriptor that programs inherit. One
/// that is closed on exec is not the output of a command but a copy in a process that another thread
/// of ours is just starting.
fn can_write_to(pid: i32, pipes: &[PathBuf]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    entries.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| pipes.contains(&target))
            && fs::read_to_string(format!(
                "/proc/{pid}/fdinfo/{}",
                entry.file_name().to_string_lossy()
            ))
            .is_ok_and(|info| is_inherited_for_writing(&info))
    })
}

fn is_inherited_for_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let Some(flags) = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()) else {
        return false;
    };
    let access = flags & 0b11;
    access != 0 && flags & DupFlags::CLOEXEC.bits() == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let text = "7 (a) S (b) R 3 4 5 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9876 10 11";
        let process = Process::parse(7, text).unwrap();
        assert_eq!(
            (
                process.parent,
                process.group,
                process.session,
                process.started
            ),
            (3, 4, 5, 9876)
        );
        for broken in ["", "7 (a", "7 (a) R 3", "7 (a) R x 4 5 0"] {
            assert!(Process::parse(7, broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn descendants_are_children_and_members_of_groups_and_sessions() {
        let one = |pid, parent, group, session| Process {
            pid,
            parent,
            group,
            session,
            started: 0,
        };
        let all = [
            one(10, 1, 10, 1),
            one(14, 13, 14, 14), // before its parent in the list
            one(13, 12, 13, 13),
            one(12, 10, 10, 1),
            one(15, 1, 10, 1),  // only the group ties it
            one(16, 1, 16, 14), // only the session
            one(20, 1, 20, 1),
        ];
        let mut known = BTreeSet::from([10]);
        add_descendants(&mut known, &all);
        assert_eq!(known, BTreeSet::from([10, 12, 13, 14, 15, 16]));
    }

    #[test]
    fn only_inherited_descriptors_for_writing_count() {
        for (info, counts) in [
            ("pos:\t0\nflags:\t01\nmnt_id:\t15\n", true),
            ("pos:\t0\nflags:\t0100002\n", true),
            ("pos:\t0\nflags:\t00\n", false),
            ("pos:\t0\nflags:\t02000001\n", false),
            ("pos:\t0\n", false),
            ("flags:\tx\n", false),
        ] {
            assert_eq!(is_inherited_for_writing(info), counts, "{info:?}");
        }
    }
}
