-- One row for each time this database was restored from a backup. What was handed out after the restored point is
-- unknown here: so leases of a later epoch are greater than every lease of an earlier one, and no worker from
-- before holds one that is valid now.
CREATE TABLE epochs (
    -- The millisecond it began in, since 1970: a backup that is restored twice begins two epochs.
    epoch bigint NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    -- The backup's id.
    backup text NOT NULL,
    CONSTRAINT epochs_pkey PRIMARY KEY (epoch)
);
