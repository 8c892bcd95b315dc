//! Creating tasks and working on them through outages, while writing down what happened; and the audit of
//! what was written down against what the service says.

pub(crate) mod audit;
pub(crate) mod clients;
pub(crate) mod enqueue;
pub(crate) mod ledger;
pub(crate) mod work;

pub(crate) use audit::Audit;
pub(crate) use clients::Clients;
pub(crate) use ledger::Ledger;
pub(crate) use work::{Manners, Worker};
