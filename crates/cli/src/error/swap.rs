//! From a swap that was not finished to an error of the command line.

use taskward_store::HalfSwapped;

use super::CliError;
use crate::exit::Exit;
use crate::secret::quoted;

impl CliError {
    /// A restore was interrupted while it swapped.
    pub(crate) fn from_half_swapped(half: &HalfSwapped) -> Self {
        let (kept, staged) = (half.kept.display(), half.staged.display());
        let why =
            format!("what was there before is {kept}; what was restored, whole and proven, is {staged}");
        let moves = half.remaining().into_iter();
        let moves: Vec<_> = moves.map(|(from, to)| format!("mv {} {}", quoted(&from), quoted(&to))).collect();
        Self::new(Exit::Refused, "restore_interrupted", half.to_string())
            .why(why)
            .state("nothing was created in its place")
            .next(moves.join(" && "))
    }
}
