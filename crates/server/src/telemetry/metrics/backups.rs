//! Backups, as whoever makes them records them: the binary does, beside the service.

use super::description::Metric;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "taskward_backup_last_success_age_seconds",
        &[],
        "How old what the last complete backup holds is: what would be lost",
    )
    .shown_where("there is a backup in `backup.dir`"),
    Metric::gauge(
        "taskward_backup_first_overdue_seconds",
        &[],
        "For how long the first good backup has been overdue by `backup.rpo`; 0 while it is not, and once there is one",
    )
    .shown_where("`backup.schedule` is set, `backup.wal` is not `off`, or a backup was begun in `backup.dir`"),
    Metric::gauge(
        "taskward_drill_last_success_age_seconds",
        &[],
        "How long ago a backup was last restored in a drill that met its objectives",
    )
    .shown_where("there was such a drill in `backup.dir`"),
    Metric::gauge(
        "taskward_drill_first_overdue_seconds",
        &[],
        "For how long the first drill that passes has been overdue by `alerts.drill_too_old`, since the first backup; 0 while it is not, and once there is one",
    )
    .shown_where("there is a backup in `backup.dir`"),
    Metric::gauge("taskward_backup_last_duration_seconds", &[], "How long the last complete backup took")
        .shown_where("there is a backup in `backup.dir`"),
    Metric::counter(
        "taskward_backup_failures_total",
        &[],
        "Backups that the service was to make and did not",
    )
    .shown_where("`backup.schedule` is set, and one has failed"),
    Metric::gauge(
        "taskward_backup_consecutive_failures",
        &[],
        "Backups in a row that the service was to make and did not; 0 once there is one, whoever made it",
    )
    .shown_where("`backup.schedule` is set"),
    Metric::gauge(
        "taskward_backup_wal_lag_seconds",
        &[],
        "How long ago the oldest change was committed that the archive of the database's log does not have; 0 when it has all",
    )
    .shown_where("`backup.wal` is not `off`"),
    Metric::gauge(
        "taskward_backup_wal_held_bytes",
        &[],
        "Log that PostgreSQL keeps because the archive does not have it",
    )
    .shown_where("`backup.wal` is not `off`, on PostgreSQL"),
    Metric::counter(
        "taskward_backup_wal_archived_bytes_total",
        &[],
        "Bytes that this instance has added to the archive of the log",
    )
    .shown_where("`backup.wal` is `stream`"),
    Metric::counter(
        "taskward_backup_wal_failures_total",
        &[],
        "Times that archiving the log has begun to fail",
    )
    .shown_where("`backup.wal` is not `off`, and it has failed"),
];
