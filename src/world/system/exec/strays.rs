//! Processes of a command that have left its group, on Linux: what descends from the command, and
//! what holds one of its outputs open. A process that has left the group, lost the command as its
//! ancestor and closed both outputs looks like any other and is not found.

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

/// How often to look for what was started while we looked. Everything found is stopped at once,
/// so that only processes not found yet can start more.
const ROUNDS: usize = 8;

/// Kills the process and all that descends from it.
pub(super) fn kill_family(root: Pid) {
    let root = root.as_raw_nonzero().get();
    kill_matching(|process| process.pid == root);
}

/// Kills all who can write to one of these pipes, and what descends from them.
pub(super) fn kill_holders(pipes: &[&File]) {
    let names: Vec<PathBuf> = pipes
        .iter()
        .filter_map(|pipe| pipe.metadata().ok())
        .map(|metadata| PathBuf::from(format!("pipe:[{}]", metadata.ino())))
        .collect();
    kill_matching(|process| holds(process.pid, &names));
}

fn kill_matching(matches: impl Fn(&Process) -> bool) {
    let mut caught: BTreeMap<i32, Option<OwnedFd>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let all = processes();
        let mut prey: BTreeSet<i32> = caught.keys().copied().collect();
        prey.extend(all.iter().filter(|one| matches(one)).map(|one| one.pid));
        add_family(&mut prey, &all);
        let mut any_new = false;
        for process in all.iter().filter(|process| prey.contains(&process.pid)) {
            caught.entry(process.pid).or_insert_with(|| {
                any_new = true;
                let handle = process.handle()?;
                let _ = pidfd_send_signal(&handle, Signal::STOP);
                Some(handle)
            });
        }
        if !any_new {
            break;
        }
    }
    for handle in caught.values().flatten() {
        let _ = pidfd_send_signal(handle, Signal::KILL);
    }
}

/// Adds children, and members of groups and sessions that one of the known leads, until there are
/// no more.
fn add_family(known: &mut BTreeSet<i32>, all: &[Process]) {
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
    /// With the number, this names a process for ever.
    started: u64,
}

/// All other processes that there are at the moment.
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

    /// The name in the second field may hold anything, also brackets and spaces.
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

    /// A handle to this very process, not to another one that got its number since.
    fn handle(&self) -> Option<OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        let now = Process::read(self.pid)?;
        (now.started == self.started).then_some(handle)
    }
}

/// Whether the process can write to one of the pipes through a descriptor that it means to pass
/// on. One that closes when a program starts is no command's output: it is a copy in a process
/// that another thread of ours is just making.
fn holds(pid: i32, pipes: &[PathBuf]) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    entries.flatten().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| pipes.contains(&target))
            && fs::read_to_string(format!(
                "/proc/{pid}/fdinfo/{}",
                entry.file_name().to_string_lossy()
            ))
            .is_ok_and(|info| is_passed_on_for_writing(&info))
    })
}

fn is_passed_on_for_writing(info: &str) -> bool {
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
    fn a_family_is_children_groups_and_sessions_of_its_members() {
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
        add_family(&mut known, &all);
        assert_eq!(known, BTreeSet::from([10, 12, 13, 14, 15, 16]));
    }

    #[test]
    fn only_descriptors_for_writing_that_are_passed_on_count() {
        for (info, counts) in [
            ("pos:\t0\nflags:\t01\nmnt_id:\t15\n", true),
            ("pos:\t0\nflags:\t0100002\n", true),
            ("pos:\t0\nflags:\t00\n", false),
            ("pos:\t0\nflags:\t02000001\n", false),
            ("pos:\t0\n", false),
            ("flags:\tx\n", false),
        ] {
            assert_eq!(is_passed_on_for_writing(info), counts, "{info:?}");
        }
    }
}
