//! Writes the seeds of every target into `<folder>/<target>/`.

use std::{env, fs, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: seeds FOLDER");
        return ExitCode::from(2);
    };
    for (target, _) in tollgate_fuzz::TARGETS {
        let folder = folder.join(target);
        let written = fs::create_dir_all(&folder).and_then(|()| {
            let seeds = tollgate_fuzz::seeds(target);
            let mut seeds = seeds.iter().enumerate();
            seeds.try_for_each(|(number, seed)| {
                fs::write(folder.join(format!("seed-{number}")), seed)
            })
        });
        if let Err(error) = written {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
