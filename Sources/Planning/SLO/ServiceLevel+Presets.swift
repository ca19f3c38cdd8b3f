import CostModel
import Messages

/// Targets that others have published.
///
/// - Source: as quoted in paper-facts.md, section F: MLPerf Inference rules (99th percentiles, Poisson
///   arrivals); DistServe, arXiv 2401.09670 v3, Table 1 (both targets of a request, 90 % of requests);
///   Sarathi-Serve, arXiv 2403.02310 (99th percentile of the time between tokens, median scheduling delay
///   of 2 s); Vidur, arXiv 2405.05465 (90th percentile of TTFT, 99th of the time between tokens).
extension ServiceLevel {
  /// Names of the presets, with the models that each knows; empty where the model does not matter.
  package static let presets: [(name: String, models: [String])] = [
    ("mlperf-server", mlperfServer.map(\.model)),
    ("mlperf-interactive", mlperfInteractive.map(\.model)),
    ("distserve-chatbot", distServeChatbot.map(\.model)),
    ("distserve-code", ["opt-66b"]),
    ("distserve-summarization", ["opt-66b"]),
    ("sarathi-strict", sarathi.map(\.model)),
    ("sarathi-relaxed", sarathi.map(\.model)),
    ("vidur", []),
  ]

  /// Bounds of one model, seconds.
  private typealias Row = (model: String, ttft: Double, tpot: Double)

  private static let mlperfServer: [Row] = [
    ("llama-2-70b", 2, 0.2), ("llama-3.1-405b", 6, 0.175), ("llama-3.1-8b", 2, 0.1),
    ("mixtral-8x7b", 2, 0.2), ("deepseek-v3", 2, 0.08),
  ]
  private static let mlperfInteractive: [Row] = [
    ("llama-2-70b", 0.45, 0.04), ("llama-3.1-405b", 4.5, 0.08), ("llama-3.1-8b", 0.5, 0.03),
    ("deepseek-v3", 1.5, 0.015),
  ]
  private static let distServeChatbot: [Row] = [
    ("opt-13b", 0.25, 0.1), ("opt-66b", 2.5, 0.15), ("opt-175b", 4, 0.2),
  ]
  /// Strict and relaxed bounds of the time between tokens.
  private static let sarathi: [(model: String, strict: Double, relaxed: Double)] = [
    ("mistral-7b", 0.1, 0.5), ("yi-34b-200k", 0.2, 1), ("llama-2-70b", 1, 5),
  ]

  static func preset(_ name: String, model: ModelSpec) throws(UserError) -> ServiceLevel {
    func row<R>(_ rows: [R], _ key: (R) -> String) throws(UserError) -> R {
      if let row = rows.first(where: { key($0) == model.name }) { return row }
      throw UserError(
        "`--slo \(name)` has no targets for `\(model.name)`",
        hint: "it knows \(rows.map { "`\(key($0))`" }.joined(separator: ", ")); "
          + "write targets out, such as `ttft.p99<=2s, tpot.p99<=100ms`")
    }
    func tail(_ rows: [Row]) throws(UserError) -> ServiceLevel {
      let found = try row(rows) { $0.model }
      return ServiceLevel(targets: [
        Target(metric: .ttft, statistic: .quantile(0.99), bound: found.ttft),
        Target(metric: .tpot, statistic: .quantile(0.99), bound: found.tpot),
      ])
    }
    func ninety(_ rows: [Row]) throws(UserError) -> ServiceLevel {
      let found = try row(rows) { $0.model }
      return ServiceLevel(
        targets: [
          Target(metric: .ttft, statistic: .each, bound: found.ttft),
          Target(metric: .tpot, statistic: .each, bound: found.tpot),
        ], attainment: 0.9)
    }
    func gaps(_ bound: Double) -> ServiceLevel {
      ServiceLevel(targets: [
        Target(metric: .itl, statistic: .quantile(0.99), bound: bound),
        Target(metric: .schedulingDelay, statistic: .quantile(0.5), bound: 2),
      ])
    }
    switch name {
    case "mlperf-server": return try tail(mlperfServer)
    case "mlperf-interactive": return try tail(mlperfInteractive)
    case "distserve-chatbot": return try ninety(distServeChatbot)
    case "distserve-code": return try ninety([("opt-66b", 0.125, 0.2)])
    case "distserve-summarization": return try ninety([("opt-66b", 15, 0.15)])
    case "sarathi-strict": return gaps(try row(sarathi) { $0.model }.strict)
    case "sarathi-relaxed": return gaps(try row(sarathi) { $0.model }.relaxed)
    case "vidur":
      return ServiceLevel(targets: [
        Target(metric: .ttft, statistic: .quantile(0.9), bound: 2),
        Target(metric: .itl, statistic: .quantile(0.99), bound: 0.2),
      ])
    default:
      let names = presets.map(\.name)
      let nearest = nearestName(to: name, among: names).map { "did you mean `\($0)`? " } ?? ""
      throw UserError(
        "`--slo` is neither targets nor a preset: `\(name)`",
        hint: nearest + "write targets such as `ttft.p99<=2s, tpot.p99<=100ms`, or one of "
          + names.joined(separator: ", "))
    }
  }
}
