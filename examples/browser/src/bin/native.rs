//! Runs on this machine what the page runs: `native REQUEST PLUGIN RECORDING` writes the recording. `test.sh` compares it
//! with the page's, byte for byte.

use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let [request, plugin, recording] = env::args_os()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: native REQUEST PLUGIN RECORDING")?;
    let answer = tollgate_browser::observe(&fs::read(request)?, &fs::read(plugin)?)?;
    fs::write(recording, answer.recording.unwrap_or_default())?;
    Ok(())
}
