//! The configuration: where each value comes from, what it may be, and what it turned out to be.
//!
//! Values come in layers, later ones win: the built-in defaults (`config/defaults.yaml`, embedded), a
//! `defaults.yaml` in the configuration directory, `<env>.yaml` there, environment variables, secrets files.
//! [`Config::load`] reads them all, reports *every* problem at once ([`Problems`]) or returns a plain, typed,
//! validated [`Config`] together with the [`Origin`] of each value.
//!
//! Each key is declared once, in its file under [`sections`]: type, meaning, default, variables. The structs,
//! `config/defaults.yaml`, the table in `docs/CONFIG_GUIDE.md` and `taskward config explain` follow from that.
//!
//! Nothing here reads the process's environment except [`Sources::from_process`], and nothing prints a secret:
//! texts that may hold one pass through [`redact`].

pub mod bytes;
mod config;
mod diff;
pub mod document;
mod environment;
mod layers;
mod load;
mod nearest;
mod origin;
mod pairs;
mod problem;
pub mod redact;
pub mod schema;
pub mod sections;
mod smtp;
mod sources;
mod suspicious;
mod validate;
mod value;
mod yaml;

pub use config::Config;
pub use diff::{Change, Changes, diff};
pub use environment::Environment;
pub use load::{Loaded, ValueOrigin};
pub use nearest::nearest;
pub use origin::Origin;
pub use problem::{Place, Problem, ProblemId, Problems};
pub use redact::Redacted;
pub use sections::{
    AlertMail, Alerts, App, Backup, BackupEngine, Database, DatabaseTarget, LogFormat, Logging, Redis,
    Sampling, Server, Tasks, Tracing, WalMode, Worker,
};
pub use smtp::{SmtpSecurity, SmtpServer};
pub use sources::Sources;
