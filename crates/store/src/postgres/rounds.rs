//! Items of a batch that name the same task are applied one after the other, in rounds.

use std::collections::HashSet;

use taskward_core::TaskId;

/// The positions of the ids, split so that no id is twice in a round. Nearly always that is one round.
pub(super) fn rounds(ids: impl Iterator<Item = TaskId>) -> Vec<Vec<usize>> {
    let mut waiting: Vec<(TaskId, usize)> = ids.zip(0..).collect();
    let mut rounds = Vec::new();
    while !waiting.is_empty() {
        let mut seen = HashSet::with_capacity(waiting.len());
        let (round, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(id, _)| seen.insert(*id));
        rounds.push(round.into_iter().map(|(_, position)| position).collect());
        waiting = later;
    }
    rounds
}

/// Puts the answers of the rounds into the order of the items.
pub(super) fn in_order<T>(mut answers: Vec<(usize, T)>) -> Vec<T> {
    answers.sort_unstable_by_key(|(position, _)| *position);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_ids_go_to_later_rounds() {
        let id = |n: u128| TaskId(uuid::Uuid::from_u128(n));
        let ids = [id(7), id(3), id(7), id(7), id(3)];
        assert_eq!(rounds(ids.into_iter()), [vec![0, 1], vec![2, 4], vec![3]]);
    }
}
