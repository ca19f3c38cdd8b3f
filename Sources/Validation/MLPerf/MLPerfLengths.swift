import Messages
import SimulationKernel
import Workload

/// The prompts of a benchmark with the lengths of their reference answers.
struct MLPerfLengths: Sendable {
  var prompts: [Int32]
  var outputs: [Int32]

  /// Reads `prompt_tokens,output_tokens`, plain or gzip.
  ///
  /// - Throws: ``UserError`` with file and line.
  init(path: String) throws {
    let table = try MeasurementTable(path: path)
    try table.require(["prompt_tokens", "output_tokens"])
    prompts = try (0..<table.rowCount).map { Int32(try table.size("prompt_tokens", $0)) }
    outputs = try (0..<table.rowCount).map { Int32(try table.size("output_tokens", $0)) }
  }

  init(prompts: [Int32], outputs: [Int32]) {
    self.prompts = prompts
    self.outputs = outputs
  }

  /// Outputs stretched by one factor to a mean, as engines write longer or shorter answers than the references: none is
  /// longer than `most` or shorter than a token, and the factor is the least that reaches the mean.
  ///
  /// - Returns: All of `most` where the mean is no less.
  func stretched(toMean mean: Double, most: Int) -> MLPerfLengths {
    func scaled(_ factor: Double) -> [Int32] {
      outputs.map { Int32(max(1, min(Double(most), (Double($0) * factor).rounded()))) }
    }
    guard mean < Double(most) else {
      return MLPerfLengths(
        prompts: prompts, outputs: outputs.map { _ in Int32(most) })
    }
    // A factor of `most` makes every output as long as it may be.
    var (low, high) = (0.0, Double(most))
    for _ in 0..<60 {
      let middle = (low + high) / 2
      let sum = scaled(middle).reduce(0) { $0 + Int($1) }
      if Double(sum) < mean * Double(outputs.count) { low = middle } else { high = middle }
    }
    return MLPerfLengths(prompts: prompts, outputs: scaled(high))
  }

  /// A trace of `count` requests: every sample once, in an order from the seed, then once more.
  func trace(name: String, count: Int, seed: UInt64) -> Trace {
    var order: [Int] = []
    var draws = RandomStream(seed: seed, label: "samples \(name)")
    while order.count < count {
      var round = Array(prompts.indices)
      draws.shuffle(&round)
      order += round.prefix(count - order.count)
    }
    return Trace(
      name: name,
      requests: order.map { Request(promptTokens: prompts[$0], outputTokens: outputs[$0]) },
      hasArrivals: false)
  }
}
