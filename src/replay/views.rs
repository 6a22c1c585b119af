//! Looks into a recorded run: replays it with instruments that the plugin does not notice.

use super::{Replay, ReplayError};
use crate::{
    guest::Seen,
    inspect::{Coverage, Instruments, Profile},
    plugin::Plugin,
};

impl Replay {
    /// Replays the run, and reports where its fuel went. The plugin is compiled anew with instruments, and takes
    /// more time to run.
    ///
    /// ```
    /// use tollgate::{Config, Runtime, replay::Replay};
    ///
    /// # let bytes = include_bytes!("../../fixtures/file.wasm");
    /// let file = Runtime::new()?.load("file", bytes)?;
    /// let recording = file.observe_recorded(&Config::new().set("path", "/etc/hosts"), Vec::new())?;
    /// let usage = recording.outcome?.usage;
    ///
    /// let profile = Replay::read(recording.sink)?.profile(&file)?;
    /// assert_eq!(profile.call.fuel, usage.fuel);
    /// let dearest = profile.call.functions.iter().max_by_key(|function| function.fuel).unwrap();
    /// println!("{} of {} units: {}", dearest.fuel, usage.fuel, dearest.name);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Replay::run), and [`ReplayError::Instruments`].
    pub fn profile(&self, plugin: &Plugin) -> Result<Profile, ReplayError> {
        let (plugin, seen) = self.look(plugin, Instruments::PROFILE | Instruments::BLOCKS)?;
        let compiled = &plugin.parts().compiled;
        Ok(Profile::new(compiled, &plugin.symbols(), &seen))
    }

    /// Replays the run, and reports what of the plugin ran. The plugin is compiled anew with instruments, and takes
    /// more time to run.
    ///
    /// # Errors
    ///
    /// As [`run`](Replay::run), and [`ReplayError::Instruments`].
    pub fn coverage(&self, plugin: &Plugin) -> Result<Coverage, ReplayError> {
        let (plugin, seen) = self.look(plugin, Instruments::BLOCKS)?;
        let compiled = &plugin.parts().compiled;
        Ok(Coverage::new(compiled, &plugin.symbols(), &seen))
    }

    /// Replays the run with these instruments. Returns what they noted, and the plugin that has them.
    fn look(&self, plugin: &Plugin, which: Instruments) -> Result<(Plugin, Seen), ReplayError> {
        let plugin = plugin.instrumented(which)?;
        let (_, seen) = self.run_seen(&plugin)?;
        Ok((plugin, seen.unwrap_or_default()))
    }
}
