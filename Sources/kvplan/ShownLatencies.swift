import Planning
import Results

/// The latencies that a plan bounds, as columns of its tables, names in its files and titles of its figures.
struct ShownLatencies {
  private let targets: [ServiceLevel.Target]

  init(_ serviceLevel: ServiceLevel) { targets = serviceLevel.shown }

  /// A column and its cell of one assessment.
  typealias Column = (column: TextTable.Column, cell: (Assessment) -> String)

  /// Columns of the time to first token, of the time per output token, or (`nil`) of all else.
  ///
  /// The mean of all requests is not among them where `hasMean` says that the table has it already.
  func columns(of metric: ServiceLevel.Metric?, hasMean: Bool = true) -> [Column] {
    targets.enumerated().compactMap { index, target in
      let isOther = target.metric != .ttft && target.metric != .tpot
      guard metric.map({ $0 == target.metric }) ?? isOther else { return nil }
      if hasMean, target.isMeanOfAll, target.metric.hasMeanColumn { return nil }
      let scope = target.requestClass.map { "\($0) " } ?? ""
      return (
        .init("\(scope)\(target.metric.title)\n\(target.statisticText) ms"),
        { PlanCells.latency($0.shown[index]) }
      )
    }
  }

  /// Names in CSV, and their values of one assessment: milliseconds.
  var names: [String] { targets.map { "\($0.name)_ms" } }

  static func values(_ assessment: Assessment) -> [String] {
    assessment.shown.map { value in value.map { "\($0 * 1000)" } ?? "" }
  }

  /// Against the rate, each with its bound.
  var curves: [RateFigures.Curve] {
    targets.enumerated().map { index, target in
      let isShort = [.tpot, .itl, .normalizedLatency].contains(target.metric)
      let perSecond = isShort ? 1000.0 : 1
      let scope = target.requestClass.map { " of \($0)" } ?? ""
      return RateFigures.Curve(
        title: "\(target.metric.words)\(scope), \(target.statisticText)",
        unit: isShort ? "ms" : "s",
        bound: target.bound.isFinite ? target.bound * perSecond : nil,
        value: { $0.assessment.shown[index].flatMap { $0.isFinite ? $0 * perSecond : nil } })
    }
  }
}

extension ServiceLevel.Target {
  fileprivate var isMeanOfAll: Bool { statistic == .mean && requestClass == nil }
}

extension ServiceLevel.Metric {
  /// Whether tables of plans always have its mean over all requests.
  fileprivate var hasMeanColumn: Bool { [.ttft, .tpot, .e2e].contains(self) }

  fileprivate var title: String {
    switch self {
    case .ttft: "TTFT"
    case .tpot: "TPOT"
    case .itl: "ITL"
    case .e2e: "E2E"
    case .normalizedLatency: "norm."
    case .schedulingDelay: "delay"
    }
  }

  fileprivate var words: String {
    switch self {
    case .ttft: "Time to first token"
    case .tpot: "Time per output token"
    case .itl: "Gap between tokens"
    case .e2e: "End-to-end latency"
    case .normalizedLatency: "Latency per output token"
    case .schedulingDelay: "Scheduling delay"
    }
  }
}
