//! Who gets the events of plugins: the embedder's callback, and `tracing` with that feature. Secrets are hidden
//! here. What an event holds is in `event`, and how many there are is in `reports`.

use super::{Event, traced};
use crate::{printable::Text, redact::Redactor};
use alloc::sync::Arc;
use core::fmt;

type Callback = dyn Fn(&str, &Event) + Send + Sync;

/// Who gets the events, and what is hidden in them.
#[derive(Clone, Default)]
pub(crate) struct Observer {
    pub(crate) callback: Option<Arc<Callback>>,
    pub(crate) redactor: Option<Redactor>,
    /// Whether granted requests are reported too.
    pub(crate) audit: bool,
    /// Whether nothing is reported: all of it was before.
    pub(crate) is_muted: bool,
}

impl Observer {
    /// Whether anyone reads the events.
    pub(crate) fn listens(&self) -> bool {
        !self.is_muted && (self.callback.is_some() || traced::is_on())
    }

    /// The same for a run whose events were reported before. Secrets are still hidden: what a run logs is compared.
    pub(crate) fn muted(&self) -> Observer {
        Observer {
            is_muted: true,
            ..self.clone()
        }
    }

    pub(crate) fn report(&self, plugin: &str, event: &Event) {
        match event {
            // Its secrets are hidden already: where it is cut, they could not be found.
            Event::Log(_) => self.deliver(plugin, event),
            // The host wrote it all.
            Event::LimitReached { .. } | Event::Omitted(_) | Event::UnoptimisedEngine => {
                self.deliver(plugin, event);
            }
            Event::Denied(denial) => {
                let mut denial = denial.clone();
                self.redactor.iter().for_each(|it| it.denial(&mut denial));
                self.deliver(plugin, &Event::Denied(denial));
            }
            Event::Granted { request, needs } => {
                let hide = |text: &Text| match &self.redactor {
                    Some(redactor) => redactor.redact(text.as_str()).into(),
                    None => text.clone(),
                };
                let (request, needs) = (hide(request), hide(needs));
                self.deliver(plugin, &Event::Granted { request, needs });
            }
        }
    }

    fn deliver(&self, plugin: &str, event: &Event) {
        if self.is_muted {
            return;
        }
        traced::event(plugin, event);
        if let Some(callback) = &self.callback {
            callback(plugin, event);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("callback", &self.callback.is_some())
            .finish()
    }
}
