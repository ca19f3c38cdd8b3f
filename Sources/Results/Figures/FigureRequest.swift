import Messages

/// A figure that is asked for: `cdf:metric=ttft,column=one,scale=log`.
package struct FigureRequest: Equatable, Sendable {
  /// What is drawn.
  package enum Kind: String, CaseIterable, Sendable {
    /// The share of requests below each latency.
    case cdf
    /// A metric against the request rate, or another number that varies.
    case curve
    /// What held over time.
    case timeline
    /// Where the KV memory is, by class of the waste ledger.
    case ledger
  }

  /// The column of a paper that it fills.
  package enum Column: String, CaseIterable, Sendable {
    case one, two

    /// - Source: the templates of ACM, IEEE and USENIX: columns of 3.33 inches, text 7 inches wide.
    var inches: Double { self == .one ? 3.33 : 7 }

    /// At 96 a inch, as CSS has it.
    var pixels: Double { self == .one ? 320 : 672 }
  }

  package var kind: Kind
  /// What of the kind; several have a chart each.
  package var metrics: [String]
  /// `nil` chooses by the charts that there are.
  package var column: Column?
  /// The latency's axis; `nil` chooses by the values.
  package var scale: LineChart.Scale?

  package init(_ kind: Kind, _ metrics: [String]) {
    self.kind = kind
    self.metrics = metrics
  }

  /// What its file is called, without an ending: `cdf-ttft`, or `cdf` for all metrics on one figure.
  package var name: String {
    metrics.count == 1
      ? "\(kind.rawValue)-\(metrics[0].replacing("_", with: "-"))" : kind.rawValue
  }

  /// The columns of `summary.csv` that it is made of.
  package var columns: [String] {
    kind == .curve ? metrics.compactMap { FigureCurve($0)?.column } : []
  }

  /// The figures of a kind that are drawn unless others are asked for, one a metric.
  package static func usual(_ kind: Kind) -> [FigureRequest] {
    kind.metrics.map { FigureRequest(kind, [$0]) }
  }
}

extension FigureRequest.Kind {
  /// What is drawn unless one is named.
  var metrics: [String] {
    switch self {
    case .cdf: FigureLatency.all.map(\.name)
    case .curve: FigureCurve.usual.map(\.name)
    case .timeline: FigureTimeline.all.map(\.name)
    case .ledger: ["mean", "time"]
    }
  }

  /// Whether a metric of that name can be drawn.
  fileprivate func has(_ metric: String) -> Bool {
    metrics.contains(metric) || self == .curve && FigureCurve(metric) != nil
  }

  fileprivate var options: [String] {
    self == .ledger ? ["metric", "column"] : ["metric", "column", "scale"]
  }
}

extension FigureRequest {
  /// The figures that an option asks for: one a metric in one column; a chart a metric on one figure in two.
  ///
  /// - Parameter text: As given, `kind` or `kind:option=value,option=value`.
  /// - Throws: ``UserError`` for a kind, an option or a value that is none.
  package static func read(_ text: String) throws(UserError) -> [FigureRequest] {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let kind = try choice(
      String(parts[0]), of: Kind.allCases.map(\.rawValue), "`--figure` has no kind",
      "kinds are", Kind.init(rawValue:))
    var request = FigureRequest(kind, kind.metrics)
    var seen: [String] = []
    let options =
      parts.count > 1 ? parts[1].split(separator: ",", omittingEmptySubsequences: false) : []
    for option in options {
      let pair = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2, !pair[1].isEmpty else {
        throw UserError(
          "`--figure \(kind.rawValue)` takes options as `name=value`, found `\(option)`",
          hint: "such as `--figure \(kind.rawValue):metric=\(kind.metrics[0]),column=two`")
      }
      let name = String(pair[0])
      guard !seen.contains(name) else {
        throw UserError(
          "`--figure \(kind.rawValue)` has `\(name)` twice", hint: "give `--figure` twice for two")
      }
      seen.append(name)
      try request.set(name, String(pair[1]))
    }
    guard request.column != .two else { return [request] }
    return request.metrics.map { metric in
      var one = request
      one.metrics = [metric]
      return one
    }
  }

  private mutating func set(_ option: String, _ value: String) throws(UserError) {
    let figure = "`--figure \(kind.rawValue)`"
    _ = try Self.choice(option, of: kind.options, "\(figure) has no option", "it has") { $0 }
    switch option {
    case "metric":
      metrics = [value]
      guard !kind.has(value) else { return }
      let also = kind == .curve ? " and the numbers of `summary.csv`" : ""
      let names = kind.metrics + (kind == .curve ? FigureCurve.columns : [])
      let listed = "it has \(Self.list(kind.metrics))\(also)"
      throw UserError(
        "\(figure) has no metric `\(value)`",
        hint: nearestName(to: value, among: names).map { "did you mean `\($0)`? \(listed)" }
          ?? listed)
    case "column":
      column = try Self.choice(
        value, of: Column.allCases.map(\.rawValue), "\(figure) has no column", "it fills",
        Column.init(rawValue:))
    default:
      scale = try Self.choice(value, of: ["linear", "log"], "\(figure) has no scale", "it has") {
        $0 == "log" ? .logarithmic : $0 == "linear" ? .linear : nil
      }
    }
  }

  /// A value by its name, or a mistake that names the nearest and all.
  private static func choice<Value>(
    _ name: String, of names: [String], _ mistake: String, _ listing: String,
    _ value: (String) -> Value?
  ) throws(UserError) -> Value {
    if names.contains(name), let value = value(name) { return value }
    let all = "\(listing) \(list(names))"
    throw UserError(
      "\(mistake) `\(name)`",
      hint: nearestName(to: name, among: names).map { "did you mean `\($0)`? \(all)" } ?? all)
  }

  /// `` `a`, `b` and `c` ``
  private static func list(_ names: [String]) -> String {
    let quoted = names.map { "`\($0)`" }
    return quoted.dropLast().joined(separator: ", ")
      + (quoted.count > 1 ? " and " : "") + (quoted.last ?? "")
  }
}
