//! Which symbolic links a plugin may leave behind: those that lead to what it may read, and that it
//! cannot make lead elsewhere afterwards.

use super::{Checkpoint, policy::texts};
use crate::{
    capability::Request,
    effect::{Denial, DenialReason, Effect},
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// A symbolic link as an effect would leave it: made, moved or given a second name.
#[expect(clippy::exhaustive_structs, reason = "worlds make it")]
#[derive(Clone, Copy, Debug)]
pub struct NewLink<'a> {
    /// Its real name: absolute, and no component of it is a symbolic link.
    pub place: &'a str,
    /// Its content, as written.
    pub target: &'a str,
    /// The real name of the directory that holds what the content names, and the last name of the
    /// content. `None` if there is no such directory.
    pub named: Option<&'a str>,
    /// The real name of what the link leads to in the end, or would if that existed.
    pub end: &'a str,
}

impl Checkpoint<'_> {
    /// Checks whether the effect may leave this symbolic link behind. A world calls this for a link
    /// that the effect makes, and for each link that gets a new name where the effect moves or
    /// doubles names, those inside a moved directory included.
    ///
    /// A plugin leaves only links that lead to what it may read, and that nothing the plugin does
    /// later can make lead elsewhere: the content has no `..`, and each directory that it names
    /// exists, is no symbolic link, and is none that the plugin may write (it could put another in
    /// its place), but for directories that the link itself is in.
    ///
    /// # Errors
    ///
    /// The denial, if the link is not such a link.
    pub fn link(&self, link: NewLink<'_>) -> Result<(), Denial> {
        let asked = match self.effect {
            Effect::Symlink { path, .. } => path,
            Effect::Rename { to, .. } | Effect::HardLink { to, .. } => to,
            _ => return Err(self.out_of_place(link.place)),
        };
        // A long content takes long to check; after the deadline it is refused. The place of the link is written,
        // so it can be exchanged as soon as the link may be made at all.
        let may_exchange = |directory: Request| {
            let is_place = matches!(&directory, Request::Write(path) if *path == link.place);
            is_place || self.is_late() || self.policy.covers(&directory)
        };
        if stays(&link, may_exchange, |end| self.policy.covers(&end)) {
            return Ok(());
        }
        let request = Request::Write(asked.clone());
        let denial = Denial {
            reason: DenialReason::UnsafeLink,
            ..self.policy.denial(self.plugin, &request)
        };
        let denial = denial.with_grants([]);
        // The operator sees what the link leads to, if that may be granted.
        let end = Request::Read(link.end.to_owned()).needed();
        let end = end.filter(|_| stays(&link, may_exchange, |_| true));
        // A name that may be read is not given to what may not.
        let old = match self.effect {
            Effect::Rename { from, .. } if link.end == link.place => {
                Request::Read(from.clone()).needed()
            }
            _ => None,
        };
        let old = old.filter(|_| end.is_some());
        let advice = texts(end.into_iter().chain(old).collect());
        let advice = denial.clone().with_grants(advice);
        Err(denial.with_advice(advice))
    }
}

/// Whether the link leads to something that may be read, and keeps leading to names that may be
/// read, whatever is done with the names that may be written: of what it names, `may_exchange` says
/// whether writing it is allowed, `may_read` whether reading it is. They are called last, since they
/// cost the most.
///
/// Every link that passed leads to a readable name. So does a name in a directory that cannot be
/// exchanged, even if the name becomes another link that passed. A way through a directory that can
/// be exchanged is refused: behind another directory, or a link, the rest of the way could lead
/// anywhere. The directories that the link itself is in cannot be exchanged without moving or
/// removing the link. `..` means another directory wherever the link is moved.
fn stays(
    link: &NewLink<'_>,
    may_exchange: impl Fn(Request) -> bool,
    may_read: impl Fn(Request) -> bool,
) -> bool {
    let holder = link.place.rsplit_once('/').map_or("", |(holder, _)| holder);
    let holds_link = |directory: &str| {
        let rest = holder.strip_prefix(directory);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut way = match link.target.starts_with('/') {
        true => String::new(),
        false => holder.to_owned(),
    };
    // Where on the way the names of directories end.
    let mut directories = Vec::new();
    for name in link.target.split('/') {
        match name {
            "" | "." => continue,
            ".." => return false,
            _ => {}
        }
        // What was the end so far is a directory on the way.
        directories.push(way.len());
        way.push('/');
        way.push_str(name);
    }
    if way.is_empty() {
        way.push('/');
    }
    if link.named != Some(&way) {
        return false;
    }
    let mut directories = directories.into_iter().filter_map(|end| way.get(..end));
    let is_open = |directory: &str| {
        !holds_link(directory) && may_exchange(Request::Write(directory.to_owned()))
    };
    !directories.any(is_open) && may_read(Request::Read(link.end.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names below `/w` may be read and written, those below `/r` read, and those below `/d`
    /// written.
    fn covers(request: Request) -> bool {
        match request {
            Request::Read(path) => path.starts_with("/w/") || path.starts_with("/r/"),
            Request::Write(path) => path.starts_with("/w/") || path.starts_with("/d/"),
            _ => false,
        }
    }

    #[test]
    fn links_lead_to_neighbours_and_through_directories_that_stay() {
        for (place, target, named, end, expected) in [
            ("/w/l", "f", "/w/f", "/w/f", true),
            ("/w/l", "./f/", "/w/f", "/w/f", true),
            ("/w/d/l", "f", "/w/d/f", "/w/d/f", true),
            ("/w/d/l", ".", "/w/d", "/w/d", true),
            // A neighbour that is a link of its own.
            ("/w/l", "m", "/w/m", "/r/x", true),
            ("/w/l", "m", "/w/m", "/secret", false),
            ("/w/l", "/r/d/f", "/r/d/f", "/r/d/f", true),
            ("/w/l", "/w/f", "/w/f", "/w/f", true),
            ("/w/d/e/l", "/w/d/f", "/w/d/f", "/w/d/f", true),
            ("/w/de/l", "/w/d/f", "/w/d/f", "/w/d/f", false),
            // Through what can be exchanged.
            ("/w/l", "d/f", "/w/d/f", "/w/d/f", false),
            ("/w/l", "/w/d/f", "/w/d/f", "/w/d/f", false),
            // Through what is a link.
            ("/w/l", "/r/link/f", "/r/d/f", "/r/d/f", false),
            // Upwards.
            ("/w/d/l", "../f", "/w/f", "/w/f", false),
            ("/w/d/l", "..", "/w", "/w", false),
            ("/w/l", "/r/d/../f", "/r/f", "/r/f", false),
            // A neighbour that may be written and not read.
            ("/d/l", "f", "/d/f", "/d/f", false),
            ("/w/l", "/", "/", "/", false),
        ] {
            let link = NewLink {
                place,
                target,
                named: Some(named),
                end,
            };
            assert_eq!(
                stays(&link, covers, covers),
                expected,
                "{place} -> {target}"
            );
            let nowhere = NewLink {
                named: None,
                ..link
            };
            assert!(!stays(&nowhere, covers, covers), "{place} -> {target}");
        }
        let root = NewLink {
            place: "/l",
            target: "r",
            named: Some("/r"),
            end: "/r/x",
        };
        assert!(stays(&root, covers, covers));
    }

    #[test]
    fn what_is_not_there_is_refused_before_any_grant_is_compared() {
        let target = "a/".repeat(2000) + "f";
        let link = NewLink {
            place: "/w/l",
            target: &target,
            named: None,
            end: "/w/a",
        };
        let never = |request: Request| -> bool { panic!("{request}") };
        assert!(!stays(&link, never, never));
    }
}
