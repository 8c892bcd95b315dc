//! JSON that is passed through has to be readable for whoever gets it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use taskward_api::Json;

/// Lists and objects within each other. Readers commonly give up at 128 levels, and an answer wraps what
/// it carries; a claim that its worker cannot read would cost the attempts of every task in it.
const DEPTH_MAX: u8 = 100;

/// Checks what the grammar leaves open and readers refuse: too deep a nesting, halves of surrogate pairs,
/// numbers beyond a double.
pub(crate) fn check(json: &Json) -> Result<(), serde_json::Error> {
    Readable { levels_left: DEPTH_MAX }.deserialize(&mut serde_json::Deserializer::from_str(json.get()))
}

#[derive(Clone, Copy)]
struct Readable {
    levels_left: u8,
}

impl Readable {
    fn inside<E: Error>(self) -> Result<Self, E> {
        let too_deep =
            || E::custom(format_args!("more than {DEPTH_MAX} lists and objects within each other"));
        self.levels_left.checked_sub(1).map(|levels_left| Self { levels_left }).ok_or_else(too_deep)
    }
}

impl<'de> DeserializeSeed<'de> for Readable {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Readable {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while list.next_element_seed(inside)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inside = self.inside()?;
        while object.next_key_seed(inside)?.is_some() {
            object.next_value_seed(inside)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readable(text: &str) -> bool {
        check(&serde_json::from_str(text).expect("JSON by its grammar")).is_ok()
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for text in
            ["null", "-0.5e-300", "12345678901234567890123", "\"\\ud83d\\ude42\\u0000\"", "{\"a\":[{}]}"]
        {
            assert!(readable(text), "{text}");
        }
        for text in ["1e400", "[\"\\ud800\"]", "{\"\\udc00\":1}"] {
            assert!(!readable(text), "{text}");
        }
        assert!(readable(&nested(100)));
        assert!(!readable(&nested(101)));
        assert!(!readable(&nested(100_000)));
    }
}
