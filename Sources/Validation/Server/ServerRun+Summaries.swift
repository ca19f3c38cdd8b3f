import Foundation
import Messages

/// Summaries that AIPerf and genai-perf write at the end of a run: a mean and quantiles of each metric, and no requests.
///
///     "time_to_first_token": {"unit": "ms", "avg": 50.0, "p99": 70.0, …}
///
/// - Source: AIPerf documentation, `profile_export_aiperf.json` Schema; names inside `input_config` are those that readers of
///   both tools' files look at, and may be others in newer releases.
extension ServerRunReading {
  static func isSummary(_ object: [String: Any]) -> Bool {
    ["input_sequence_length", "output_sequence_length"].allSatisfy {
      mean($0, of: object) != nil
    }
  }

  private static func mean(_ metric: String, of object: [String: Any]) -> Double? {
    ((object[metric] as? [String: Any])?["avg"] as? NSNumber)?.doubleValue
  }

  /// Requests of the mean lengths, as many as were answered.
  ///
  /// - Throws: ``UserError`` where it is not known how many were answered or how they came, and for a unit that is no time.
  func summary(_ name: String, _ object: [String: Any]) throws -> ServerRun {
    func mean(_ metric: String) -> Double? { Self.mean(metric, of: object) }
    guard let completed = given("completed") ?? mean("request_count"), completed >= 1 else {
      throw UserError(
        "\(name): how many requests were answered is not known",
        hint: "add `--columns completed=640`")
    }
    let config = object["input_config"] as? [String: Any] ?? [:]
    func setting(_ key: String) -> Double? {
      let places = [
        config["loadgen"], (config["perf_analyzer"] as? [String: Any])?["stimulus"],
      ]
      return places.lazy.compactMap { (($0 as? [String: Any])?[key] as? NSNumber)?.doubleValue }
        .first
    }
    let clients = try (given("max_concurrency") ?? setting("concurrency")).map {
      try clientCount(name, $0)
    }
    let rate = given("request_rate") ?? setting("request_rate")
    guard let rate = rate ?? clients.map({ _ in .infinity }) else {
      throw UserError(
        "\(name): how requests came is not known",
        hint: "add `--columns max_concurrency=64` for so many clients, or `request_rate=5`")
    }
    var measured: [ServerRun.Quantity: Double] = [:]
    measured[.throughput] = mean("request_throughput")
    measured[.ttft] = try Self.seconds("time_to_first_token", of: object, name)
    measured[.tpot] = try Self.seconds("inter_token_latency", of: object, name)
    measured[.e2e] = try Self.seconds("request_latency", of: object, name)
    var run = try run(
      name,
      try drawn(
        name, completed, mean("input_sequence_length") ?? 0, mean("output_sequence_length") ?? 0),
      rate: rate, clients: clients, starts: nil, measured)
    let models =
      (config["endpoint"] as? [String: Any])?["model_names"] ?? config["model_names"]
    run.model = (models as? [String])?.first
    return run
  }

  /// How many of a unit are a second.
  private static let units = ["s": 1, "sec": 1, "ms": 1e3, "us": 1e6, "ns": 1e9]

  private static func seconds(
    _ metric: String, of object: [String: Any], _ name: String
  ) throws(UserError) -> Double? {
    guard let mean = mean(metric, of: object) else { return nil }
    let unit = (object[metric] as? [String: Any])?["unit"] as? String ?? "ms"
    guard let second = units[unit] else {
      throw UserError("\(name): `\(metric)` is in `\(unit)`, which is no unit of time")
    }
    return mean / second
  }
}
