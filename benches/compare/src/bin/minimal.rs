//! As little as a program can do with its engine: loads the plugin that its argument names and
//! prints what the plugin says of itself. It is there to be weighed.

use compare::{Peer, Plugin, engine::Engine};

fn main() -> Result<(), String> {
    let path = std::env::args().nth(1).ok_or("which plugin?")?;
    let wasm = std::fs::read(path).map_err(|error| error.to_string())?;
    let plugin = Engine::new("")?.load(wasm)?;
    println!("{}", plugin.describe()?);
    Ok(())
}
