-- The KPI rows of tributary's topic `kpis`, and how far the sink has read it. Run it as often as you like.

CREATE TABLE IF NOT EXISTS kpis (
    key          text PRIMARY KEY,           -- the record's: {kpi}|{window}|{start}|{dim=value,…}
    kpi          text NOT NULL,              -- id in the catalogue
    unit         text NOT NULL,              -- count, ratio, currency, seconds, score, currency per day
    window_kind  text NOT NULL,              -- 1h, 1d, 1mo, 30d, all, now, …
    window_start timestamptz,                -- null for all and now
    window_end   timestamptz,                -- null for all and now
    dims         jsonb NOT NULL,             -- {"channel": "email", "model": "linear"}; {} is the total
    value        double precision,           -- null where it is not defined
    numerator    double precision,
    denominator  double precision,
    low          double precision,           -- of the 95 % interval
    high         double precision,
    previous     double precision,           -- the value of the window before
    change       double precision,           -- value / previous - 1
    benchmark    double precision,           -- median of the eight windows before
    final        boolean NOT NULL,           -- whether it can change no more
    watermark    timestamptz NOT NULL,       -- up to where event time had come
    updated_at   timestamptz NOT NULL,
    currency     text                        -- of amounts of money
);

-- What dashboards ask: a KPI in a kind of window over time; then rows by some dimensions.
CREATE INDEX IF NOT EXISTS kpis_by_window ON kpis (kpi, window_kind, window_start);
CREATE INDEX IF NOT EXISTS kpis_by_dims ON kpis USING gin (dims);

-- Written in the transaction that writes the rows: after whatever failure, rows and offsets agree.
CREATE TABLE IF NOT EXISTS kpis_offsets (
    topic       text NOT NULL,
    "partition" integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, "partition")
);
