//! What is told, and when: nothing twice, what comes together together, what stays now and then again, and an end
//! for everything that was begun.

use std::collections::BTreeMap;
use std::time::Duration;

use taskward_api::{Alert, AlertState};

/// How long after a message that did not arrive there is another one.
const AFTER_LOSS: Duration = Duration::from_secs(60);

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
    /// A message did not arrive, and nobody has taken that into account yet.
    lost: bool,
    /// Until when nothing is told, since nothing would arrive.
    quiet_until: Option<Duration>,
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
        Self { pace, told: BTreeMap::new(), news_since: None, told_at: None, lost: false, quiet_until: None }
    }

    /// What is to be told now, if anything, given all that fires.
    pub(super) fn take(&mut self, firing: &[Alert], now: Duration) -> Option<News> {
        let now_firing: BTreeMap<Key, &Alert> = firing.iter().map(|alert| (key(alert), alert)).collect();
        let fresh = now_firing.keys().any(|key| !self.told.contains_key(key));
        let over = self.told.keys().any(|key| !now_firing.contains_key(key));
        if !fresh && !over {
            self.news_since = None;
        }
        if std::mem::take(&mut self.lost) {
            self.quiet_until = Some(now + AFTER_LOSS);
        }
        if let Some(until) = self.quiet_until {
            if now < until {
                return None;
            }
            self.quiet_until = None;
            // It has waited for long enough.
            self.news_since = Some(Duration::ZERO);
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

    /// What was to be told has not arrived: its news are news still, and what has not been told has no end to be told of.
    pub(super) fn lost(&mut self, firing: &[Alert], resolved: &[Alert]) {
        for alert in firing {
            self.told.remove(&key(alert));
        }
        for alert in resolved {
            self.told.entry(key(alert)).or_insert_with(|| alert.clone());
        }
        self.lost = true;
    }

    /// When there will be something to tell if nothing changes.
    pub(super) fn due(&self) -> Option<Duration> {
        let news = self.news_since.map(|since| since + self.pace.group_wait);
        let repeat = self.told_at.filter(|_| !self.told.is_empty()).map(|at| at + self.pace.repeat_every);
        let due = news.into_iter().chain(repeat).min();
        self.quiet_until.max(due)
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

    #[test]
    fn what_did_not_arrive_is_told_after_a_while() {
        let mut outbox = Outbox::new(PACE);
        outbox.take(&[alert("A")], seconds(0));
        let lost = outbox.take(&[alert("A")], seconds(5)).expect("news");
        outbox.lost(&lost.firing, &lost.resolved);
        assert_eq!(outbox.take(&[alert("A")], seconds(40)), None, "it would not arrive either");
        assert_eq!(outbox.due(), Some(seconds(100)));
        let again = outbox.take(&[alert("A")], seconds(100)).expect("the same news");
        assert_eq!(rules(&again.firing), ["A"]);
        // Its end is lost, and told again as well.
        outbox.take(&[], seconds(110));
        let end = outbox.take(&[], seconds(115)).expect("the end");
        outbox.lost(&end.firing, &end.resolved);
        outbox.take(&[], seconds(120));
        assert_eq!(rules(&outbox.take(&[], seconds(180)).expect("the end").resolved), ["A"]);
        assert_eq!((outbox.take(&[], seconds(999)), outbox.due()), (None, None));
    }

    #[test]
    fn of_what_nobody_heard_of_no_end_is_told() {
        let mut outbox = Outbox::new(PACE);
        outbox.take(&[alert("A")], seconds(0));
        let lost = outbox.take(&[alert("A")], seconds(5)).expect("news");
        outbox.lost(&lost.firing, &lost.resolved);
        assert_eq!((outbox.take(&[], seconds(10)), outbox.take(&[], seconds(999))), (None, None));
    }
}
