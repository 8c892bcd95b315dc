//! From an error of a move between databases to one of the command line.

use taskward_store::transfer::{MoveError, Side};

use super::CliError;
use crate::exit::Exit;

/// What the two databases of a move are called. Holds no secret.
#[derive(Debug, Clone)]
pub(crate) struct MoveSides {
    /// The source.
    pub(crate) from: String,
    /// The target.
    pub(crate) to: String,
}

impl MoveSides {
    /// What is left behind by a move that was cut off.
    pub(crate) const PART: &str =
        "what was copied stays in the target, where no service starts; the same command goes on with it";

    fn name(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.from,
            Side::Target => &self.to,
        }
    }
}

impl CliError {
    /// What a move that failed means.
    pub(crate) fn from_move(error: &MoveError, sides: &MoveSides) -> Self {
        let MoveSides { from, to } = sides;
        match error {
            MoveError::SameKind => Self::usage("same_kind", format!("{from} and {to}: {error}"))
                .why("one side has to be SQLite, the other PostgreSQL")
                .next("taskward db move --help"),
            MoveError::Store(side, error) => Self::from_store(error, sides.name(*side)),
            MoveError::CutOff(side, error) => {
                Self::from_store(error, sides.name(*side)).state(MoveSides::PART)
            }
            MoveError::InUse { side, by } => {
                let message = format!("{}: {by} uses it", sides.name(*side));
                Self::new(Exit::Refused, "database_in_use", message)
                    .why("what is created while it is moved would be left behind: stop the service first")
            }
            MoveError::NotEmpty(what) => {
                Self::new(Exit::Refused, "target_not_empty", format!("{to}: it has {what}"))
                    .why("a move only fills an empty database")
            }
            MoveError::OtherMove(_) => Self::new(Exit::Refused, "unfinished_move", format!("{to}: {error}"))
                .why("go on with that move, or use another target"),
            MoveError::Unfit(_) => {
                Self::new(Exit::Refused, "schemas_differ", format!("{from} and {to}: {error}"))
                    .why("a table or a column has no counterpart")
                    .state("the target has a schema and no rows, and no service starts on it")
                    .next("taskward migrate status")
            }
            MoveError::Differs { .. } => Self::new(
                Exit::Failed,
                "move_differs",
                format!("{from} and {to}: {error}"),
            )
            .why("somebody has written into one of them meanwhile, or between two parts of the move")
            .state("the target has what was copied, and no service starts on it; empty it, and move again"),
        }
    }
}
