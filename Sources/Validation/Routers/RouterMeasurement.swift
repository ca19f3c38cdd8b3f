import CostModel
import Messages
import ModelFiles

/// A stage of a measured fleet behind a router: a row of `router_llmd.csv`.
package struct RouterMeasurement: Sendable {
  /// The fleet and the prompts, which the rows of a comparison have in common.
  package struct Setting: Equatable, Sendable {
    package var modelName: String
    package var gpu: String
    package var tensorParallel: Int
    package var pods: Int
    /// Different beginnings of prompts, and different prompts that begin with each.
    package var prefixes: Int
    package var promptsPerPrefix: Int
    package var prefixTokens: Int
    package var questionTokens: Int
    package var outputTokens: Int
    /// KV cache of a pod.
    package var kvTokens: Int
  }

  package var setting: Setting
  package var policy: RouterPolicy
  /// Requests per second that were asked for; `nil` for all stages together.
  package var rate: Double?
  /// Output tokens per second, from the first request to the last answer.
  package var throughput: Double
  /// Mean time to first token, seconds.
  package var ttft: Double

  /// Reads a file in the layout of `router_llmd.csv`.
  ///
  /// - Throws: ``UserError`` with file and line.
  package static func read(path: String) throws -> [RouterMeasurement] {
    let table = try MeasurementTable(path: path)
    try table.require([
      "model", "gpu", "tp", "pods", "prefixes", "prompts_per_prefix", "prefix_tokens",
      "question_tokens", "output_tokens", "arrivals", "qps_target", "policy", "out_tok_s",
      "ttft_mean_s", "kv_tokens_per_pod",
    ])
    return try (0..<table.rowCount).map { try RouterMeasurement(table, $0) }
  }

  private init(_ table: MeasurementTable, _ row: Int) throws {
    func size(_ column: String) throws -> Int { Int(try table.size(column, row)) }
    setting = Setting(
      modelName: table.text("model", row), gpu: table.text("gpu", row),
      tensorParallel: try size("tp"), pods: try size("pods"), prefixes: try size("prefixes"),
      promptsPerPrefix: try size("prompts_per_prefix"), prefixTokens: try size("prefix_tokens"),
      questionTokens: try size("question_tokens"), outputTokens: try size("output_tokens"),
      kvTokens: try size("kv_tokens_per_pod"))
    guard table.text("arrivals", row) == "poisson" else {
      throw table.failure(
        row, "`arrivals` must be `poisson`, found `\(table.text("arrivals", row))`")
    }
    let name = table.text("policy", row)
    guard let policy = RouterPolicy(rawValue: name) else {
      let known = RouterPolicy.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
      throw table.failure(row, "unknown `policy` `\(name)`; there are \(known)")
    }
    self.policy = policy
    rate =
      table.text("qps_target", row) == "all"
      ? nil : try table.seconds("qps_target", row, unit: 1)
    throughput = try table.seconds("out_tok_s", row, unit: 1)
    ttft = try table.seconds("ttft_mean_s", row, unit: 1)
  }
}

/// A stage of the load: so many requests per second for so long.
package struct RouterStage: Equatable, Sendable {
  package var rate: Double
  package var seconds: Double

  /// What the load generator sends.
  package var requests: Int { Int(rate * seconds) }

  package init(rate: Double, seconds: Double) {
    self.rate = rate
    self.seconds = seconds
  }

  /// Reads `rate_rps,duration_s`, the stages in their order.
  ///
  /// - Throws: ``UserError`` with file and line.
  package static func read(path: String) throws -> [RouterStage] {
    let table = try MeasurementTable(path: path)
    try table.require(["rate_rps", "duration_s"])
    return try (0..<table.rowCount).map { row in
      let stage = RouterStage(
        rate: try table.seconds("rate_rps", row, unit: 1),
        seconds: try table.seconds("duration_s", row, unit: 1))
      guard stage.requests > 0, stage.requests < 1_000_000 else {
        throw table.failure(row, "\(stage.requests) requests: a stage has 1 to 999,999")
      }
      return stage
    }
  }
}
