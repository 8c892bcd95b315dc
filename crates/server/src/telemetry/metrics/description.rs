//! What a metric is, said once: the exposition, the history and the reference are made of it.

/// A metric, as users know it.
#[derive(Debug)]
pub struct Metric {
    /// Its name, by Prometheus's conventions: base units, `_total` for counters.
    pub name: &'static str,
    /// What its values do.
    pub kind: Kind,
    /// The labels every series of it has.
    pub labels: &'static [&'static str],
    /// What it says, in a line.
    pub help: &'static str,
    /// When it is there.
    pub shown: Shown,
}

/// What the values of a metric do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It rises and falls.
    Gauge,
    /// It counts observations, by these upper bounds.
    Histogram(&'static [f64]),
}

/// When a metric is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// From the start.
    Always,
    /// Once something has happened: what never happened is not shown.
    After(&'static str),
    /// Where something is so: what cannot be read is absent, and not nought.
    Where(&'static str),
}

impl Metric {
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Counter, labels, help, shown: Shown::Always }
    }

    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Gauge, labels, help, shown: Shown::Always }
    }

    pub(super) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        bounds: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self { name, kind: Kind::Histogram(bounds), labels, help, shown: Shown::Always }
    }

    /// The same, shown once this has happened.
    pub(super) const fn after(self, event: &'static str) -> Self {
        Self { shown: Shown::After(event), ..self }
    }

    /// The same, shown where this is so.
    pub(super) const fn shown_where(self, condition: &'static str) -> Self {
        Self { shown: Shown::Where(condition), ..self }
    }

    /// The unit of its values, which its name says; empty for numbers of things.
    pub fn unit(&self) -> &'static str {
        let says = |unit: &&str| self.name.split('_').any(|word| word == *unit);
        ["seconds", "bytes"].into_iter().find(says).unwrap_or_default()
    }
}

impl Kind {
    /// The name in the exposition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}
