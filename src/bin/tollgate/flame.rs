//! Call paths as a tree: drawn as a flame graph, or written as folded lines.
//!
//! The drawing is this crate's own: it is a page of code, where the crate `inferno` brings fifteen crates and another
//! licence.

use crate::{
    look::{escaped, percent, short},
    profile::phases,
};
use std::collections::BTreeMap;
use tollgate::{
    inspect::{PhaseProfile, Profile},
    printable::counted,
};

/// Call paths of both phases, below one root.
pub struct Tree {
    /// Callers come before what they call.
    nodes: Vec<Node>,
    /// Whether it is compared with an older profile.
    compares: bool,
}

#[derive(Default)]
struct Node {
    name: String,
    is_host: bool,
    caller: usize,
    depth: usize,
    calls: u64,
    bytes: u64,
    /// Burnt by itself, now and before.
    fuel: [u64; 2],
    /// Burnt by it and all that it called.
    total: [u64; 2],
}

type Numbers = BTreeMap<(usize, String, bool), usize>;

impl Tree {
    pub fn new(profile: &Profile, old: Option<&Profile>) -> Tree {
        let mut tree = Tree {
            nodes: vec![Node {
                name: "all".to_owned(),
                ..Node::default()
            }],
            compares: old.is_some(),
        };
        let mut numbers = Numbers::new();
        for (which, profile) in [Some(profile), old].into_iter().enumerate() {
            for (name, phase) in profile.into_iter().flat_map(phases) {
                tree.add(name, phase, which, &mut numbers);
            }
        }
        for at in (0..tree.nodes.len()).rev() {
            let Some(node) = tree.nodes.get_mut(at) else {
                continue;
            };
            for (total, fuel) in node.total.iter_mut().zip(node.fuel) {
                *total += fuel;
            }
            let (caller, total) = (node.caller, node.total);
            if let Some(caller) = tree.nodes.get_mut(caller).filter(|_| at > 0) {
                for (sum, total) in caller.total.iter_mut().zip(total) {
                    *sum += total;
                }
            }
        }
        tree
    }

    /// Adds paths as those of now (0) or of before (1).
    fn add(&mut self, name: &str, phase: &PhaseProfile, which: usize, numbers: &mut Numbers) {
        let mut places: Vec<usize> = Vec::with_capacity(phase.paths.len());
        for path in &phase.paths {
            let function = path.function.and_then(|at| phase.functions.get(at));
            let caller = path.caller.and_then(|at| places.get(at).copied());
            let caller = caller.unwrap_or(0);
            let key = match function {
                Some(function) => (caller, short(&function.name), function.is_host),
                None => (caller, name.to_owned(), false),
            };
            let depth = self.nodes.get(caller).map_or(0, |node| node.depth);
            let number = *numbers.entry(key).or_insert_with_key(|(_, name, is_host)| {
                self.nodes.push(Node {
                    name: name.clone(),
                    is_host: *is_host,
                    caller,
                    depth: depth + 1,
                    ..Node::default()
                });
                self.nodes.len() - 1
            });
            places.push(number);
            let Some(node) = self.nodes.get_mut(number) else {
                continue;
            };
            if let Some(fuel) = node.fuel.get_mut(which) {
                *fuel += path.fuel;
            }
            if which == 0 {
                node.calls += path.calls;
                node.bytes += path.bytes;
            }
        }
    }

    /// A line for each path: the names from the outermost on, and its fuel; where two profiles are compared, that of
    /// before first.
    pub fn folded(&self) -> String {
        let mut text = String::new();
        for node in self.nodes.iter().skip(1) {
            let [now, before] = node.fuel;
            if now == 0 && before == 0 {
                continue;
            }
            let mut names = Vec::new();
            let mut next = Some(node);
            while let Some(node) = next.filter(|node| node.depth > 0) {
                names.push(node.name.replace(';', ":"));
                next = self.nodes.get(node.caller);
            }
            names.reverse();
            let path = names.join(";");
            match self.compares {
                true => text.push_str(&format!("{path} {before} {now}\n")),
                false => text.push_str(&format!("{path} {now}\n")),
            }
        }
        text
    }

    /// Where each node is drawn from left to right, as shares of all: its beginning and its width. Callers are as wide
    /// as what they called and burnt.
    fn places(&self) -> Vec<(f64, f64)> {
        let all = self.total().max(1);
        let mut called: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate().skip(1) {
            if let Some(calls) = called.get_mut(node.caller) {
                calls.push(at);
            }
        }
        let mut places = vec![(0.0, 0.0); self.nodes.len()];
        let mut beginnings = vec![0.0; self.nodes.len()];
        for (at, node) in self.nodes.iter().enumerate() {
            let mut next = beginnings.get(at).copied().unwrap_or(0.0);
            let [total, _] = node.total;
            if let Some(place) = places.get_mut(at) {
                *place = (next, percent(total, all) / 100.0);
            }
            let mut calls = called.get_mut(at).map(std::mem::take).unwrap_or_default();
            let name = |at: &usize| self.nodes.get(*at).map(|node| node.name.as_str());
            calls.sort_by(|one, other| name(one).cmp(&name(other)));
            for call in calls {
                if let Some(beginning) = beginnings.get_mut(call) {
                    *beginning = next;
                }
                let [total, _] = self.nodes.get(call).map_or([0; 2], |node| node.total);
                next += percent(total, all) / 100.0;
            }
        }
        places
    }

    fn total(&self) -> u64 {
        self.nodes.first().map_or(0, |root| {
            let [total, _] = root.total;
            total
        })
    }

    /// A flame graph, whose script searches and zooms.
    pub fn svg(&self) -> String {
        const WIDTH: f64 = 1200.0;
        const MARGIN: f64 = 10.0;
        const ROW: usize = 17;
        const TOP: usize = 44;
        // Narrower ones are not drawn.
        const NARROWEST: f64 = 0.1;
        let drawn = WIDTH - 2.0 * MARGIN;
        let places = self.places();
        let is_drawn = |width: f64| width * drawn >= NARROWEST;
        let shown = || self.nodes.iter().zip(&places);
        let deepest = shown()
            .filter(|(_, (_, width))| is_drawn(*width))
            .map(|(node, _)| node.depth)
            .max()
            .unwrap_or(0);
        let height = TOP + (deepest + 1) * ROW + 10;
        let largest = self.nodes.iter().map(|node| node.change().unsigned_abs());
        let largest = largest.max().unwrap_or(0).max(1);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"monospace\" font-size=\"11\">\n\
             <style>rect {{ stroke: #fff; stroke-width: .5 }} text {{ pointer-events: none }} .f {{ cursor: pointer }} .above rect {{ opacity: .5 }} .found rect {{ fill: #c3f }}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"{MARGIN}\" y=\"18\" font-size=\"14\">{} units of fuel</text>\n\
             <text x=\"{MARGIN}\" y=\"34\" id=\"note\" fill=\"#666\">click to zoom; Ctrl+F to search; functions of the host are green</text>\n",
            self.total()
        );
        for (node, (begins, width)) in shown().filter(|(_, (_, width))| is_drawn(*width)) {
            let x = MARGIN + begins * drawn;
            let wide = width * drawn;
            let y = TOP + (deepest - node.depth) * ROW;
            let letters = fitting(wide);
            let label: String = match letters {
                0..3 => String::new(),
                letters if node.name.chars().count() > letters => {
                    node.name.chars().take(letters - 1).chain(['…']).collect()
                }
                _ => node.name.clone(),
            };
            svg.push_str(&format!(
                "<g class=\"f\" data-x=\"{begins:.6}\" data-w=\"{width:.6}\" data-d=\"{}\" data-n=\"{}\"><title>{}</title><rect x=\"{x:.1}\" y=\"{y}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{}\">{}</text></g>\n",
                node.depth,
                escaped(&node.name),
                escaped(&self.title(node)),
                ROW - 1,
                node.colour(self.compares, largest),
                x + 3.0,
                y + 12,
                escaped(&label),
            ));
        }
        svg.push_str("<script><![CDATA[\n");
        svg.push_str(include_str!("flame.js"));
        svg.push_str("]]></script>\n</svg>\n");
        svg
    }

    fn title(&self, node: &Node) -> String {
        let [total, before] = node.total;
        let mut title = format!(
            "{}: {total} units, {:.2} %",
            node.name,
            percent(total, self.total())
        );
        if self.compares {
            title.push_str(&format!(", {before} before ({:+})", node.change()));
        }
        if node.depth > 1 {
            let [own, _] = node.fuel;
            title.push_str(&format!(
                ", {own} by itself, {}",
                counted(node.calls, "call")
            ));
        }
        if node.bytes > 0 {
            title.push_str(&format!(", {}", counted(node.bytes, "byte")));
        }
        title
    }
}

/// How many letters fit into a frame.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and 200"
)]
fn fitting(width: f64) -> usize {
    ((width - 6.0) / 6.7).clamp(0.0, 200.0) as usize
}

impl Node {
    fn change(&self) -> i128 {
        let [now, before] = self.total;
        i128::from(now) - i128::from(before)
    }

    /// Red for what costs more, blue for what costs less; else by name, and green for the host's.
    fn colour(&self, compares: bool, largest: u128) -> String {
        if compares {
            let share = self.change().unsigned_abs().saturating_mul(180) / largest;
            let fade = 240 - share.min(180);
            return match self.change() {
                0 => "#eee".to_owned(),
                1.. => format!("rgb(255,{fade},{fade})"),
                _ => format!("rgb({fade},{fade},255)"),
            };
        }
        let hash = self.name.bytes().fold(7_u32, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(byte.into())
        });
        match self.is_host {
            true => format!("rgb({},{},120)", 90 + hash % 40, 190 + hash / 40 % 40),
            false => format!(
                "rgb({},{},{})",
                225 + hash % 30,
                110 + hash / 30 % 110,
                60 + hash / 3300 % 40
            ),
        }
    }
}
