//! Where randomness comes from.

/// A generator for one test; says its seed. `CHAOS_SEED` sets it.
pub(crate) fn seed(test: &str) -> fastrand::Rng {
    let seed = match std::env::var("CHAOS_SEED") {
        Ok(text) => text.parse().expect("CHAOS_SEED is a whole number"),
        Err(_) => fastrand::u64(..),
    };
    eprintln!("{test}: CHAOS_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
