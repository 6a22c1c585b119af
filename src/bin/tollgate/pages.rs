//! Coverage as pages for a browser: one with all files and functions, and one for each file, with its source where
//! that is known.

use crate::{
    coverage::lines_of,
    look::{escaped, percent, short},
};
use std::{
    fs,
    io::Read as _,
    path::{Component, Path},
};
use tollgate::{
    inspect::{Coverage, Covered, FileCoverage, Symbols},
    printable::{Printable, counted},
};

const STYLE: &str = "body { font: 14px sans-serif; margin: 2em } table { border-collapse: collapse } \
    td, th { padding: 1px 8px; text-align: right } th:last-child, td:last-child { text-align: left } \
    pre { margin: 0 } .ran { background: #dfd } .never { background: #fdd } .count { color: #666 }";

/// The largest source file that is shown, in bytes.
const LARGEST: u64 = 8 << 20;

/// All pages, each with the name of its file.
pub fn all(
    coverage: &Coverage,
    symbols: &Symbols,
    sources: Option<&Path>,
) -> Vec<(String, String)> {
    let mut pages = vec![("index.html".to_owned(), index(coverage))];
    for (number, file) in coverage.files.iter().enumerate() {
        let source = match symbols.source(file.name.as_str()) {
            Some(source) => Some(source.to_owned()),
            None => sources.and_then(|directory| read(directory, file.name.as_str())),
        };
        pages.push((page_name(number), page(coverage, file, source.as_deref())));
    }
    pages
}

/// Names of files come from the module, so pages have numbers.
fn page_name(number: usize) -> String {
    format!("file{number}.html")
}

/// Reads a source file that is below a directory, also behind links: the module is untrusted, and names it.
fn read(directory: &Path, name: &str) -> Option<String> {
    let name = Path::new(name);
    let is_below = name
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let path = fs::canonicalize(directory.join(name)).ok()?;
    if !is_below || !path.starts_with(fs::canonicalize(directory).ok()?) || !path.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(LARGEST).read_to_string(&mut text).ok()?;
    Some(text)
}

fn document(title: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n{body}</body></html>\n"
    )
}

fn row(Covered { ran, all, .. }: Covered, name: &str) -> String {
    let class = match (ran, all) {
        (0, 1..) => "never",
        (ran, all) if ran == all => "ran",
        _ => "",
    };
    format!(
        "<tr class=\"{class}\"><td>{ran}</td><td>{all}</td><td>{:.1} %</td><td>{name}</td></tr>\n",
        percent(ran, all)
    )
}

const HEAD: &str = "<table><tr><th>ran</th><th>of</th><th></th><th></th></tr>\n";

fn index(coverage: &Coverage) -> String {
    let totals = &coverage.totals;
    let mut body = HEAD.to_owned();
    for (covered, name) in [
        (totals.functions, "functions"),
        (totals.blocks, "blocks"),
        (totals.branches, "branches, both ways"),
        (totals.lines, "lines"),
    ] {
        body.push_str(&row(covered, name));
    }
    body.push_str("</table>\n<h2>Lines by file</h2>\n");
    body.push_str(HEAD);
    for (number, file) in coverage.files.iter().enumerate() {
        let name = escaped(&short(&file.name));
        let link = format!("<a href=\"{}\">{name}</a>", page_name(number));
        body.push_str(&row(lines_of(file), &link));
    }
    body.push_str("</table>\n<h2>Blocks by function</h2>\n");
    body.push_str(HEAD);
    for function in &coverage.functions {
        let mut blocks = Covered::default();
        blocks.all = function.blocks.len() as u64;
        blocks.ran = function.blocks.iter().filter(|it| it.count > 0).count() as u64;
        let calls = counted(function.calls, "call");
        let name = escaped(&short(&function.name));
        body.push_str(&row(blocks, &format!("{name}, {calls}")));
    }
    body.push_str("</table>\n");
    let runs = counted(coverage.runs, "run");
    document(&format!("Coverage of {runs}"), &body)
}

fn page(coverage: &Coverage, file: &FileCoverage, source: Option<&str>) -> String {
    let Covered { ran, all, .. } = lines_of(file);
    let mut body = format!(
        "<p>{ran} of {} ran, {:.1} %. <a href=\"index.html\">All files</a></p>\n",
        counted(all, "line"),
        percent(ran, all)
    );
    if source.is_none() {
        body.push_str("<p>The source is not known: embed it (<code>-gembed-source</code>), or give its directory with <code>--source</code>.</p>\n");
    }
    body.push_str("<table>\n");
    let counts = file.lines.iter().map(|line| (line.line, line.count));
    match source {
        Some(source) => {
            let counts: std::collections::BTreeMap<u32, u64> = counts.collect();
            for (line, text) in (1..).zip(source.lines()) {
                // One escaped line is cut where it is too long.
                let text = Printable(text.replace('\t', "    ")).to_string();
                body.push_str(&source_row(line, counts.get(&line).copied(), &text));
            }
        }
        None => {
            for (line, count) in counts {
                body.push_str(&source_row(line, Some(count), ""));
            }
        }
    }
    body.push_str("</table>\n");
    let mut ways = Vec::new();
    for branch in coverage.functions.iter().flat_map(|it| &it.branches) {
        if let Some(line) = branch.line
            && branch.file.as_ref() == Some(&file.name)
            && (branch.taken == 0) != (branch.not_taken == 0)
        {
            let way = if branch.taken == 0 { "true" } else { "false" };
            ways.push((line, way));
        }
    }
    if !ways.is_empty() {
        body.push_str("<h2>Branches that went one way only</h2>\n<ul>\n");
        ways.sort_unstable();
        ways.dedup();
        for (line, way) in ways {
            body.push_str(&format!(
                "<li><a href=\"#L{line}\">line {line}</a>: a condition was never {way}</li>\n"
            ));
        }
        body.push_str("</ul>\n");
    }
    document(&short(&file.name), &body)
}

fn source_row(line: u32, count: Option<u64>, text: &str) -> String {
    let (class, count) = match count {
        Some(0) => ("never", "0".to_owned()),
        Some(count) => ("ran", count.to_string()),
        None => ("", String::new()),
    };
    format!(
        "<tr class=\"{class}\" id=\"L{line}\"><td class=\"count\">{line}</td><td class=\"count\">{count}</td><td><pre>{}</pre></td></tr>\n",
        escaped(text)
    )
}
