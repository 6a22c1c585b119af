//! The effects of a recorded run, each with the place from which it was requested.

use super::{Replay, ReplayError, play::Player, redacted::Texts};
use crate::{
    effect::{Effect, Reply},
    error::{Backtrace, Error},
    gate::{At, Journal, Phase},
    module::Instruments,
    plugin::Plugin,
    sync::{Mutex, into_inner},
};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ops::Range;
use serde::Serialize;
use serde_json::Value;

/// An effect of a recorded run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TracedEffect {
    /// Its index in the transcript, from 0.
    pub index: u64,
    /// Whether it happened during the initialisation.
    pub in_initialization: bool,
    /// The fuel that the initialisation or the call had burnt before it.
    pub fuel: u64,
    /// The effect, as transcripts have it.
    pub effect: Value,
    /// From where it was requested.
    pub backtrace: Backtrace,
}

impl Replay {
    /// Replays the run, and returns those of its effects whose index is in `range`, each with the calls that
    /// were running when it was requested. The plugin gets instruments for that.
    ///
    /// # Errors
    ///
    /// As [`run`](Replay::run); [`ReplayError::Instruments`] if the plugin cannot have instruments.
    pub fn trace(
        &self,
        plugin: &Plugin,
        range: Range<u64>,
    ) -> Result<Vec<TracedEffect>, ReplayError> {
        let traced = plugin.instrumented(Instruments::CALLS)?;
        let texts = Texts(plugin.parts().settings.observer.redactor.clone());
        let player = Player::new(self.transcript.clone(), texts.clone(), self.tolerance);
        let tracing = Arc::new(Mutex::new(Tracing {
            player,
            range,
            running: Vec::new(),
            seen: Vec::new(),
        }));
        let (end, _) = self.play(&traced, tracing.clone())?;
        let Some(tracing) = Arc::into_inner(tracing) else {
            return Ok(Vec::new());
        };
        let Tracing { player, seen, .. } = into_inner(tracing);
        player.end(&end, plugin.parts().compiled.digest())?;
        let symbols = plugin.symbols();
        let effect = |Seen {
                          index,
                          at,
                          effect,
                          running,
                      }: Seen| {
            TracedEffect {
                index,
                in_initialization: at.phase == Phase::Initialize,
                fuel: at.fuel,
                effect,
                backtrace: symbols.backtrace_at(running.into_iter().map(u64::from)),
            }
        };
        Ok(seen.into_iter().map(effect).collect())
    }
}

impl From<Error> for ReplayError {
    fn from(error: Error) -> ReplayError {
        ReplayError::Instruments(Box::new(error))
    }
}

/// An effect that was requested.
struct Seen {
    index: u64,
    at: At,
    effect: Value,
    running: Vec<u32>,
}

/// Plays a transcript, and notes from where effects are requested.
struct Tracing {
    player: Player,
    range: Range<u64>,
    running: Vec<u32>,
    seen: Vec<Seen>,
}

impl Journal for Tracing {
    fn answer(&mut self, effect: &Effect, at: At) -> Option<Reply> {
        let index = self.player.next();
        if self.range.contains(&index) {
            self.seen.push(Seen {
                index,
                at,
                effect: self.player.json(effect),
                running: self.running.clone(),
            });
        }
        self.player.answer(effect, at)
    }

    fn note(&mut self, _: &Effect, _: &Reply, _: At) {}

    fn is_over(&self) -> bool {
        self.player.is_over()
    }

    fn called_from(&mut self, running: Vec<u32>) {
        self.running = running;
    }
}
