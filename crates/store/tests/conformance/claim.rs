//! Handing out tasks.

use super::Fixture;
use super::build::demand;

pub(crate) async fn nothing_to_claim_gives_empty_lists(fixture: Fixture) {
    let store = fixture.store().await;
    let lists = store.claim(vec![demand("default", 5), demand("other", 1)]).await.expect("claim");
    assert_eq!(lists.iter().map(Vec::len).collect::<Vec<_>>(), [0, 0]);
}
