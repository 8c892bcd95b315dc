//! The W3C trace context: which trace a task belongs to.

use std::fmt;
use std::str::FromStr;

/// Characters of a `traceparent` of version 00.
const TRACEPARENT_CHARS: usize = 55;
/// The longest `tracestate` that is kept: what the standard asks everybody to pass on.
const TRACESTATE_CHARS_MAX: usize = 512;
/// The most members of a `tracestate`, by the standard.
const TRACESTATE_MEMBERS_MAX: usize = 32;

/// Which trace something belongs to, and the span it follows from, as <https://www.w3.org/TR/trace-context/>
/// writes them: a `traceparent` of version 00 and, where there is one, a `tracestate`.
///
/// Kept as one text, the two with a space between them, which is also how the stores keep it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TraceContext(Box<str>);

/// A text that is no trace context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C trace context")]
pub struct NotATraceContext;

impl TraceContext {
    /// Reads the two headers. A `tracestate` that breaks the rules is left out; `None` when the `traceparent` does,
    /// which then counts as absent. A later version is read as far as version 00 goes.
    #[must_use]
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let traceparent = traceparent.trim_ascii();
        let known = traceparent.get(..TRACEPARENT_CHARS)?;
        let (version, rest) = known.split_once('-')?;
        let (trace_id, rest) = rest.split_once('-')?;
        let (span_id, flags) = rest.split_once('-')?;
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |part: &str, length: usize| is_hex(part, length) && part.bytes().any(|b| b != b'0');
        let later = traceparent.len() > TRACEPARENT_CHARS;
        let goes_on = version != "00" && traceparent.as_bytes().get(TRACEPARENT_CHARS) == Some(&b'-');
        let whole = is_hex(version, 2) && version != "ff" && (!later || goes_on);
        if !whole || !is_id(trace_id, 32) || !is_id(span_id, 16) || !is_hex(flags, 2) {
            return None;
        }
        let state = tracestate.map(str::trim_ascii).filter(|state| is_tracestate(state));
        let (space, state) = state.map_or(("", ""), |state| (" ", state));
        Some(Self(format!("00-{trace_id}-{span_id}-{flags}{space}{state}").into()))
    }

    /// The header `traceparent`.
    #[must_use]
    pub fn traceparent(&self) -> &str {
        &self.0[..TRACEPARENT_CHARS]
    }

    /// The header `tracestate`, where there is one.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.0.get(TRACEPARENT_CHARS + 1..)
    }

    /// The trace, in 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }

    /// The span, in 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        &self.0[36..52]
    }

    /// The flags, of which the lowest bit says that the trace is sampled.
    #[must_use]
    pub fn flags(&self) -> u8 {
        u8::from_str_radix(&self.0[53..55], 16).unwrap_or(0)
    }

    /// Both headers in one text, as [`FromStr`] reads them.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a list of members is one to pass on. What is in them is the business of whoever wrote them.
fn is_tracestate(text: &str) -> bool {
    let is_member = |member: &str| {
        member.trim_ascii().is_empty()
            || member
                .split_once('=')
                .is_some_and(|(key, value)| !key.trim_ascii().is_empty() && !value.is_empty())
    };
    (1..=TRACESTATE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| (0x20..0x7f).contains(&b))
        && text.split(',').count() <= TRACESTATE_MEMBERS_MAX
        && text.split(',').all(is_member)
}

impl FromStr for TraceContext {
    type Err = NotATraceContext;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (traceparent, tracestate) = match text.split_once(' ') {
            Some((traceparent, tracestate)) => (traceparent, Some(tracestate)),
            None => (text, None),
        };
        Self::parse(traceparent, tracestate).ok_or(NotATraceContext)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn both_headers_are_kept_and_found_again() {
        let context = TraceContext::parse(PARENT, Some(" a=1, b@c=2 ")).expect("a context");
        assert_eq!((context.traceparent(), context.tracestate()), (PARENT, Some("a=1, b@c=2")));
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((context.span_id(), context.flags()), ("b7ad6b7169203331", 1));
        assert_eq!(context.as_str().parse(), Ok(context.clone()));
        let alone = TraceContext::parse(PARENT, None).expect("a context");
        assert_eq!((alone.as_str(), alone.tracestate()), (PARENT, None));
        assert_eq!(PARENT.parse(), Ok(alone));
    }

    #[test]
    fn what_breaks_the_rules_counts_as_absent() {
        let zeros = "0".repeat(32);
        for bad in [
            "",
            "00",
            "garbage",
            &PARENT[..54],
            &format!("{PARENT}-00"),
            &format!("{PARENT}0"),
            &PARENT.replace("00-", "ff-"),
            &PARENT.replace("0af7", "0AF7"),
            &PARENT.replace("0af7", "0ag7"),
            &PARENT.replace("b7ad6b7169203331", "0000000000000000"),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &zeros),
            &PARENT.replace("-01", "-1x"),
            "é0-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::parse(bad, None), None, "{bad}");
        }
        for state in ["", " ", "no-value", "=x", "a=é", &"a=1,".repeat(33), &format!("a={}", "x".repeat(600))]
        {
            let context = TraceContext::parse(PARENT, Some(state)).expect("the traceparent is well");
            assert_eq!(context.tracestate(), None, "{state}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_the_first() {
        let later = format!("{}-what-comes-then", PARENT.replace("00-", "01-"));
        let context = TraceContext::parse(&later, None).expect("a context");
        assert_eq!(context.traceparent(), PARENT);
        assert_eq!(TraceContext::parse(&format!("{}x", PARENT.replace("00-", "01-")), None), None);
    }
}
