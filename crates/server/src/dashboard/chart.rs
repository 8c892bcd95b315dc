//! Charts as SVG: lines over the last while, with a threshold where there is one. Gaps are gaps: no line is drawn
//! through a time of which nothing is known.

use std::fmt::Write;

use maud::{Markup, html};

use super::format;
use super::texts::Texts;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 96.0;
/// Room for the scale's numbers, on the left.
const LEFT: f64 = 44.0;
const TOP: f64 = 6.0;
const BOTTOM: f64 = 14.0;

/// A chart.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) counts: Counts,
    /// Where it begins to be wrong, if anywhere.
    pub(super) threshold: Option<f64>,
    pub(super) lines: Vec<Line>,
}

/// What the numbers of a chart count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// How often a second.
    Rate,
    /// A share of 1.
    Share,
    Seconds,
    Pieces,
}

impl Counts {
    /// A number as people read it.
    fn text(self, number: f64) -> String {
        match self {
            Self::Rate => format::rate(number),
            Self::Share => format::share(number),
            Self::Seconds => format::seconds(number),
            Self::Pieces => format::count(number.max(0.0).round() as u64),
        }
    }

    /// Where a scale up to this number ends: at one that is easy to read, and to halve.
    fn top(self, highest: f64) -> f64 {
        const ROUND: [f64; 10] =
            [60.0, 120.0, 240.0, 600.0, 1200.0, 3600.0, 7200.0, 14_400.0, 43_200.0, 86_400.0];
        let round = ROUND.into_iter().find(|top| *top >= highest);
        match self {
            Self::Seconds if highest > 20.0 => round.unwrap_or_else(|| 86_400.0 * nice(highest / 86_400.0)),
            Self::Share => nice(highest).min(1.0),
            _ => nice(highest),
        }
    }
}

/// The time that charts are of, up to now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) name: &'static str,
    pub(super) minutes: u32,
}

/// One line: a point for each step of the span, the newest last.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<Option<f64>>,
}

impl Line {
    fn last(&self) -> Option<f64> {
        self.points.last().copied().flatten()
    }

    fn highest(&self) -> Option<f64> {
        self.points.iter().copied().flatten().reduce(f64::max)
    }
}

impl Chart {
    /// The chart with its title, its newest numbers and its scale.
    pub(super) fn draw(&self, span: Span, texts: &Texts) -> Markup {
        let known = self.lines.iter().any(|line| line.highest().is_some());
        let wrong = self.threshold.zip(self.lines.first().and_then(Line::last));
        let wrong = wrong.is_some_and(|(threshold, now)| now > threshold);
        html! {
            figure.chart.wrong[wrong] {
                figcaption {
                    span.title { (self.title) }
                    (self.legend())
                }
                @if known { (self.plot(span, texts)) } @else { p.blank { (texts.no_data) } }
            }
        }
    }

    fn legend(&self) -> Markup {
        let several = self.lines.len() > 1;
        html! {
            span.legend {
                @for (index, line) in self.lines.iter().enumerate() {
                    span.entry {
                        @if several { span class=(format!("key key-{index}")) {} (line.name) " " }
                        strong {
                            @match line.last() { Some(value) => (self.counts.text(value)), None => "–" }
                        }
                    }
                }
            }
        }
    }

    fn plot(&self, span: Span, texts: &Texts) -> Markup {
        let highest = self.lines.iter().filter_map(Line::highest).fold(0.0, f64::max);
        // A threshold far above everything would press the lines flat: then it is drawn along the upper edge.
        let (near, beyond) = match self.threshold {
            Some(threshold) if highest > 0.0 && threshold > highest * 4.0 => (None, Some(threshold)),
            threshold => (threshold, None),
        };
        let top = self.counts.top(highest.max(near.unwrap_or(0.0)));
        let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (value / top).min(1.0));
        let middle = (LEFT + WIDTH) / 2.0;
        let ago = |minutes: u32| format!("−{minutes} min");
        let times = [
            (ago(span.minutes), LEFT, "start"),
            (ago(span.minutes / 2), middle, "middle"),
            (texts.now.to_owned(), WIDTH, "end"),
        ];
        html! {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(self.in_words(span, texts)) {
                @for part in [0.0, 0.5, 1.0] {
                    @let height = format!("{:.1}", y(top * part));
                    line.grid x1=(LEFT) x2=(WIDTH) y1=(height) y2=(height) {}
                    text.scale x=(LEFT - 4.0) y=(format!("{:.1}", y(top * part) + 3.0)) text-anchor="end" {
                        (self.counts.text(top * part))
                    }
                }
                @for (label, x, anchor) in times {
                    text.scale x=(x) y=(HEIGHT - 2.0) text-anchor=(anchor) { (label) }
                }
                @for (index, line) in self.lines.iter().enumerate() {
                    path class=(format!("line line-{index}")) d=(path(&line.points, y)) {}
                }
                @if let Some(threshold) = near {
                    @let height = format!("{:.1}", y(threshold));
                    line.threshold x1=(LEFT) x2=(WIDTH) y1=(height) y2=(height) {}
                }
                @if beyond.is_some() { line.threshold.beyond x1=(LEFT) x2=(WIDTH) y1="1" y2="1" {} }
            }
            @if let Some(threshold) = self.threshold {
                p.threshold-note {
                    span.key.key-threshold {}
                    (texts.threshold) " "
                    // It is the first line's, which there is no telling from the picture.
                    @if let [first, _, ..] = &*self.lines { "(" (first.name) ") " }
                    (self.counts.text(threshold))
                    @if beyond.is_some() { " ↑ " (texts.beyond) }
                }
            }
        }
    }

    /// What the picture shows, for those who cannot see it.
    fn in_words(&self, span: Span, texts: &Texts) -> String {
        let mut words = format!("{}, {}.", self.title, span.name);
        for line in &self.lines {
            let known = |value: Option<f64>| {
                value.map_or_else(|| texts.no_data.to_owned(), |value| self.counts.text(value))
            };
            let (last, highest) = (known(line.last()), known(line.highest()));
            // Writing to a text cannot fail.
            let _ = write!(words, " {}: {} {last}, {} {highest}.", line.name, texts.now, texts.highest);
        }
        if let Some(threshold) = self.threshold {
            let _ = write!(words, " {} {}.", texts.threshold, self.counts.text(threshold));
        }
        words
    }
}

/// The line's path; a point alone becomes a dot.
fn path(points: &[Option<f64>], y: impl Fn(f64) -> f64) -> String {
    let step = (WIDTH - LEFT) / (points.len().max(2) - 1) as f64;
    let mut path = String::new();
    let mut drawing = false;
    for (index, point) in points.iter().enumerate() {
        let Some(value) = point else {
            drawing = false;
            continue;
        };
        let (x, y) = (LEFT + step * index as f64, y(*value));
        let alone = !drawing && !matches!(points.get(index + 1), Some(Some(_)));
        let command = if drawing { 'L' } else { 'M' };
        // Writing to a text cannot fail.
        let _ = write!(path, "{command}{x:.1} {y:.1}");
        if alone {
            path.push_str("h.1");
        }
        drawing = true;
    }
    path
}

/// The next number up that is easy to halve: 1, 2, 4, 6 or 10 of some power of ten.
fn nice(highest: f64) -> f64 {
    if highest <= 0.0 || !highest.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= highest)
        .unwrap_or(highest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::texts::ENGLISH;

    fn chart(points: Vec<Option<f64>>, threshold: Option<f64>) -> String {
        let line = Line { name: "p95", points };
        let chart = Chart { title: "Latency", counts: Counts::Seconds, threshold, lines: vec![line] };
        chart.draw(Span { name: "Last hour", minutes: 60 }, &ENGLISH).into_string()
    }

    #[test]
    fn nothing_known_is_said_and_not_drawn() {
        let drawn = chart(vec![None; 5], Some(2.0));
        assert!(drawn.contains("no data") && !drawn.contains("<svg"), "{drawn}");
    }

    #[test]
    fn gaps_are_not_drawn_through() {
        let path = path(&[Some(0.0), Some(1.0), None, Some(1.0), None], |value| value);
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert_eq!(path.matches('L').count(), 1, "{path}");
        assert!(path.ends_with("h.1"), "a point alone is a dot: {path}");
    }

    #[test]
    fn a_threshold_is_drawn_to_scale_or_along_the_edge() {
        assert!(chart(vec![Some(1.0)], Some(2.0)).contains("class=\"threshold\""));
        let far = chart(vec![Some(0.001)], Some(2.0));
        assert!(far.contains("class=\"threshold beyond\"") && far.contains("Threshold 2.0 s ↑"), "{far}");
        assert!(far.contains("highest 1.0 ms. Threshold 2.0 s."), "told, too: {far}");
        let flat = chart(vec![Some(0.0)], Some(2.0));
        assert!(flat.contains("class=\"threshold\""), "there is nothing to press flat: {flat}");
        assert!(chart(vec![Some(3.0)], Some(2.0)).contains("chart wrong"));
        assert!(!chart(vec![Some(3.0)], None).contains("hreshold"));
    }

    #[test]
    fn scales_end_on_round_numbers() {
        for (highest, top) in [(0.0, 1.0), (0.03, 0.04), (1.0, 1.0), (5.5, 6.0), (61.0, 100.0)] {
            assert!((nice(highest) - top).abs() < 1e-9, "{highest}");
        }
        for (highest, top) in [(0.3, 0.4), (45.0, 60.0), (900.0, 1200.0), (90_000.0, 172_800.0)] {
            assert!((Counts::Seconds.top(highest) - top).abs() < 1e-9, "{highest} s");
        }
        assert!((Counts::Share.top(0.99) - 1.0).abs() < 1e-9);
    }
}
