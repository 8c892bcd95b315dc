//! What a histogram observed.

/// What a histogram observed within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub(super) bounds: &'static [f64],
    /// By bound, not cumulative; the last is what was beyond every bound.
    pub(super) counts: Vec<f64>,
    pub(super) sum: f64,
}

impl Observed {
    /// Together with what another series of the same metric observed.
    pub fn and(mut self, other: &Self) -> Self {
        add(&mut self.counts, &other.counts);
        self.sum += other.sum;
        self
    }

    /// How many observations.
    pub fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.count()
    }

    /// The value that a share of `q` (0 to 1) of them does not exceed, as Prometheus's `histogram_quantile`
    /// estimates it: evenly spread within a bucket, and the last bound for what is beyond it.
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = q.clamp(0.0, 1.0) * self.count();
        let mut below = 0.0;
        for (at, count) in self.counts.iter().enumerate() {
            let Some(bound) = self.bounds.get(at) else { break };
            if below + count >= rank && *count > 0.0 {
                let lower = at.checked_sub(1).map_or(0.0, |before| self.bounds[before]);
                return lower + (bound - lower) * ((rank - below) / count);
            }
            below += count;
        }
        self.bounds.last().copied().unwrap_or(f64::NAN)
    }
}

/// Adds a row to a sum, column by column.
pub(super) fn add(sum: &mut [f64], row: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += value;
    }
}
