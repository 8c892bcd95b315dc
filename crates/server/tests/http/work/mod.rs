//! `/api/v1/claim`, the reports on claimed tasks, and `/api/v1/results`.

mod claim;
mod heartbeat;
mod reports;
mod results;
