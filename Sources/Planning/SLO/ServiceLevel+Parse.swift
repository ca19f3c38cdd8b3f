import CostModel
import Messages
import SimulationKernel

extension ServiceLevel {
  /// Reads targets as people write them, separated by commas; or one of the presets by its name.
  ///
  ///     ttft.p99<=2s, tpot.p99<=100ms
  ///     ttft<=2s, tpot<=100ms, attainment>=0.99
  ///     chat:ttft.p99<=1s, batch:e2e.mean<=60s
  ///
  /// - Parameter model: Presets have other bounds for other models.
  /// - Throws: ``UserError`` for what it does not know, for bounds that no request could meet, and for
  ///   targets that contradict each other.
  package init(_ text: String, model: ModelSpec) throws(UserError) {
    let trimmed = text.trimmed
    if !trimmed.contains("=") && !trimmed.contains("<") && !trimmed.contains(">") {
      self = try ServiceLevel.preset(trimmed, model: model)
      return
    }
    self.init()
    guard !trimmed.contains(";") else {
      throw UserError(
        "`--slo` has a `;` in `\(trimmed)`",
        hint: "separate targets by commas: `\(trimmed.replacing(";", with: ","))`")
    }
    for item in trimmed.split(separator: ",", omittingEmptySubsequences: false) {
      try add(String(item).trimmed)
    }
    try requireConsistency()
  }

  private mutating func add(_ item: String) throws(UserError) {
    let isAtLeast = item.contains(">=")
    guard let sign = item.firstRange(of: isAtLeast ? ">=" : "<=") else {
      throw UserError(
        "`--slo` has the target `\(item)`, which is not a bound",
        hint: "write a metric, `<=` and a time, such as `ttft.p99<=2s`")
    }
    let name = String(item[..<sign.lowerBound]).trimmed
    let value = String(item[sign.upperBound...]).trimmed
    if name == "attainment" {
      try addAttainment(value, isAtLeast: isAtLeast, item: item)
      return
    }
    if name.hasSuffix(":attainment") {
      throw UserError(
        "`\(item)`: an attainment is over the requests of all classes and all their targets",
        hint:
          "write `attainment\(isAtLeast ? ">=" : "<=")\(value)`, or bound quantiles of the class, as "
          + "`\(name.replacing("attainment", with: "ttft.p99"))<=1s`")
    }
    var target = try Self.target(named: name, item: item)
    guard !isAtLeast else {
      throw UserError(
        "`\(item)` asks for a latency of at least \(value)",
        hint: "latencies are bounded from above: `\(name)<=\(value)`")
    }
    target.bound = try Self.seconds(value, item: item)
    targets.append(target)
  }

  private mutating func addAttainment(
    _ value: String, isAtLeast: Bool, item: String
  ) throws(UserError) {
    let isPercent = value.hasSuffix("%")
    let number = Double(isPercent ? String(value.dropLast()).trimmed : value)
    guard isAtLeast, let number, number.isFinite else {
      throw UserError(
        "`\(item)` is not a share of requests", hint: "write `attainment>=0.99` or `>=99%`")
    }
    let share = isPercent ? number / 100 : number
    guard share > 0, share <= 1 else {
      throw UserError(
        "`\(item)`: an attainment lies in (0, 1], found \(plainNumber(share))",
        hint: "write `attainment>=0.99` or `>=99%`")
    }
    guard attainment == nil else {
      throw UserError("`--slo` gives `attainment` twice", hint: "leave one of them out")
    }
    attainment = share
  }

  private static func target(named name: String, item: String) throws(UserError) -> Target {
    let scope = name.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(scope[scope.count - 1]).trimmed
    let requestClass = scope.count == 2 ? String(scope[0]).trimmed : nil
    let parts = path.split(separator: ".", maxSplits: 1).map(String.init)
    guard let first = parts.first, let metric = Metric(rawValue: first) else {
      let known = Metric.allCases.map(\.rawValue)
      let nearest = nearestName(to: parts.first ?? "", among: known + ["attainment"])
      throw UserError(
        "`--slo` has an unknown metric `\(parts.first ?? "")` in `\(item)`",
        hint: (nearest.map { "did you mean `\($0)`? " } ?? "")
          + "metrics are \(known.joined(separator: ", ")) and attainment")
    }
    guard requestClass == nil || metric != .itl else {
      throw UserError(
        "`\(item)`: gaps between tokens are pooled over all requests of all classes",
        hint: "bound `tpot` of the class")
    }
    let statistic = try statistic(parts.count > 1 ? parts[1] : nil, of: metric, item: item)
    return Target(requestClass: requestClass, metric: metric, statistic: statistic, bound: 0)
  }

  /// Quantiles that a run keeps of the pooled gaps between tokens.
  private static let gapQuantiles = [0.5, 0.9, 0.95, 0.99]

  private static func statistic(
    _ text: String?, of metric: Metric, item: String
  ) throws(UserError) -> Statistic {
    guard let text else {
      guard metric != .itl else {
        throw UserError(
          "`\(item)`: gaps between tokens are pooled over all requests, so that none belongs to "
            + "one request", hint: "write `itl.p99<=…`, or `tpot<=…` for each request")
      }
      return .each
    }
    if text == "mean" { return .mean }
    if text == "median" { return .quantile(0.5) }
    guard text.hasPrefix("p"), let percent = Double(text.dropFirst()), percent > 0, percent < 100
    else {
      throw UserError(
        "`--slo` has an unknown statistic `\(text)` in `\(item)`",
        hint: "statistics are mean, median and quantiles such as p90, p99 or p99.9")
    }
    // 99.9 is the same number however it was written.
    let share = (percent * 1e7).rounded() / 1e9
    guard metric != .itl || gapQuantiles.contains(share) else {
      throw UserError(
        "`\(item)`: of the gaps between tokens, only p50, p90, p95 and p99 are kept",
        hint: "ask for one of those, or for a quantile of `tpot`")
    }
    return .quantile(share)
  }

  static func seconds(_ text: String, item: String) throws(UserError) -> Double {
    let units: [(String, perSecond: Double)] = [
      ("ms", 1e3), ("us", 1e6), ("min", 1.0 / 60), ("s", 1),
    ]
    guard let (unit, perSecond) = units.first(where: { text.hasSuffix($0.0) }) else {
      throw UserError(
        "`\(item)` has no unit that is known",
        hint: "units are us, ms, s and min"
          + (Double(text)?.isFinite == true ? ": `\(text)s`" : ", as in `2s`"))
    }
    guard let value = Double(String(text.dropLast(unit.count)).trimmed), value > 0, value.isFinite
    else {
      throw UserError("`\(item)`: a bound must be a positive time, found `\(text)`")
    }
    let seconds = value / perSecond
    guard seconds <= 1e9 else {
      throw UserError("`\(item)`: a bound is at most 1000000000 s, found `\(text)`")
    }
    return seconds
  }

  private func requireConsistency() throws(UserError) {
    for (index, target) in targets.enumerated() {
      if let other = targets[..<index].first(where: { $0.name == target.name }) {
        throw UserError(
          "`--slo` bounds `\(target.name)` twice, by \(plainTime(other.bound)) and "
            + "\(plainTime(target.bound))", hint: "leave one of them out")
      }
    }
    let forEach = targets.filter { $0.statistic == .each }
    if let target = forEach.first, attainment == nil {
      throw UserError(
        "`\(target.text)` is a target for each request, and nothing says how many must meet it",
        hint: "add `attainment>=0.99`, or bound a quantile: `\(target.name).p99<=…`")
    }
    if attainment != nil && forEach.isEmpty {
      throw UserError(
        "`attainment` has no targets for single requests to be the share of",
        hint: "add bounds without a statistic, such as `ttft<=2s, tpot<=100ms`")
    }
    for target in targets where target.metric == .e2e {
      try requireRoom(in: target)
    }
  }

  /// The first token is part of the whole answer: bounding the whole more tightly than its parts leaves
  /// nothing for a time to the first token that is allowed.
  private func requireRoom(in whole: Target) throws(UserError) {
    let part = targets.first {
      $0.metric == .ttft && $0.statistic == whole.statistic
        && $0.requestClass == whole.requestClass && $0.bound > whole.bound
    }
    guard let part else { return }
    throw UserError(
      "`\(part.text)` and `\(whole.text)` contradict each other: the first token is part of the "
        + "whole answer", hint: "leave `\(part.name)` out, or raise `\(whole.name)`")
  }
}

extension String {
  /// Without white space at either end.
  var trimmed: String {
    String(trimmingPrefix(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
