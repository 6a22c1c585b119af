//! What the inputs of a corpus show together: the fewest of them that show it, and a report of it.

use super::{
    args::FuzzArgs,
    corpus::range,
    target::{Plugins, Target, With},
};
use crate::{
    Exit, Failure, coverage as report, files,
    output::{complain, print_line},
    pages,
};
use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tollgate::{
    Config,
    inspect::{Coverage, Symbols},
    printable::counted,
    replay::{Replay, ReplayError},
};

/// The inputs of a directory, in the order of their names.
pub fn inputs(directory: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let failed = |error: io::Error| Failure::file(directory, error);
    fs::create_dir_all(directory).map_err(failed)?;
    let entries = fs::read_dir(directory).map_err(failed)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    paths.retain(|path| path.is_file());
    let read = paths.into_iter().map(|path| match fs::read(&path) {
        Ok(input) => Ok((path, input)),
        Err(error) => Err(Failure::file(&path, error)),
    });
    read.collect()
}

/// The inputs of the corpus.
fn corpus(args: &FuzzArgs) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    inputs(args.corpus.as_deref().unwrap_or_else(|| Path::new(".")))
}

/// An edge, and a range of how often it was taken.
type Feature = (usize, u8);

/// Removes inputs that show nothing that others do not show.
pub fn minimize(args: &FuzzArgs, plugins: &Arc<Plugins>) -> Result<Exit, Failure> {
    let inputs = corpus(args)?;
    let mut target = Target::new(plugins)?;
    let mut shown: Vec<(usize, HashSet<Feature>)> = Vec::new();
    let mut failing = 0;
    for (number, (_, input)) in inputs.iter().enumerate() {
        if target.run(input, With::Counters)?.is_some() {
            failing += 1;
            continue;
        }
        let counters = target.counters(With::Counters).iter().enumerate();
        let features = counters.filter(|(_, hits)| **hits > 0);
        shown.push((
            number,
            features.map(|(edge, hits)| (edge, range(*hits))).collect(),
        ));
    }
    let all: HashSet<Feature> = shown.iter().flat_map(|(_, it)| it).copied().collect();
    let edges: HashSet<usize> = all.iter().map(|(edge, _)| *edge).collect();
    let count = shown.len();
    let kept = cover(shown, |number| {
        inputs.get(number).map_or(0, |(_, input)| input.len())
    });
    let mut removed = 0;
    for (number, (path, input)) in inputs.iter().enumerate() {
        if kept.contains(&number) || target.run(input, With::Counters)?.is_some() {
            continue;
        }
        fs::remove_file(path).map_err(|error| Failure::file(path, error))?;
        removed += 1;
    }
    print_line(format_args!(
        "kept {} of {count} inputs, which show all {} edges in {} ranges of hits; removed {removed}",
        kept.len(),
        edges.len(),
        all.len(),
    ))?;
    if failing > 0 {
        complain(format_args!(
            "{} that the plugin fails for stay as well",
            counted(failing, "input")
        ));
    }
    Ok(Exit::Success)
}

/// The numbers of few sets that have together what all have: the one that adds most is next, of those the shortest,
/// of those the first. Those that later ones made superfluous are left out again.
fn cover(sets: Vec<(usize, HashSet<Feature>)>, len: impl Fn(usize) -> usize) -> HashSet<usize> {
    let mut left = sets.clone();
    let mut chosen: Vec<usize> = Vec::new();
    let mut times: HashMap<Feature, u32> = HashMap::new();
    let all: HashMap<usize, HashSet<Feature>> = sets.into_iter().collect();
    let features = |number: &usize| all.get(number).into_iter().flatten();
    loop {
        for (_, set) in &mut left {
            set.retain(|feature| !times.contains_key(feature));
        }
        left.retain(|(_, set)| !set.is_empty());
        let best = left
            .iter()
            .min_by_key(|(number, set)| (usize::MAX - set.len(), len(*number), *number));
        let Some((number, _)) = best else {
            break;
        };
        for feature in features(number) {
            *times.entry(*feature).or_default() += 1;
        }
        chosen.push(*number);
    }
    chosen.retain(|number| {
        let is_needed = features(number).any(|feature| times.get(feature) == Some(&1));
        if !is_needed {
            for feature in features(number) {
                times.entry(*feature).and_modify(|times| *times -= 1);
            }
        }
        is_needed
    });
    chosen.into_iter().collect()
}

/// Reports what of the plugin the inputs of the corpus run.
pub fn coverage(
    args: &FuzzArgs,
    plugins: &Plugins,
    module: &[u8],
    to: Option<&Path>,
) -> Result<Exit, Failure> {
    let mut coverage = Coverage::default();
    let mut skipped = 0;
    for (path, input) in corpus(args)? {
        let config = std::str::from_utf8(plugins.config(&input)).ok();
        let Some(config) = config.and_then(|text| text.parse::<Config>().ok()) else {
            skipped += 1;
            continue;
        };
        let recording = plugins.plain.observe_recorded(&config, Vec::new());
        let recording = recording.map_err(|error| Failure::file(&path, error))?;
        if recording.sink.is_empty() {
            skipped += 1;
            continue;
        }
        let replay = Replay::read(recording.sink).map_err(ReplayError::from)?;
        if !coverage.add(&replay.coverage(&plugins.plain)?) {
            skipped += 1;
        }
    }
    if skipped > 0 {
        complain(format_args!(
            "{} are no configs, and are left out",
            counted(skipped, "input")
        ));
    }
    let write = |path: &Path, text: &str| {
        let written = files::write_whole(path, text.as_bytes());
        written.map_err(|error| Failure::file(path, error))
    };
    let extension = to.and_then(Path::extension).and_then(|it| it.to_str());
    match (to, extension) {
        (None, _) => {}
        (Some(path), Some("json")) => {
            let json = serde_json::to_string(&coverage).unwrap_or_default();
            write(path, &json)?;
        }
        (Some(path), Some("info")) => write(path, &report::lcov(&coverage))?,
        (Some(directory), _) => {
            fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
            for (name, page) in pages::all(&coverage, &Symbols::new(module), None) {
                write(&directory.join(name), &page)?;
            }
        }
    }
    for line in report::summary(&coverage).lines() {
        print_line(line)?;
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(sets: &[&[usize]], len: impl Fn(usize) -> usize) -> Vec<usize> {
        let sets = sets.iter().enumerate().map(|(number, set)| {
            let features = set.iter().map(|edge| (*edge, 1));
            (number, features.collect::<HashSet<Feature>>())
        });
        let mut kept: Vec<usize> = cover(sets.collect(), len).into_iter().collect();
        kept.sort_unstable();
        kept
    }

    #[test]
    fn few_sets_cover_all() {
        assert_eq!(
            covered(&[&[1, 2], &[3], &[1, 2, 3], &[4], &[]], |_| 1),
            [2, 3]
        );
        // Of those that show the same, the shortest.
        assert_eq!(covered(&[&[1, 2], &[1, 2]], |number| 9 - number), [1]);
        // The largest one is superfluous behind the others.
        let sets: [&[usize]; 3] = [&[2, 3, 4, 5], &[1, 2, 3], &[4, 5, 6]];
        assert_eq!(covered(&sets, |_| 1), [1, 2]);
    }
}
