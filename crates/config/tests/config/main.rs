//! Tests of loading a configuration, from the outside.

mod bad_inputs;
mod documents;
mod loading;
mod properties;
mod support;
