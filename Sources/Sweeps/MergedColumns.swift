import Planning
import Results

/// The columns of a merged table: what names a run, what was kept of its result, and what it costs.
struct MergedColumns {
  /// A column that an axis gives where the results have none for it.
  struct AxisColumn {
    var name: String
    /// The place of its value among ``SweepPoint/values``.
    var place: Int
    /// `INTEGER`, `REAL` or `TEXT`, by the values that the file gives.
    var type: String
  }

  let axes: [AxisColumn]
  /// Columns of shards that are taken over.
  let kept: [SummaryColumn]
  let objectives: [SweepObjective]
  /// What names a configuration: all that varies but the rate and the seed.
  let configuration: [String]
  /// Every axis but the seed, as columns.
  let varied: [String]

  /// Needed by the views of an SLO.
  private static let forObjectives = ["completed", "rejected", "unfinished", "output_throughput"]

  init(_ file: SweepFile) {
    let results = Set(ShardColumns.all.map(\.key))
    let names = file.axisNames
    axes = names.enumerated().compactMap { place, flag in
      let name = Self.column(flag)
      guard !results.contains(name) else { return nil }
      let texts = file.axes.flatMap(\.steps).flatMap(\.self).filter { $0.name == flag }.map(\.text)
      let type =
        texts.allSatisfy { Int($0) != nil }
        ? "INTEGER" : texts.allSatisfy { Double($0) != nil } ? "REAL" : "TEXT"
      return AxisColumn(name: name, place: place, type: type)
    }
    objectives = file.objectives
    let wanted = file.metrics.map { metrics in
      Set(metrics + file.objectives.flatMap { $0.limits.map(\.column) })
        .union(file.objectives.isEmpty ? [] : Self.forObjectives)
    }
    let variedNames = names.map(Self.column)
    kept = ShardColumns.all.filter { column in
      ShardColumns.naming.contains(column.key) || variedNames.contains(column.key)
        || wanted?.contains(column.key) ?? true
    }
    varied = variedNames.filter { $0 != "seed" }
    let fixed = ["system", "model", "device"]
    configuration = fixed + varied.filter { !fixed.contains($0) && $0 != "request_rate" }
  }

  /// `max-num-seqs` as a column is `max_num_seqs`.
  static func column(_ flag: String) -> String { flag.replacing("-", with: "_") }

  /// The columns of `runs` after `run` and `key`, in order.
  var names: [String] {
    axes.map(\.name) + kept.map(\.key) + ["gpus", "dollars_per_hour", "profile"]
  }

  /// Columns that hold a measured number: what has a mean over seeds.
  var measured: [String] {
    kept.filter { ["REAL", "REAL NOT NULL"].contains($0.storage.rawValue) }.map(\.key)
      .filter { !(configuration + ["request_rate"]).contains($0) }
  }

  /// The type of a column of `runs`, as SQLite has it.
  func type(of column: String) -> String {
    axes.first { $0.name == column }?.type
      ?? kept.first { $0.key == column }.map(ShardColumns.declaration)?
      .split(separator: " ").dropFirst().first.map(String.init) ?? "TEXT"
  }

  /// Tables and views of the merged database.
  var schema: String {
    let columns =
      axes.map { "\($0.name) \($0.type)" } + kept.map(ShardColumns.declaration)
      + [
        "gpus INTEGER NOT NULL", "dollars_per_hour REAL",
        "profile TEXT NOT NULL REFERENCES profiles",
        "scenario INTEGER NOT NULL REFERENCES scenarios",
      ]
    return """
      CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE profiles (profile TEXT PRIMARY KEY, cost_profile TEXT NOT NULL) STRICT;
      CREATE TABLE scenarios (scenario INTEGER PRIMARY KEY, settings TEXT NOT NULL) STRICT;
      CREATE TABLE runs (
        run INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        \(columns.joined(separator: ",\n  "))
      ) STRICT;
      CREATE TABLE failures (
        run INTEGER PRIMARY KEY, key TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL,
        message TEXT NOT NULL
      ) STRICT;
      \(SpreadTable(self).schema)
      \(views)
      """
  }

  /// The share of requests that may go unanswered where a latency has a limit: a request that is turned away has
  /// waited for ever, as in a plan, and a percentile does not see what is beyond it.
  private static func unansweredShare(_ column: String) -> Double {
    guard column.hasPrefix("p"), let percent = Int(column.dropFirst().prefix { $0.isNumber })
    else { return 0 }
    return Double(100 - percent) / 100
  }

  /// Whether a run had no request to measure: it meets nothing and misses nothing.
  private static let isEmpty = "completed + rejected + unfinished = 0"

  private var views: String {
    let group = (configuration + ["request_rate"]).joined(separator: ", ")
    let averages = measured.map { ", avg(\($0)) AS \($0)" }.joined()
    var views = """
      CREATE VIEW latency_by_rate AS
      SELECT \(group), count(*) AS runs\(averages)
      FROM runs GROUP BY \(group) ORDER BY \(group);

      """
    guard !objectives.isEmpty else { return views }
    let levels = objectives.map { objective in
      let met = objective.limits.map {
        " AND coalesce(\($0.column), 0) <= \($0.most)"
          + " AND rejected <= \(Self.unansweredShare($0.column)) * (completed + rejected)"
      }.joined()
      return """
        SELECT '\(objective.name.replacing("'", with: "''"))' AS slo, \(group),
          min(completed > 0\(met)) FILTER (WHERE NOT (\(Self.isEmpty))) AS meets,
          sum(\(Self.isEmpty)) AS runs_without_requests, avg(output_throughput) AS output_throughput,
          max(gpus) AS gpus, max(dollars_per_hour) AS dollars_per_hour
        FROM runs GROUP BY \(group)
        """
    }
    let names = configuration.joined(separator: ", ")
    views += """
      CREATE VIEW slo_by_rate AS
      \(levels.joined(separator: "\nUNION ALL\n"));

      CREATE VIEW capacity_by_slo AS
      WITH bounded AS (
        SELECT *, min(CASE WHEN NOT meets THEN request_rate END)
          OVER (PARTITION BY slo, \(names)) AS first_missed
        FROM slo_by_rate)
      SELECT slo, \(names), gpus, dollars_per_hour,
        max(request_rate) FILTER (WHERE meets AND request_rate < coalesce(first_missed, 9e999))
          AS capacity,
        min(first_missed) AS first_missed
      FROM bounded GROUP BY slo, \(names) ORDER BY slo, \(names);

      CREATE VIEW best_by_cost AS
      SELECT slo, model, rank() OVER (
          PARTITION BY slo, model ORDER BY dollars_per_hour / output_throughput) AS rank,
        dollars_per_hour / output_throughput / 3600 * 1e6 AS dollars_per_million_output_tokens,
        capacity, \(names.replacing("model, ", with: "")), capacity_by_slo.gpus, dollars_per_hour,
        output_throughput
      FROM capacity_by_slo JOIN (
        SELECT slo, \(group.replacing("request_rate", with: "request_rate AS capacity")),
          output_throughput FROM slo_by_rate WHERE output_throughput > 0)
      USING (slo, \(names), capacity)
      WHERE dollars_per_hour IS NOT NULL
      ORDER BY slo, model, rank;

      """
    return views
  }
}
