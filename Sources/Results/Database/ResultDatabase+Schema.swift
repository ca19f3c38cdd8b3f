extension ResultDatabase {
  /// The summary columns that `runs` holds; the scenario has a table of its own.
  static let runColumns = SummaryColumn.all.filter { $0.storage != .ownTable }

  /// Tables and views of a new file.
  ///
  /// Times are integer nanoseconds since the start of the run, exactly as simulated; the views turn
  /// them into the units of `requests.csv`.
  static let schema = tables + views

  private static let tables = """
    CREATE TABLE meta (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE runs (
      run INTEGER PRIMARY KEY,
      \(runColumns.map { "\($0.key) \($0.storage.rawValue)" }.joined(separator: ",\n  "))
    ) STRICT;

    CREATE TABLE scenario (
      run INTEGER NOT NULL REFERENCES runs,
      position INTEGER NOT NULL,
      name TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (run, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE requests (
      run INTEGER NOT NULL REFERENCES runs,
      request INTEGER NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('completed', 'rejected', 'unfinished')),
      arrival_ns INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL CHECK (prompt_tokens >= 0),
      output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
      sequences INTEGER NOT NULL CHECK (sequences >= 1),
      first_scheduled_ns INTEGER CHECK (first_scheduled_ns >= arrival_ns),
      first_token_ns INTEGER CHECK (first_token_ns >= first_scheduled_ns),
      finish_ns INTEGER CHECK (finish_ns >= first_token_ns),
      preemptions_recompute INTEGER NOT NULL,
      preemptions_swap INTEGER NOT NULL,
      class TEXT,
      cached_tokens INTEGER CHECK (cached_tokens BETWEEN 0 AND prompt_tokens),
      recomputed_tokens INTEGER CHECK (recomputed_tokens >= 0),
      replica INTEGER CHECK (replica >= 0),
      PRIMARY KEY (run, request)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE timeline (
      run INTEGER NOT NULL REFERENCES runs,
      \(TimelineColumn.all.map { "\($0.key) \($0.storage.rawValue)" }.joined(separator: ",\n  ")),
      PRIMARY KEY (run, replica, start_s)
    ) STRICT, WITHOUT ROWID;


    """

  /// The replicas of fleets; a file whose runs all have one replica does without.
  static let replicasTable = """
    CREATE TABLE replicas (
      run INTEGER NOT NULL REFERENCES runs,
      \(ReplicaColumn.all.map { "\($0.key) \($0.storage.rawValue)" }.joined(separator: ",\n  ")),
      PRIMARY KEY (run, replica)
    ) STRICT, WITHOUT ROWID;
    """

  /// How requests went from the replica that computed their prompts to another; a file without such a run does without.
  static let handOffsTable = """
    CREATE TABLE hand_offs (
      run INTEGER NOT NULL,
      request INTEGER NOT NULL,
      prefill_replica INTEGER CHECK (prefill_replica >= 0),
      decode_replica INTEGER NOT NULL CHECK (decode_replica >= 0),
      kv_bytes INTEGER NOT NULL CHECK (kv_bytes >= 0),
      prefilled_ns INTEGER,
      transfer_start_ns INTEGER CHECK (transfer_start_ns >= prefilled_ns),
      transfer_end_ns INTEGER CHECK (transfer_end_ns >= transfer_start_ns),
      decode_scheduled_ns INTEGER CHECK (decode_scheduled_ns >= transfer_end_ns),
      PRIMARY KEY (run, request),
      FOREIGN KEY (run, request) REFERENCES requests
    ) STRICT, WITHOUT ROWID;
    """

  /// When requests were preempted; a file in whose runs nobody was does without.
  static let preemptionsTable = """
    CREATE TABLE preemptions (
      run INTEGER NOT NULL,
      request INTEGER NOT NULL,
      number INTEGER NOT NULL CHECK (number >= 1),
      instant_ns INTEGER NOT NULL CHECK (instant_ns >= 0),
      PRIMARY KEY (run, request, number),
      FOREIGN KEY (run, request) REFERENCES requests
    ) STRICT, WITHOUT ROWID;
    """

  /// What tiers behind prefix caches gave; a file without such a run does without.
  static let tierTables = """
    CREATE TABLE tiers (
      run INTEGER NOT NULL REFERENCES runs,
      \(TierColumn.all.map { "\($0.key) \($0.storage.rawValue)" }.joined(separator: ",\n  ")),
      PRIMARY KEY (run, tier)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE request_tiers (
      run INTEGER NOT NULL,
      request INTEGER NOT NULL,
      tier TEXT NOT NULL,
      tokens INTEGER NOT NULL CHECK (tokens > 0),
      PRIMARY KEY (run, request, tier),
      FOREIGN KEY (run, request) REFERENCES requests
    ) STRICT, WITHOUT ROWID;
    """

  private static let views = """
    CREATE VIEW request_latency AS
    SELECT run, request, system, request_rate, status,
      (first_token_ns - arrival_ns) / 1e6 AS ttft_ms,
      CASE WHEN output_tokens > 1
        THEN (finish_ns - first_token_ns) / 1e6 / (output_tokens - 1) END AS tpot_ms,
      (finish_ns - arrival_ns) / 1e6 AS e2el_ms,
      (finish_ns - arrival_ns) / 1e9 / output_tokens AS normalized_latency_s_per_token
    FROM requests JOIN runs USING (run);

    CREATE VIEW latency_by_rate AS
    SELECT system, request_rate, run, mean_normalized_latency_s_per_token,
      mean_ttft_ms, p99_ttft_ms, request_throughput, output_throughput
    FROM runs ORDER BY system, request_rate, run;

    CREATE VIEW load_over_time AS
    SELECT run, system, request_rate, start_s, duration_s, sum(running) AS running,
      sum(waiting) AS waiting, sum(held_blocks) AS held_blocks, sum(preemptions) AS preemptions
    FROM timeline JOIN runs USING (run)
    GROUP BY run, start_s ORDER BY run, start_s;

    CREATE VIEW waste AS
    SELECT run, system, request_rate, token_state, reserved, internal_fragmentation,
      external_fragmentation, cached, free, sharing_saving
    FROM runs ORDER BY run;

    """
}
