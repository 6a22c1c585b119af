//! One chart: how many times as long the others take, on a logarithmic scale.

use crate::{
    contender::*,
    report::{Measured, median},
};
use std::fmt::Write as _;

/// The rows of the chart.
const KEYS: [&str; 6] = ["a-tiny", "a-go", "c-tiny", "c-go", "d-call", "e-sha256"];
const OTHERS: [(Contender, &str); 10] = [
    (WASMI_FAST, "#8d99ae"),
    (CRANELIFT, "#457b9d"),
    (POOLING, "#1d3557"),
    (WINCH, "#6a994e"),
    (PULLEY, "#a7c957"),
    (WASM3, "#e9c46a"),
    (TINYWASM, "#f4a261"),
    (WAZERO, "#d62828"),
    (WAZERO_INTERPRETED, "#f77f7f"),
    (EXTISM, "#9d4edd"),
];

const LEFT: f64 = 190.0;
const WIDTH: f64 = 600.0;
const BAR: f64 = 13.0;

/// Bars to the right are slower than tollgate's fast build, to the left faster.
pub fn svg(rows: &[Measured<'_>]) -> String {
    let mut groups = Vec::new();
    for key in KEYS {
        let Some((row, _)) = rows.iter().find(|(row, _)| row.key == key) else {
            continue;
        };
        let Some(ours) = median(rows, key, &TOLLGATE_FAST) else {
            continue;
        };
        let bars: Vec<(Contender, &str, f64)> = OTHERS
            .iter()
            .filter_map(|(other, colour)| Some((*other, *colour, median(rows, key, other)? / ours)))
            .collect();
        groups.push((row.title, bars));
    }
    let ratios = || {
        groups
            .iter()
            .flat_map(|(_, bars)| bars.iter().map(|(_, _, ratio)| *ratio))
    };
    let low = ratios().fold(1.0f64, f64::min).log10().floor();
    let high = ratios().fold(10.0f64, f64::max).log10().ceil();
    let x = |ratio: f64| LEFT + WIDTH * (ratio.log10() - low) / (high - low);
    let count: usize = groups.iter().map(|(_, bars)| bars.len()).sum();
    let height = 60.0 + count as f64 * BAR + groups.len() as f64 * 14.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"13\">Time of others, in times of tollgate's (fast \
         dispatch): right of 1 is slower</text>\n",
        LEFT + WIDTH + 130.0,
    );
    let mut power = low;
    while power <= high {
        let (at, ratio) = (x(10f64.powf(power)), 10f64.powf(power));
        let colour = if power == 0.0 { "#000" } else { "#ddd" };
        let _ = writeln!(
            text,
            "<line x1=\"{at:.1}\" y1=\"40\" x2=\"{at:.1}\" y2=\"{height:.0}\" stroke=\"{colour}\"/>\
             <text x=\"{at:.1}\" y=\"35\" text-anchor=\"middle\">{ratio}</text>"
        );
        power += 1.0;
    }
    let mut y = 50.0;
    for (title, bars) in &groups {
        let _ = writeln!(
            text,
            "<text x=\"8\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>",
            y + BAR - 3.0
        );
        for (contender, colour, ratio) in bars {
            let (from, to) = (x(1.0).min(x(*ratio)), x(1.0).max(x(*ratio)));
            let _ = writeln!(
                text,
                "<rect x=\"{from:.1}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{:.0}\">{} {}</text>",
                (to - from).max(1.0),
                BAR - 2.0,
                to + 4.0,
                y + BAR - 3.0,
                contender.name,
                short(*ratio),
            );
            y += BAR;
        }
        y += 14.0;
    }
    text.push_str("</svg>\n");
    text
}

fn short(ratio: f64) -> String {
    if ratio < 10.0 {
        format!("{ratio:.2}×")
    } else {
        format!("{ratio:.0}×")
    }
}
