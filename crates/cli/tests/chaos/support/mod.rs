//! Databases, processes and connections for the tests.

pub(crate) mod bench_load;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod seed;
pub(crate) mod service;
pub(crate) mod wait;

pub(crate) use bench_load::BenchLoad;
pub(crate) use database::Database;
pub(crate) use http::Connection;
pub(crate) use process::Process;
pub(crate) use proxy::{Cut, Proxy};
pub(crate) use seed::seed;
pub(crate) use service::Service;
pub(crate) use wait::{eventually, within};
