//! What an embedder may watch while plugins run: their log lines and what was denied to them.

use crate::{
    capability::Wish,
    effect::{Denial, LogRecord},
    printable::Text,
    redact::Redactor,
};
use std::{fmt, sync::Arc};

/// Something worth telling the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The plugin wrote to its log.
    Log(LogRecord),
    /// The plugin wished for something it has no grant for.
    Denied(Denial),
    /// The plugin wished for something that is granted. Told only if an audit was asked for.
    Granted {
        /// What it wished, such as `fs:read:/etc/hosts`.
        wish: Text,
        /// The smallest grant that allows it.
        needs: Text,
    },
}

type Callback = dyn Fn(&str, &Event) + Send + Sync;

/// Whom to tell, and what to hide from them.
#[derive(Clone, Default)]
pub(crate) struct Observer {
    pub(crate) callback: Option<Arc<Callback>>,
    pub(crate) redactor: Option<Redactor>,
    /// Whether granted wishes are told too.
    pub(crate) audit: bool,
}

impl Observer {
    pub(crate) fn tell(&self, plugin: &str, event: &Event) {
        let Some(callback) = &self.callback else {
            return;
        };
        match event {
            // Its secrets are hidden already: where it was cut, one could not be told any more.
            Event::Log(_) => callback(plugin, event),
            Event::Denied(denial) => {
                let mut denial = denial.clone();
                self.redactor.iter().for_each(|it| it.denial(&mut denial));
                callback(plugin, &Event::Denied(denial));
            }
            Event::Granted { wish, needs } => {
                let hide = |text: &Text| match &self.redactor {
                    Some(redactor) => redactor.redact(text.as_str()).into(),
                    None => text.clone(),
                };
                let (wish, needs) = (hide(wish), hide(needs));
                callback(plugin, &Event::Granted { wish, needs });
            }
        }
    }
}

impl Observer {
    /// Tells of a granted wish, if anybody wants to know.
    pub(crate) fn granted(&self, plugin: &str, wish: &Wish) {
        if self.audit {
            let needs = wish
                .needed()
                .map(|grant| grant.to_string())
                .unwrap_or_default()
                .into();
            self.tell(
                plugin,
                &Event::Granted {
                    wish: wish.to_string().into(),
                    needs,
                },
            );
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
