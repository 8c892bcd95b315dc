//! The end-to-end proofs: the real binary, real databases, and things that go wrong.
//!
//! Every process here is started by a test and dies with it. Tests wait on conditions they can observe,
//! each with a deadline; the random pauses in them are load, not synchronisation. What is random comes from
//! one seed per test, which is printed: `CHAOS_SEED=N` repeats the choices (not the scheduling).

#![expect(clippy::print_stderr, reason = "the counts are the proof, and belong in the output of the tests")]

mod drain;
mod idle;
mod load;
mod outage;
mod reload;
mod secrets;
mod server_crash;
mod startup;
mod support;
mod two_instances;
mod worker_crash;
