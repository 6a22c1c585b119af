//! The rooms of `src/` have an order, and a file uses only rooms before its own: an arrow that turns
//! back fails here, wherever it is written. Within a room no two files use each other in a circle.
//! The operating system is reached in few places, and imports decide nothing.
//!
//! Every file is read token by token: `use` trees with groups, globs and renames, at the top and in
//! functions; paths in expressions, types, patterns and macros; paths in the texts of attributes.
//! A name is followed through re-exports to the file that defines it, and each room on the way counts.
//! What no name shows, such as calling a method of a value, is not seen.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The rooms from the bottom to the top. Those of one line do not use each other.
const ORDER: &[&[&str]] = &[
    &[
        "byte_order_mark",
        "content_hash",
        "printable",
        "room",
        "sync",
    ],
    &["capability"],
    &["effect"],
    &["limits"],
    &["error"],
    &["schema"],
    &["redact", "answer"],
    &["module"],
    &["gate"],
    &["world", "guest"],
    &["imports"],
    &["inspect"],
    &["plugin"],
    &["runtime"],
    &["replay", "lint"],
];

/// Uses that are forbidden although the order allows them, and why.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    (
        "imports",
        "capability",
        "imports decode and encode; the gate decides",
    ),
    (
        "imports",
        "world",
        "imports reach the outside through the gate",
    ),
];

/// What reaches the operating system.
const OUTSIDE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::time::UNIX_EPOCH",
];

/// Rooms besides `world/system` that reach the operating system, and why. Tests may.
const REACH_OUTSIDE: &[(&str, &str)] = &[
    (
        "limits",
        "the time that a call may take, which guests never see",
    ),
    (
        "module",
        "the time of a fixed loop, in debug builds: was the engine optimised?",
    ),
    ("replay", "the files of recordings"),
];

/// The files that use each other in a circle, and why.
const CIRCLES: &[(&[&str], &str)] = &[
    (
        &["capability/command.rs", "capability/programs.rs"],
        "the table of programs and the families that it sorts them into",
    ),
    (
        &[
            "capability/exec.rs",
            "capability/granted.rs",
            "capability/request.rs",
            "capability/risk.rs",
        ],
        "a capability and its patterns for commands name each other's types",
    ),
    (
        &["capability/glob/class.rs", "capability/glob/program.rs"],
        "a class of characters is a step of a program, which reads it",
    ),
    (
        &["replay/compare.rs", "replay/redacted.rs"],
        "comparisons are redacted before they are shown",
    ),
    (
        &["schema/check.rs", "schema/keywords.rs"],
        "keywords hold schemas, which are checked like the whole one",
    ),
    (
        &[
            "world/system/errors.rs",
            "world/system/linux.rs",
            "world/system/names.rs",
            "world/system/opened.rs",
        ],
        "names are resolved by the system's own calls, whose handles and errors they share",
    ),
    (
        &["world/simulated/build.rs", "world/simulated/json.rs"],
        "a world is built by methods or from JSON, within the same bounds",
    ),
];

/// A module: a file, or a part of one.
struct Module {
    /// `["gate", "checkpoint"]`; empty for the root.
    path: Vec<String>,
    file: String,
    is_test: bool,
    /// What `use` binds to a name here.
    bound: BTreeMap<String, Vec<Use>>,
    globs: Vec<Use>,
    /// Paths that are written here, beside those of `use`.
    paths: Vec<Use>,
    /// The modules in it, by the names that they have here.
    children: BTreeMap<String, Vec<usize>>,
    /// The files of child modules that are not named like them.
    renamed: BTreeMap<String, Vec<String>>,
}

/// A path as it is written.
#[derive(Clone)]
struct Use {
    path: Vec<String>,
    line: usize,
    is_test: bool,
}

struct Crate {
    modules: Vec<Module>,
    by_path: BTreeMap<Vec<String>, usize>,
}

/// An arrow from the file that names something to a module on the way to it.
struct Arrow<'a> {
    from: &'a Module,
    line: usize,
    is_test: bool,
    to: &'a Module,
}

impl Crate {
    fn read(sources: &BTreeMap<String, String>) -> Crate {
        let mut all = Crate {
            modules: Vec::new(),
            by_path: BTreeMap::new(),
        };
        let mut test_files = BTreeSet::new();
        for (file, text) in sources {
            let tokens: TokenStream = text
                .parse()
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            let stem = file.strip_suffix(".rs").unwrap_or(file);
            let mut path: Vec<String> = stem.split('/').map(str::to_owned).collect();
            if path
                .last()
                .is_some_and(|last| last == "mod" || last == "lib")
            {
                path.pop();
            }
            let module = all.add(path, file, false);
            all.walk(module, tokens, false, &mut test_files);
        }
        for module in &mut all.modules {
            let is_within = |test: &Vec<String>| module.path.starts_with(test);
            module.is_test = module.is_test || test_files.iter().any(is_within);
        }
        for child in 0..all.modules.len() {
            if let Some((name, parent)) = all.modules[child].path.clone().split_last()
                && let Some(parent) = all.by_path.get(parent)
            {
                let children = &mut all.modules[*parent].children;
                children.entry(name.clone()).or_default().push(child);
            }
        }
        for module in &mut all.modules {
            for (name, files) in &module.renamed {
                let found = files.iter().filter_map(|file| module.children.get(file));
                let found = found.flatten().copied().collect();
                module.children.insert(name.clone(), found);
            }
        }
        all
    }

    fn add(&mut self, path: Vec<String>, file: &str, is_test: bool) -> usize {
        self.by_path.insert(path.clone(), self.modules.len());
        self.modules.push(Module {
            path,
            file: file.to_owned(),
            is_test,
            bound: BTreeMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
            children: BTreeMap::new(),
            renamed: BTreeMap::new(),
        });
        self.modules.len() - 1
    }

    /// Collects what is written in a part of a module.
    fn walk(
        &mut self,
        module: usize,
        tokens: TokenStream,
        is_test: bool,
        test_files: &mut BTreeSet<Vec<String>>,
    ) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // The attributes of the item that follows.
        let (mut tested, mut file_names) = (false, Vec::new());
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let word = |at: usize| match tokens.get(at) {
                Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
                _ => None,
            };
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    if let Some(TokenTree::Group(group)) = tokens.get(at + 1) {
                        let text = group.stream().to_string();
                        tested |= text.starts_with("cfg") && text.contains("test");
                        self.attribute(module, group, is_test, &mut file_names);
                        at += 2;
                        continue;
                    }
                    at += 1;
                }
                TokenTree::Ident(ident) if ident == "mod" && word(at + 1).is_some() => {
                    let name = word(at + 1).unwrap_or_default();
                    let parent = &self.modules[module];
                    let (mut path, file) = (parent.path.clone(), parent.file.clone());
                    if !file_names.is_empty() {
                        let mut names = std::mem::take(&mut file_names);
                        names.push(name.clone());
                        self.modules[module].renamed.insert(name.clone(), names);
                    }
                    path.push(name);
                    match tokens.get(at + 2) {
                        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
                            let is_test = is_test || tested;
                            let inner = self.add(path, &file, is_test);
                            self.walk(inner, body.stream(), is_test, test_files);
                        }
                        _ if tested => drop(test_files.insert(path)),
                        _ => {}
                    }
                    tested = false;
                    at += 3;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    let end = (at..tokens.len()).find(|end| is_punct(&tokens[*end], ';'));
                    // `use<'a>` in a type ends no statement.
                    let end =
                        end.filter(|_| !tokens.get(at + 1).is_some_and(|next| is_punct(next, '<')));
                    let Some(end) = end else {
                        at += 1;
                        continue;
                    };
                    let line = ident.span().start().line;
                    let is_test = is_test || tested;
                    self.use_tree(module, &tokens[at + 1..end], &[], line, is_test);
                    tested = false;
                    at = end + 1;
                }
                TokenTree::Ident(ident) => {
                    let line = ident.span().start().line;
                    let mut path = vec![ident.to_string()];
                    at += 1;
                    while is_colons(&tokens, at) && word(at + 2).is_some() {
                        path.extend(word(at + 2));
                        at += 3;
                    }
                    // A group behind the path is a tree of `use` that a macro puts together.
                    if is_colons(&tokens, at) {
                        let end = tokens.len().min(at + 3);
                        self.use_tree(module, &tokens[at + 2..end], &path, line, is_test);
                    }
                    if path.len() > 1 {
                        let it = Use {
                            path,
                            line,
                            is_test,
                        };
                        self.modules[module].paths.push(it);
                    }
                }
                TokenTree::Group(group) => {
                    let is_test = is_test || (tested && group.delimiter() == Delimiter::Brace);
                    self.walk(module, group.stream(), is_test, test_files);
                    if group.delimiter() == Delimiter::Brace {
                        tested = false;
                        file_names.clear();
                    }
                    at += 1;
                }
                _ => {
                    if is_punct(token, ';') {
                        tested = false;
                        file_names.clear();
                    }
                    at += 1;
                }
            }
        }
    }

    /// Texts in attributes may be paths: `#[serde(with = "json::bytes")]`.
    fn attribute(
        &mut self,
        module: usize,
        group: &Group,
        is_test: bool,
        file_names: &mut Vec<String>,
    ) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let first = tokens.first().map(ToString::to_string).unwrap_or_default();
        if first == "doc" {
            return;
        }
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(inner) => self.attribute(module, inner, is_test, file_names),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    let text = text.trim_matches('"');
                    let key = at.checked_sub(2).map(|key| tokens[key].to_string());
                    if key.as_deref() == Some("path") {
                        file_names.push(text.trim_end_matches(".rs").to_owned());
                    } else if text.contains("::")
                        && !text.contains(' ')
                        && let Ok(inner) = text.parse::<TokenStream>()
                    {
                        let line = literal.span().start().line;
                        let path = inner.into_iter().filter_map(|token| match token {
                            TokenTree::Ident(ident) => Some(ident.to_string()),
                            _ => None,
                        });
                        let path = path.collect();
                        self.modules[module].paths.push(Use {
                            path,
                            line,
                            is_test,
                        });
                    }
                }
                _ => {}
            }
        }
    }

    /// Binds the names of a tree such as `crate::{a::B, c::{self as d, *}}`.
    fn use_tree(
        &mut self,
        module: usize,
        tokens: &[TokenTree],
        before: &[String],
        line: usize,
        is_test: bool,
    ) {
        let mut path = before.to_vec();
        let mut name = None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(ident) if ident == "as" => {
                    name = tokens.get(at + 1).map(ToString::to_string);
                    at += 1;
                }
                TokenTree::Ident(ident) if ident == "self" && !path.is_empty() => {}
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == '*' => {
                    self.modules[module].globs.push(Use {
                        path,
                        line,
                        is_test,
                    });
                    return;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for tree in inner.split(|token| is_punct(token, ',')) {
                        if let Some(first) = tree.first() {
                            let line = first.span().start().line;
                            self.use_tree(module, tree, &path, line, is_test);
                        }
                    }
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        let name = name.or(path.last().cloned()).unwrap_or_default();
        let it = Use {
            path,
            line,
            is_test,
        };
        self.modules[module].bound.entry(name).or_default().push(it);
    }

    /// Every module on the way of a path, and where the path leads outside, its full name there.
    fn resolve(
        &self,
        module: usize,
        path: &[String],
        seen: &mut BTreeSet<(usize, String)>,
        met: &mut BTreeSet<usize>,
        outside: &mut BTreeSet<String>,
    ) {
        let mut here = module;
        let mut rest = path;
        let mut is_first = true;
        loop {
            let Some((name, more)) = rest.split_first() else {
                return;
            };
            let next = match name.as_str() {
                "crate" if is_first => self.by_path.get(&Vec::new()).copied(),
                "self" if is_first => Some(here),
                "super" => {
                    let mut parent = self.modules[here].path.clone();
                    parent.pop();
                    self.by_path.get(&parent).copied()
                }
                name => {
                    if !seen.insert((here, name.to_owned())) {
                        return;
                    }
                    let children = self.modules[here]
                        .children
                        .get(name)
                        .map_or(&[][..], Vec::as_slice);
                    let bound = self.modules[here].bound.get(name).into_iter().flatten();
                    let mut found = !children.is_empty();
                    for it in bound {
                        // `use name::more` binds `more`; what it is called here is not in it.
                        let whole = [&it.path, more].concat();
                        self.resolve(here, &whole, seen, met, outside);
                        found = true;
                    }
                    for glob in &self.modules[here].globs {
                        if !found || !is_first {
                            let whole = [&glob.path, rest].concat();
                            self.resolve(here, &whole, seen, met, outside);
                        }
                    }
                    if is_first && !found {
                        outside.insert(path.join("::"));
                    }
                    for child in children.iter().skip(1) {
                        met.insert(*child);
                        self.resolve(*child, more, seen, met, outside);
                    }
                    children.first().copied()
                }
            };
            let Some(next) = next else { return };
            if next != module {
                met.insert(next);
            }
            (here, rest, is_first) = (next, more, false);
        }
    }

    /// Calls `take` with each path that is written, the modules on its way, and where it leads
    /// outside.
    fn each(&self, mut take: impl FnMut(&Module, &Use, BTreeSet<usize>, BTreeSet<String>)) {
        for (number, module) in self.modules.iter().enumerate() {
            let bound = module.bound.values().flatten();
            for it in bound.chain(&module.globs).chain(&module.paths) {
                let (mut met, mut outside) = (BTreeSet::new(), BTreeSet::new());
                let mut seen = BTreeSet::new();
                self.resolve(number, &it.path, &mut seen, &mut met, &mut outside);
                take(module, it, met, outside);
            }
        }
    }

    fn arrows(&self) -> Vec<Arrow<'_>> {
        let mut arrows = Vec::new();
        self.each(|from, it, met, _| {
            let from = self.by_path.get(&from.path).map(|it| &self.modules[*it]);
            for to in met {
                let to = &self.modules[to];
                if let Some(from) = from
                    && from.file != to.file
                {
                    let (line, is_test) = (it.line, it.is_test || from.is_test);
                    arrows.push(Arrow {
                        from,
                        line,
                        is_test,
                        to,
                    });
                }
            }
        });
        arrows
    }
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |at: usize| tokens.get(at).is_some_and(|token| is_punct(token, ':'));
    colon(at) && colon(at + 1)
}

fn rank(room: &str) -> Option<usize> {
    ORDER.iter().position(|rooms| rooms.contains(&room))
}

/// Everything that is wrong with these files, by their names below `src/`.
fn violations(sources: &BTreeMap<String, String>) -> Vec<String> {
    let all = Crate::read(sources);
    let mut found = BTreeSet::new();
    for module in &all.modules {
        if let Some(room) = module.path.first()
            && rank(room).is_none()
        {
            found.insert(format!(
                "src/{}: the room {room} has no place in the order",
                module.file
            ));
        }
        // Its names could not be followed.
        for glob in &module.globs {
            let is_root = glob.path == ["crate"]
                || (glob.path.len() == module.path.len()
                    && glob.path.iter().all(|name| name == "super"));
            if is_root {
                let place = format!("src/{}:{}", module.file, glob.line);
                found.insert(format!(
                    "{place}: a glob of the root hides which rooms are used"
                ));
            }
        }
    }
    let arrows = all.arrows();
    for Arrow {
        from,
        line,
        is_test,
        to,
    } in &arrows
    {
        let (Some(room), Some(other)) = (from.path.first(), to.path.first()) else {
            continue;
        };
        if room == other {
            continue;
        }
        let place = format!("src/{}:{line}: {room} uses {other}", from.file);
        if let (Some(own), Some(used)) = (rank(room), rank(other))
            && own <= used
        {
            let order: Vec<String> = ORDER.iter().map(|rooms| rooms.join(" | ")).collect();
            let order = order.join(" < ");
            found.insert(format!(
                "{place}, which does not come before it in the order {order}"
            ));
        }
        for (_, _, why) in FORBIDDEN
            .iter()
            .filter(|(from, to, _)| !is_test && (*from, *to) == (room, other))
        {
            found.insert(format!("{place}: {why}"));
        }
    }
    all.each(|module, it, _, outside| {
        let may = module.file.starts_with("world/system")
            || module.is_test
            || it.is_test
            || REACH_OUTSIDE
                .iter()
                .any(|(room, _)| module.path.first().is_some_and(|own| own == room));
        let reaches = |name: &String| {
            let begins = |beginning: &&&str| {
                let rest = name.strip_prefix(**beginning);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            };
            OUTSIDE.iter().find(begins).is_some()
        };
        for name in outside.iter().filter(|name| !may && reaches(name)) {
            let place = format!("src/{}:{}", module.file, it.line);
            found.insert(format!("{place}: {name} reaches the operating system"));
        }
    });
    found.extend(circles(&arrows));
    found.into_iter().collect()
}

/// The file that stands for a room or a part of one: `gate.rs`, `capability/mod.rs`.
fn is_front(front: &Module, of: &Module) -> bool {
    of.path.len() > front.path.len() && of.path.starts_with(&front.path)
}

/// Files of one room that use each other in a circle. The front of a room makes its interface out of
/// the files below it, so an arrow between a front and what is below it is none of these.
fn circles(arrows: &[Arrow<'_>]) -> Vec<String> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Arrow {
        from, to, is_test, ..
    } in arrows
    {
        let same = from.path.first() == to.path.first();
        if same && !is_test && !is_front(from, to) && !is_front(to, from) {
            uses.entry(&from.file).or_default().insert(&to.file);
        }
    }
    let reach = |start: &str| {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(file) = open.pop() {
            for next in uses.get(file).into_iter().flatten() {
                if reached.insert(*next) {
                    open.push(next);
                }
            }
        }
        reached
    };
    let mut found = BTreeSet::new();
    for file in uses.keys() {
        let reached = reach(file);
        if reached.contains(file) {
            let circle: BTreeSet<&str> = reached
                .into_iter()
                .filter(|other| reach(other).contains(file))
                .collect();
            found.insert(circle);
        }
    }
    let found: BTreeSet<Vec<&str>> = found
        .into_iter()
        .map(|circle| circle.into_iter().collect())
        .collect();
    let known = |circle: &[&str]| CIRCLES.iter().any(|(known, _)| *known == circle);
    let new = found.iter().filter(|circle| !known(circle));
    let new = new.map(|circle| format!("files use each other in a circle: {}", circle.join(", ")));
    let gone = CIRCLES.iter().filter(|(known, _)| !found.contains(*known));
    let gone = gone.map(|(known, _)| format!("no circle any more: {}", known.join(", ")));
    new.chain(gone).collect()
}

/// The files of the library by their names below `src/`.
fn sources() -> BTreeMap<String, String> {
    fn add(directory: &Path, name: &str, sources: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            let name = format!("{name}{file}");
            if path.is_dir() {
                // The command line and the C interface are above the library.
                if name != "bin" && name != "capi" {
                    add(&path, &format!("{name}/"), sources);
                }
            } else if name.ends_with(".rs") {
                sources.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = BTreeMap::new();
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    add(&src, "", &mut sources);
    sources
}

#[test]
fn no_arrow_turns_back() {
    let found = violations(&sources());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// One violation of each kind: the file that it is added to, what is added, and what is reported.
const PLANTED: &[(&str, &str, &str)] = &[
    (
        "effect/net.rs",
        "use crate::{printable::Text, gate::{Checkpoint as C, custom::{self as functions}}};",
        "effect uses gate",
    ),
    (
        "capability/fs.rs",
        "fn planted() { use std as s; use super::super::runtime as top; top::Runtime::new(); }",
        "capability uses runtime",
    ),
    (
        "room/json_len.rs",
        "fn planted() { let _ = 1 + crate::error::INSTANTIATE.len(); }",
        "room uses error",
    ),
    (
        "limits/module.rs",
        "fn planted(it: Option<&crate::module::Baked>) {}",
        "limits uses module",
    ),
    (
        "error/problem.rs",
        "use crate::Runtime as Planted;",
        "error uses runtime",
    ),
    (
        "answer/v2.rs",
        "use crate::*; fn planted(it: Plugin) {}",
        "a glob of the root",
    ),
    (
        "answer/host_version.rs",
        "fn planted() { use super::super::*; }",
        "a glob of the root",
    ),
    (
        "printable.rs",
        "use crate::{plugin::*}; fn planted() { config::Config::new(); }",
        "printable uses plugin",
    ),
    (
        "guest/buffers.rs",
        "macro_rules! planted { ($a:ident) => { $crate::world::$a() } }",
        "guest uses world",
    ),
    (
        "gate/link.rs",
        "fn planted() { vec![Some(crate::guest::Stop::from(1))]; }",
        "gate uses guest",
    ),
    (
        "schema/words.rs",
        "#[derive(Clone)] struct Planted { #[serde(with = \"crate::replay::lines\")] a: u8 }",
        "schema uses replay",
    ),
    (
        "redact/pem.rs",
        "mod planted { mod inner { pub(super) use super::super::super::super::inspect::Import; } }",
        "redact uses inspect",
    ),
    (
        "module/bake.rs",
        "impl crate::gate::World for () {}",
        "module uses gate",
    ),
    (
        "inspect.rs",
        "fn planted() { match 1 { crate::plugin::ForkPolicy::Never => {} } }",
        "inspect uses plugin",
    ),
    (
        "sync/once.rs",
        "#[cfg(test)] mod planted { use crate::replay::Replay; }",
        "sync uses replay",
    ),
    (
        "imports/host/env.rs",
        "use crate::capability::Request as Planted;",
        "the gate decides",
    ),
    (
        "imports/wasi/args.rs",
        "use crate::Grants;",
        "the gate decides",
    ),
    (
        "runtime/builder.rs",
        "fn planted() { use std::{time, fs as files}; time::Instant::now(); }",
        "std::time::Instant::now reaches the operating system",
    ),
    (
        "plugin/config.rs",
        "use std::net::{IpAddr, TcpStream};",
        "std::net::TcpStream reaches the operating system",
    ),
    (
        "helpers.rs",
        "",
        "the room helpers has no place in the order",
    ),
    (
        "gate/journal.rs",
        "use super::reports::Reports; ",
        "files use each other in a circle: gate/journal.rs, gate/reports.rs",
    ),
    (
        "gate/reports.rs",
        "use crate::gate::journal::At;",
        "files use each other in a circle: gate/journal.rs, gate/reports.rs",
    ),
];

#[test]
fn an_arrow_that_turns_back_is_found_wherever_it_is_written() {
    let mut copy = sources();
    let mut expected = Vec::new();
    for (file, planted, report) in PLANTED {
        let text = copy.entry((*file).to_owned()).or_default();
        let line = text.lines().count() + 1;
        text.push_str(planted);
        text.push('\n');
        let place = match planted.is_empty() || report.starts_with("files") {
            true => String::new(),
            false => format!("src/{file}:{line}: "),
        };
        expected.push((place, *report));
    }
    let found = violations(&copy);
    for (place, report) in &expected {
        let is_it = |found: &&String| found.starts_with(place) && found.contains(report);
        assert!(
            found.iter().find(is_it).is_some(),
            "{place}{report} was not found among\n{}",
            found.join("\n")
        );
    }
}
