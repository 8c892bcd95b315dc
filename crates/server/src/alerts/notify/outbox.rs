//! What is told, and when: nothing twice, what comes together together, what stays now and then again, and an end
//! for everything that was begun.

use std::collections::BTreeMap;
use std::time::Duration;

use taskward_api::{Alert, AlertState};

/// When to tell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long news waits for more.
    pub(super) group_wait: Duration,
    /// How often what still fires is told again.
    pub(super) repeat_every: Duration,
}

/// What somebody has been told.
pub(super) struct Outbox {
    pace: Pace,
    told: BTreeMap<Key, Alert>,
    /// Since when there has been something to tell.
    news_since: Option<Duration>,
    told_at: Option<Duration>,
}

/// An alert, whatever its numbers.
type Key = (String, BTreeMap<String, String>);

/// What somebody is to be told.
#[derive(Debug, PartialEq)]
pub(super) struct News {
    /// All that fires.
    pub(super) firing: Vec<Alert>,
    /// What was told and is over.
    pub(super) resolved: Vec<Alert>,
}

impl Outbox {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, told: BTreeMap::new(), news_since: None, told_at: None }
    }

    /// What is to be told now, if anything, given all that fires.
    pub(super) fn take(&mut self, firing: &[Alert], now: Duration) -> Option<News> {
        let now_firing: BTreeMap<Key, &Alert> = firing.iter().map(|alert| (key(alert), alert)).collect();
        let fresh = now_firing.keys().any(|key| !self.told.contains_key(key));
        let over = self.told.keys().any(|key| !now_firing.contains_key(key));
        if !fresh && !over {
            self.news_since = None;
        }
        let waited = (fresh || over)
            .then(|| now.saturating_sub(*self.news_since.get_or_insert(now)) >= self.pace.group_wait);
        let repeat = !self.told.is_empty()
            && self.told_at.is_some_and(|at| now.saturating_sub(at) >= self.pace.repeat_every);
        if !waited.unwrap_or(repeat) {
            return None;
        }
        let before = std::mem::take(&mut self.told);
        let resolved = before.into_iter().filter(|(key, _)| !now_firing.contains_key(key));
        let resolved = resolved.map(|(_, alert)| Alert { state: AlertState::Inactive, ..alert }).collect();
        self.told = now_firing.into_iter().map(|(key, alert)| (key, alert.clone())).collect();
        self.news_since = None;
        self.told_at = Some(now);
        Some(News { firing: firing.to_vec(), resolved })
    }

    /// When there will be something to tell if nothing changes.
    pub(super) fn due(&self) -> Option<Duration> {
        let news = self.news_since.map(|since| since + self.pace.group_wait);
        let repeat = self.told_at.filter(|_| !self.told.is_empty()).map(|at| at + self.pace.repeat_every);
        news.into_iter().chain(repeat).min()
    }
}

fn key(alert: &Alert) -> Key {
    (alert.rule.clone(), alert.labels.clone())
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::alert;
    use super::*;

    const PACE: Pace = Pace { group_wait: Duration::from_secs(5), repeat_every: Duration::from_secs(3600) };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn rules(alerts: &[Alert]) -> Vec<&str> {
        alerts.iter().map(|alert| alert.rule.as_str()).collect()
    }

    #[test]
    fn what_comes_together_is_told_together_and_once() {
        let mut outbox = Outbox::new(PACE);
        assert_eq!(outbox.take(&[], seconds(0)), None);
        assert_eq!(outbox.take(&[alert("A")], seconds(1)), None);
        assert_eq!(outbox.due(), Some(seconds(6)));
        assert_eq!(outbox.take(&[alert("A"), alert("B")], seconds(3)), None);
        let news = outbox.take(&[alert("A"), alert("B")], seconds(6)).expect("news");
        assert_eq!((rules(&news.firing), news.resolved.len()), (vec!["A", "B"], 0));
        assert_eq!(outbox.take(&[alert("A"), alert("B")], seconds(20)), None, "told already");
        // Other numbers of the same alert are no news.
        let other = Alert { value: Some(9.0), ..alert("A") };
        assert_eq!(outbox.take(&[other, alert("B")], seconds(30)), None);
    }

    #[test]
    fn the_end_is_told_of_what_was_told_and_of_nothing_else() {
        let mut outbox = Outbox::new(PACE);
        outbox.take(&[alert("A")], seconds(0));
        assert_eq!(outbox.take(&[], seconds(4)), None);
        assert_eq!(outbox.take(&[], seconds(9)), None, "nobody heard of it");
        outbox.take(&[alert("A")], seconds(10));
        outbox.take(&[alert("A")], seconds(15)).expect("news");
        assert_eq!(outbox.take(&[], seconds(16)), None);
        let news = outbox.take(&[], seconds(21)).expect("the end");
        assert_eq!((news.firing.len(), rules(&news.resolved)), (0, vec!["A"]));
        assert_eq!(news.resolved[0].state, AlertState::Inactive);
        assert_eq!(outbox.due(), None);
    }

    #[test]
    fn an_alert_that_comes_back_within_the_wait_is_no_news() {
        let mut outbox = Outbox::new(PACE);
        outbox.take(&[alert("A")], seconds(0));
        outbox.take(&[alert("A")], seconds(5)).expect("news");
        assert_eq!(outbox.take(&[], seconds(6)), None);
        assert_eq!(outbox.take(&[alert("A")], seconds(8)), None);
        assert_eq!(outbox.take(&[alert("A")], seconds(60)), None);
        // And the next end waits its own time.
        assert_eq!(outbox.take(&[], seconds(61)), None);
    }

    #[test]
    fn what_stays_is_told_again() {
        let mut outbox = Outbox::new(PACE);
        outbox.take(&[alert("A")], seconds(0));
        outbox.take(&[alert("A")], seconds(5)).expect("news");
        assert_eq!(outbox.due(), Some(seconds(3605)));
        assert_eq!(outbox.take(&[alert("A")], seconds(3604)), None);
        let again = outbox.take(&[alert("A")], seconds(3605)).expect("again");
        assert_eq!(rules(&again.firing), ["A"]);
        assert_eq!(outbox.due(), Some(seconds(7205)));
    }
}
