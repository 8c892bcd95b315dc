//! Bodies and fields that are objects. Left alone, serde also takes an array of a structure's fields: `"retry": []`
//! would be a policy, and a typing error would pass for a request.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// Reads an object.
///
/// # Errors
/// For anything else, and whatever the structure refuses.
pub fn required<'de, T: Deserialize<'de>, D: Deserializer<'de>>(json: D) -> Result<T, D::Error> {
    json.deserialize_map(Object(PhantomData))
}

/// Reads an object or null.
///
/// # Errors
/// As [`required`].
pub fn optional<'de, T: Deserialize<'de>, D: Deserializer<'de>>(json: D) -> Result<Option<T>, D::Error> {
    json.deserialize_option(Nullable(PhantomData))
}

struct Object<T>(PhantomData<T>);
struct Nullable<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Nullable<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        required(json).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use crate::{CreateTask, FailRequest, ResultItem};

    #[test]
    fn an_array_is_not_an_object() {
        for field in ["\"retry\":[]", "\"unique\":[\"key\"]"] {
            let text = format!("{{\"kind\":\"k\",{field}}}");
            assert!(serde_json::from_str::<CreateTask>(&text).is_err(), "{text}");
        }
        let text = "{\"lease_token\":\"1\",\"error\":[\"type\",\"message\"]}";
        assert!(serde_json::from_str::<FailRequest>(text).is_err());
        let text = "{\"kind\":\"k\",\"retry\":null,\"unique\":{\"key\":\"a\"}}";
        let task: CreateTask = serde_json::from_str(text).expect("a task");
        assert!(task.retry.is_none() && task.unique.is_some());
        let text = "{\"id\":\"01a20503-a1cc-7226-b096-39d509d7a304\",\"lease_token\":\"1\",\"outcome\":\"failed\",\
                    \"error\":[\"type\",\"message\"]}";
        assert!(serde_json::from_str::<ResultItem>(text).is_err());
    }
}
