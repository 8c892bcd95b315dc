//! The history as points for charts: a number for each of some steps up to now.

use std::time::Duration;

use super::History;
use super::kept::{Kept, Rows};
use super::observed::{Observed, add};
use super::tracked::Before;

/// Even steps that end with the latest sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// How long each is.
    pub length: Duration,
    /// How many there are.
    pub count: u32,
}

impl History {
    /// How much a counter grew a second, or how often a histogram observed something, in each step; the newest
    /// last. What never happened did so nought times, in the steps of which there are samples.
    pub fn rates(&self, name: &str, labels: &[(&str, &str)], steps: Steps) -> Vec<Option<f64>> {
        let kept = self.kept();
        let rate = |(from, to): (usize, usize)| {
            let grown = kept.matching(name, labels).filter_map(|(_, rows)| rows.grown_within(from, to));
            let seconds = kept.times[to].duration_since(kept.times[from]).as_secs_f64();
            (seconds > 0.0).then(|| grown.sum::<f64>() / seconds)
        };
        kept.steps(steps).into_iter().map(|step| step.and_then(rate)).collect()
    }

    /// The value at the end of each step; the newest last. `together` makes one of several series.
    pub fn levels(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        steps: Steps,
        together: fn(f64, f64) -> f64,
    ) -> Vec<Option<f64>> {
        let kept = self.kept();
        let level = |(_, to): (usize, usize)| {
            kept.matching(name, labels).filter_map(|(_, rows)| Some(rows.row(to)?[0])).reduce(together)
        };
        kept.steps(steps).into_iter().map(|step| step.and_then(level)).collect()
    }

    /// The quantile `q` (0 to 1) of what a histogram observed in each step; the newest last.
    pub fn quantiles(&self, q: f64, name: &str, labels: &[(&str, &str)], steps: Steps) -> Vec<Option<f64>> {
        let kept = self.kept();
        let quantile = |(from, to): (usize, usize)| {
            let mut all: Option<(&'static [f64], Vec<f64>)> = None;
            for (_, rows) in kept.matching(name, labels) {
                let Some(within) = rows.growth_within(from, to) else { continue };
                match &mut all {
                    None => all = Some((rows.bounds, within)),
                    Some((_, sum)) => add(sum, &within),
                }
            }
            let (bounds, mut counts) = all.filter(|(bounds, _)| !bounds.is_empty())?;
            let sum = counts.pop()?;
            let observed = Observed { bounds, counts, sum };
            (observed.count() > 0.0).then(|| observed.quantile(q))
        };
        kept.steps(steps).into_iter().map(|step| step.and_then(quantile)).collect()
    }
}

impl Kept {
    /// The samples that each step goes from and to; `None` where samples do not reach back so far.
    fn steps(&self, steps: Steps) -> Vec<Option<(usize, usize)>> {
        let Some(latest) = self.times.back() else { return vec![None; steps.count as usize] };
        let edge = |back: u32| {
            let age = steps.length * back;
            self.times.partition_point(|at| latest.duration_since(*at) >= age).checked_sub(1)
        };
        (0..steps.count).rev().map(|back| edge(back + 1).zip(edge(back))).collect()
    }
}

impl Rows {
    /// How much each column grew from one sample to another.
    fn growth_within(&self, from: usize, to: usize) -> Option<Vec<f64>> {
        let last = self.row(to)?;
        let first = match (self.row(from), self.before) {
            (Some(row), _) => row,
            (None, Before::Nought) => vec![0.0; self.width],
            (None, Before::Unknown) => return None,
        };
        Some(last.iter().zip(first).map(|(after, before)| (after - before).max(0.0)).collect())
    }

    /// How much a counter grew, or how often a histogram observed something.
    fn grown_within(&self, from: usize, to: usize) -> Option<f64> {
        let growth = self.growth_within(from, to)?;
        let columns = if self.bounds.is_empty() { self.width } else { self.width - 1 };
        Some(growth[..columns].iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::metrics::Samples;

    const STEPS: Steps = Steps { length: Duration::from_secs(10), count: 3 };

    /// A history of samples 5 s apart, with what `fill` says of each.
    fn history(samples: u32, fill: impl Fn(u32, &mut Samples)) -> History {
        let start = Instant::now();
        let history = History::new(start);
        for index in 0..samples {
            let mut taken = Samples::default();
            fill(index, &mut taken);
            history.record(taken.as_slice(), start + Duration::from_secs(5) * index);
        }
        history
    }

    #[test]
    fn rates_are_of_each_step() {
        let history = history(7, |index, samples| {
            samples.add("taskward_tasks_created_total", &[("queue", "q")], f64::from(index * index));
        });
        let rates = history.rates("taskward_tasks_created_total", &[], STEPS);
        assert_eq!(rates, [Some(0.4), Some(1.2), Some(2.0)]);
        let never = history.rates("taskward_tasks_finished_total", &[], STEPS);
        assert_eq!(never, [Some(0.0); 3], "nothing happened, and that is known");
    }

    #[test]
    fn steps_before_the_first_sample_are_not_known() {
        let history = history(4, |_, samples| {
            samples.add("taskward_queue_tasks", &[("queue", "q"), ("state", "available")], 3.0);
            samples.add("taskward_queue_tasks", &[("queue", "r"), ("state", "available")], 4.0);
        });
        let labels = [("state", "available")];
        let levels = history.levels("taskward_queue_tasks", &labels, STEPS, |a, b| a + b);
        assert_eq!(levels, [None, None, Some(7.0)]);
        let empty = History::new(Instant::now());
        assert_eq!(empty.rates("taskward_tasks_created_total", &[], STEPS), [None; 3]);
        assert_eq!(empty.quantiles(0.5, "taskward_task_wait_seconds", &[], STEPS), [None; 3]);
    }
}
