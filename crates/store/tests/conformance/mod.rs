//! The conformance suite: what every store promises, as cases that any backend runs.
//!
//! A backend's test file declares `mod conformance;`, implements [`Database`] for its kind of database and
//! expands the suite with the path of an async function that makes a fresh, empty one:
//!
//! ```ignore
//! mod conformance;
//! async fn fresh() -> Arc<dyn conformance::Database> { … }
//! conformance::conformance_suite!(crate::fresh);
//! ```
//!
//! Each case is one `#[tokio::test]` and gets a database of its own. No case sleeps for longer than the store
//! itself says: leases and delays of zero are over at once.

use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::{Store, StoreOptions};

pub(crate) mod build;
pub(crate) mod cancel;
pub(crate) mod check;
pub(crate) mod claim;
pub(crate) mod durability;
pub(crate) mod enqueue;
pub(crate) mod epoch;
pub(crate) mod hand_over;
pub(crate) mod heartbeat;
pub(crate) mod idempotency;
pub(crate) mod list;
pub(crate) mod migrate;
pub(crate) mod previous;
pub(crate) mod promote;
pub(crate) mod prune;
pub(crate) mod queues;
pub(crate) mod release_before;
pub(crate) mod rescue;
pub(crate) mod retry;
pub(crate) mod settle;
pub(crate) mod since;
pub(crate) mod traces;
pub(crate) mod unique;
pub(crate) mod workers;

/// A database that only one case uses. Dropping it removes it.
#[async_trait]
pub(crate) trait Database: Send + Sync {
    /// Opens the database, as one more instance of the service would. The schema is left as it is: in a
    /// fresh database there is none.
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store>;

    /// Where it is.
    fn url(&self) -> String;

    /// Runs SQL behind the stores' back, for the cases that damage something.
    async fn execute(&self, sql: &str);

    /// A literal of bytes given in hexadecimal, for such SQL.
    fn bytes(&self, hexadecimal: &str) -> String {
        format!("X'{hexadecimal}'")
    }
}

/// What a case gets.
pub(crate) struct Fixture {
    /// The database.
    pub(crate) database: Arc<dyn Database>,
}

impl Fixture {
    /// A store on the database with default options, and the schema in place.
    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        self.store_with(StoreOptions::default()).await
    }

    /// The same with other options.
    pub(crate) async fn store_with(&self, options: StoreOptions) -> Arc<dyn Store> {
        let store = self.database.open(options).await;
        store.migrate_up(None).await.expect("migrations apply");
        store
    }
}

/// Expands to one test per case, in a module per verb. `$fresh` is the absolute path of an
/// `async fn() -> Arc<dyn Database>`.
macro_rules! conformance_suite {
    ($fresh:path) => {
        $crate::conformance::conformance_cases! { $fresh;
            enqueue {
                created_task_is_returned_as_stored
                every_part_of_a_task_is_kept
                delayed_task_is_scheduled
                moment_in_the_past_means_now
                results_are_in_the_order_of_the_items
                empty_batch_is_nothing
                atomic_refusal_creates_nothing
                atomic_batch_without_refusal_creates_all
                call_the_database_refuses_fails_alone
            }
            unique {
                second_task_gets_the_existing_one
                second_task_can_be_rejected
                key_counts_per_queue_and_kind
                key_is_free_once_the_task_is_finished
                batch_sees_its_own_earlier_items
            }
            idempotency {
                same_request_is_answered_with_the_task_as_it_is_now
                other_request_is_refused
                key_is_forgotten_after_its_window
                key_of_a_pruned_task_counts_as_new
                refused_item_records_no_key
                duplicate_records_the_existing_task
                batch_sees_its_own_earlier_keys
                replay_wins_over_uniqueness
            }
            claim {
                nothing_to_claim_gives_empty_lists
                claimed_task_is_running_under_a_lease
                order_is_priority_then_run_at_then_id
                queues_are_served_in_strict_order
                only_wanted_kinds_are_claimed
                kinds_do_not_disturb_the_order
                paused_queue_gives_nothing
                demands_share_what_there_is
                scheduled_task_is_not_claimed
                no_task_is_claimed_twice
            }
            hand_over {
                waiting_worker_gets_the_new_tasks
                what_waits_already_comes_first
                paused_queue_hands_nothing_over
                keys_count_as_ever
                refused_task_hands_nothing_over
            }
            heartbeat {
                lease_is_extended
                attempt_ends_in_time_however_often_it_is_extended
                progress_is_kept_until_it_changes
                foreign_lease_is_refused
                finished_and_unknown_tasks_are_told_apart
                cancellation_is_passed_on
                lease_that_is_over_can_be_extended_until_it_is_taken
                after_an_outage_every_attempt_has_time
            }
            settle {
                completed_task_is_finished_with_its_result
                repeated_completion_is_the_same
                completion_with_another_result_is_refused
                unknown_task_is_not_found
                failed_task_is_tried_again
                worker_decides_when_to_try_again
                failure_that_is_not_retryable_kills
                last_attempt_kills
                repeated_failure_is_the_same
                snoozed_task_keeps_its_attempt
                released_task_is_available_at_once
                second_report_in_a_batch_sees_the_first
                stale_lease_changes_nothing
                lease_grows_through_everything
                newest_errors_are_kept
                report_after_cancellation_finishes
                work_completed_in_spite_of_cancellation_is_completed
            }
            cancel {
                waiting_task_is_cancelled
                running_task_is_asked_to_stop
                finished_and_unknown_tasks_are_refused
                cancelled_task_frees_its_unique_key
            }
            retry {
                dead_task_starts_afresh
                only_dead_tasks_can_be_retried
                unique_key_taken_meanwhile_is_a_conflict
                batch_of_equal_keys_brings_one_back
            }
            promote {
                due_task_becomes_available
                limit_leaves_the_rest_due
                task_that_is_not_due_stays
            }
            rescue {
                lost_lease_makes_the_task_available
                task_past_its_timeout_has_failed
                earlier_end_counts
                third_crash_is_a_crash_loop
                only_attempt_is_never_repeated
                cancelled_task_is_not_tried_again
                held_lease_is_left_alone
                limit_is_kept
            }
            prune {
                young_history_stays
                old_idempotency_keys_are_removed
            }
            list {
                get_answers_in_the_order_of_the_ids
                newest_come_first_from_both_tables
                filters_are_combined
                pages_cover_everything_once
            }
            queues {
                counters_equal_a_recount
                queue_can_be_paused_before_it_has_tasks
                oldest_available_task_is_found_in_any_priority
                no_queues_in_a_fresh_database
            }
            workers {
                workers_seen_lately_are_listed
                holders_are_listed_however_long_ago_they_asked
                late_report_does_not_replace_a_newer_one
            }
            since {
                what_was_created_and_finished_is_counted
            }
            traces {
                context_goes_with_the_task_to_its_end
                lost_and_dead_tasks_keep_it
                each_task_of_a_batch_has_its_own_or_none
                waiting_worker_gets_it_with_the_task
                tasks_survive_a_way_down_and_up_again
            }
            migrate {
                up_down_up
                second_up_applies_nothing
                openers_at_once_apply_each_once
                status_of_an_empty_database_creates_nothing
                newer_schema_is_refused
                changed_migration_is_refused
                unknown_version_is_refused
            }
            epoch {
                leases_from_before_are_fenced
                each_restore_begins_a_later_epoch
                counting_agrees_with_the_counters
                forgotten_task_leaves_nothing
            }
            previous {
                what_the_first_schema_relied_on_is_there
                the_release_before_can_work_on_the_newest_schema
                schema_that_was_only_added_to_is_worked_on
                schema_of_a_later_release_goes_back_without_it
                kept_text_that_was_changed_is_not_run
                records_of_an_older_build_are_completed
            }
            release_before {
                its_statements_are_the_ones_kept
                its_statements_are_understood
                what_it_writes_is_sound
            }
            check {
                everything_holds_in_a_store_that_was_used
                each_violation_is_found_and_named
                violations_are_all_counted_and_few_are_described
                what_there_was_no_time_for_is_unknown
                schema_of_another_version_is_refused
            }
            durability {
                everything_is_there_after_opening_again
                second_store_sees_what_the_first_did
                closed_store_refuses
                ping_and_name
            }
        }
    };
}

macro_rules! conformance_cases {
    ($fresh:path; $($module:ident { $($case:ident)* })*) => {
        $(mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let fixture = $crate::conformance::Fixture { database: $fresh().await };
                    $crate::conformance::$module::$case(fixture).await;
                }
            )*
        })*
    };
}

pub(crate) use {conformance_cases, conformance_suite};
