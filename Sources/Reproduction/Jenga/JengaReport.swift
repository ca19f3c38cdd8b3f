import Planning
import Results
import SimulationKernel
import Statistics

/// The Ministral row of the Jenga paper: pages by type of layer against one size for all.
package enum JengaReport {
  static let figure = "jenga"

  /// Runs 20 requests on both memories, drawn anew for each of 40 seeds.
  ///
  /// - Parameters:
  ///   - seed: The first one.
  ///   - poolGB: Of the pool, in GB.
  package static func report(seed: UInt64, poolGB: Double) throws -> FigureReport {
    let model = WindowModel()
    let bytes = Int(poolGB * 1e9)
    let outcomes = try Parallel.map(Array(0..<seedCount)) { index in
      let requests = requests(seed: seed + UInt64(index))
      var uniform = UniformMemory(bytes: bytes, model: model)
      var jenga = JengaMemory(bytes: bytes, model: model)
      return [
        DecodeReplay.run(requests, model: model, memory: &uniform),
        DecodeReplay.run(requests, model: model, memory: &jenga),
      ]
    }
    let (uniform, jenga) = (outcomes.map { $0[0] }, outcomes.map { $0[1] })
    var data = DataTable(["seed", "memory", "mean_decode_batch", "decode_steps", "waste_percent"])
    for (index, pair) in outcomes.enumerated() {
      for (name, outcome) in zip(["uniform", "jenga"], pair) {
        data.rows.append([
          "\(seed + UInt64(index))", name, Claim.text(outcome.meanBatch), "\(outcome.decodeSteps)",
          Claim.text(outcome.wasteShare * 100),
        ])
      }
    }
    return FigureReport(
      name: figure, title: "Jenga: Ministral 8B with long prompts",
      claims: claims(uniform: uniform, jenga: jenga, poolGB: poolGB), data: data,
      figure: nil, remarks: remarks)
  }

  /// Of the pool that gives vLLM's batch; the paper does not say how large its own was.
  package static let poolGB = 40.5
  /// Room for a request of 110,100 tokens in every layer, and the watermark.
  package static let poolGBMin = 17.0
  private static let seedCount = 40

  private static func requests(seed: UInt64) -> [(prompt: Int, output: Int)] {
    var draws = RandomStream(seed: seed, label: "jenga")
    return (0..<20).map { _ in (55_000 + draws.below(55_001), 50 + draws.below(51)) }
  }

  private static func claims(
    uniform: [DecodeReplay.Outcome], jenga: [DecodeReplay.Outcome], poolGB: Double
  ) -> [Claim] {
    func mean(_ outcomes: [DecodeReplay.Outcome], _ value: (DecodeReplay.Outcome) -> Double)
      -> Double
    {
      MeanInterval(outcomes.map(value)).mean
    }
    let note =
      poolGB == Self.poolGB ? "the pool of \(Claim.text(poolGB)) GB is chosen by it: no check" : ""
    return [
      Claim(
        figure, "one size for all (vLLM), mean decode batch", Claim.relative(2.63, 0.1),
        ours: mean(uniform, \.meanBatch), note: note),
      Claim(
        figure, "Jenga, mean decode batch", Claim.relative(5.39, 0.1),
        ours: mean(jenga, \.meanBatch)),
      Claim(
        figure, "one size for all (vLLM), decode steps", Claim.relative(600, 0.1),
        ours: mean(uniform) { Double($0.decodeSteps) }, note: "the paper says about 600"),
      Claim(
        figure, "Jenga, decode steps", Claim.relative(300, 0.1),
        ours: mean(jenga) { Double($0.decodeSteps) }),
      Claim(
        figure, "one size for all (vLLM), wasted, %", .value(38.2, within: 3),
        ours: mean(uniform) { $0.wasteShare * 100 }),
      Claim(
        figure, "Jenga, wasted, %", .value(0.04, within: 3),
        ours: mean(jenga) { $0.wasteShare * 100 }),
    ]
  }

  private static let remarks = [
    "20 requests at once, prompts of 55,000 to 110,000 tokens and outputs of 50 to 100, drawn evenly; means over 40 draws. The "
      + "paper's engine is vLLM 0.6.3 on an H100; how many bytes its pool had is not said, and a pool that gives vLLM's batch "
      + "is taken. Prompts run whole and first, as vLLM did without chunked prefill: our reading.",
    "Waste is what is held for tokens behind the window, and for no token, by the pool, mean over decode steps: our reading of "
      + "\"wasted KV\".",
    "The paper's other rows (prefix hits, throughput by model) need its traces and are not repeated.",
  ]
}
