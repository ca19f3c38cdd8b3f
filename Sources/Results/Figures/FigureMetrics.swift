import Metrics

/// A latency of single requests, for distributions.
struct FigureLatency: Sendable {
  var name: String
  var title: String
  /// As axes call it.
  var short: String
  /// Seconds; `nil` for a request that has none.
  var value: @Sendable (RequestRecord) -> Double?

  static let all: [FigureLatency] = [
    .init(name: "ttft", title: "Time to first token", short: "TTFT") { $0.ttft },
    .init(name: "tpot", title: "Time per output token", short: "TPOT") { $0.tpot },
    .init(name: "e2e", title: "End-to-end latency", short: "latency") { $0.e2el },
  ]
}

/// A number of a summary, for curves.
struct FigureCurve: Sendable {
  var name: String
  /// In `summary.csv`.
  var column: String
  var title: String
  /// What its axis says, with the unit.
  var axis: String
  /// What its values are multiplied with: shares become percent.
  var factor = 1.0

  /// What is drawn by itself, under short names.
  static let usual: [FigureCurve] = [
    .init("ttft", "mean_ttft_ms"), .init("p99_ttft_ms", "p99_ttft_ms"),
    .init("tpot", "mean_tpot_ms"), .init("e2e", "mean_e2el_ms"),
    .init("normalized", "mean_normalized_latency_s_per_token"),
    .init("throughput", "output_throughput"), .init("batch", "mean_batched_requests"),
    .init("token-state", "token_state"),
  ]

  /// Every column that holds a measured number.
  static let columns = SummaryColumn.all.filter(\.isMeasured).map(\.key)

  /// - Parameter name: Of one of ``usual``, or of a column.
  init?(_ name: String) {
    if let usual = Self.usual.first(where: { $0.name == name }) {
      self = usual
    } else if Self.columns.contains(name) {
      self.init(name, name)
    } else {
      return nil
    }
  }

  private init(_ name: String, _ column: String) {
    guard let row = SummaryColumn.all.first(where: { $0.key == column }) else {
      preconditionFailure("Results: no column `\(column)` to draw")
    }
    self.name = name
    self.column = column
    title = row.title
    axis = row.axis
    if row.isShare { factor = 100 }
  }
}

extension SummaryColumn {
  fileprivate var isMeasured: Bool {
    [.real, .optionalReal].contains(storage) && key != "request_rate"
  }

  private static let quantities: [String: (title: String, axis: String)] = [
    "ttft_ms": ("Time to first token", "TTFT, ms"),
    "tpot_ms": ("Time per output token", "TPOT, ms"),
    "itl_ms": ("Inter-token latency", "ITL, ms"),
    "e2el_ms": ("End-to-end latency", "latency, ms"),
  ]
  private static let titles = [
    "mean_normalized_latency_s_per_token": "Normalized latency",
    "output_throughput": "Output throughput", "request_throughput": "Request throughput",
    "mean_batched_requests": "Requests running", "mean_waiting_requests": "Requests waiting",
    "token_state": "KV memory that holds tokens", "free": "KV memory that is free",
    "cached": "KV memory kept for reuse",
  ]

  /// The latency of which it is a statistic.
  private var latency: (statistic: Substring, title: String, axis: String)? {
    guard let end = key.firstIndex(of: "_"),
      let quantity = Self.quantities[String(key[end...].dropFirst())]
    else { return nil }
    return (key[..<end], quantity.title, quantity.axis)
  }

  /// In words, as a figure has it above itself.
  fileprivate var title: String {
    if let title = Self.titles[key] { return title }
    guard let latency else { return meaning.prefix(1).uppercased() + meaning.dropFirst() }
    let isPercentile = latency.statistic.first == "p"
    return "\(latency.title), "
      + (isPercentile ? "\(latency.statistic.dropFirst())th percentile" : latency.statistic)
  }

  fileprivate var isShare: Bool { unit == "share of the pool" }

  fileprivate var axis: String { latency?.axis ?? (isShare ? "KV pool, %" : unit) }
}

/// What held over time, for one replica or all.
struct FigureTimeline: Sendable {
  var name: String
  var title: String
  var unit: String
  /// Adds up over time.
  var isSum = false
  var value: @Sendable (HistoryPoint) -> Double

  static let all: [FigureTimeline] = [
    .init(name: "memory", title: "KV memory held by requests", unit: "KV pool, %") {
      $0.heldShare * 100
    },
    .init(name: "running", title: "Requests running", unit: "requests") { $0.running },
    .init(name: "waiting", title: "Requests waiting", unit: "requests") { $0.waiting },
    .init(name: "preemptions", title: "Preemptions so far", unit: "preemptions", isSum: true) {
      Double($0.preemptions)
    },
  ]
}

extension HistoryPoint {
  /// The classes of the waste ledger, as ``shares`` has them.
  static let classes = ["token state", "reserved", "internal", "external", "cached", "free"]

  /// Share of the pool that is neither cached nor free.
  fileprivate var heldShare: Double { shares.dropLast(2).reduce(0, +) }
}
