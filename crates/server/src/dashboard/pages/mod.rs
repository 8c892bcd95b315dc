//! A file for each page. A page that stays up to date is made of regions, the same ones its stream sends.

pub(super) mod alerts;
pub(super) mod configuration;
mod facts;
pub(super) mod instances;
pub(super) mod overview;
pub(super) mod queues;
pub(super) mod retry_dead;
pub(super) mod sign_in;
pub(super) mod silence;
pub(super) mod task;
pub(super) mod tasks;
pub(super) mod workers;

use super::visit::Visitor;

/// What a form did, as the page it leads back to is told: a word in the query, never a text, or anybody could put
/// words in this service's mouth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Paused,
    Resumed,
    Cancelled,
    Stopping,
    Retried,
    Silenced,
    Unsilenced,
}

impl Notice {
    const ALL: [Self; 7] = [
        Self::Paused,
        Self::Resumed,
        Self::Cancelled,
        Self::Stopping,
        Self::Retried,
        Self::Silenced,
        Self::Unsilenced,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::Stopping => "stopping",
            Self::Retried => "retried",
            Self::Silenced => "silenced",
            Self::Unsilenced => "unsilenced",
        }
    }

    /// The notice of a page's query, in words.
    fn of(visitor: &Visitor) -> Option<&'static str> {
        let query = visitor.query();
        let texts = visitor.texts;
        let notice = Self::ALL.into_iter().find(|notice| notice.word() == query.get("notice"))?;
        Some(match notice {
            Self::Paused => texts.queue_paused,
            Self::Resumed => texts.queue_resumed,
            Self::Cancelled => texts.task_cancelled,
            Self::Stopping => texts.task_stopping,
            Self::Retried => texts.task_retried,
            Self::Silenced => texts.rule_silenced,
            Self::Unsilenced => texts.rule_unsilenced,
        })
    }
}
