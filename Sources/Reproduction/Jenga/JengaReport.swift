import Foundation
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
      claims: claims(uniform: uniform, jenga: jenga) + (try LongestContext.claims(figure)),
      data: data,
      figure: nil, remarks: remarks)
  }

  /// What vLLM 0.6 leaves for Ministral 8B (16.04 GB in 16 bits) on an H100 whose 79.18 GiB it may use to 90 %, after a
  /// trial iteration of the model's whole 131,072 tokens: the paper names the GPU and the engine, not the pool.
  ///
  /// With parts of prompts, vLLM's choice for long ones where a model has no windows, it would be 59.1 GB.
  ///
  /// - Source: `docs/KV_BUDGET.md`, whose rules a test holds this number to.
  package static let poolGB = 47.5
  /// Room for a request of 110,100 tokens in every layer, and the watermark.
  package static let poolGBMin = 17.0
  private static let seedCount = 40

  /// Lengths in a stated span with a stated mean; how they spread is ours.
  private struct Lengths {
    var span: ClosedRange<Int>
    var mean: Double

    /// `low + width × u^(width ⁄ (mean − low) − 1)` has the mean, for a number `u` between 0 and 1.
    func draw(_ draws: inout RandomStream) -> Int {
      let width = Double(span.count - 1)
      let exponent = width / (mean - Double(span.lowerBound)) - 1
      return span.lowerBound + Int((width * pow(draws.uniform(), exponent)).rounded())
    }
  }

  /// The span of the row and the mean of the paper's articles.
  private static let prompts = Lengths(span: 55_000...110_000, mean: 92_408)
  /// The mean is what the printed batches and steps leave: 2.63 × 600 and 5.39 × 300 are 79 and 81 tokens a request.
  private static let outputs = Lengths(span: 50...100, mean: 80)

  private static func requests(seed: UInt64) -> [(prompt: Int, output: Int)] {
    var draws = RandomStream(seed: seed, label: "jenga")
    return (0..<20).map { _ in (prompts.draw(&draws), outputs.draw(&draws)) }
  }

  private static func claims(
    uniform: [DecodeReplay.Outcome], jenga: [DecodeReplay.Outcome]
  ) -> [Claim] {
    func mean(_ outcomes: [DecodeReplay.Outcome], _ value: (DecodeReplay.Outcome) -> Double)
      -> Double
    {
      MeanInterval(outcomes.map(value)).mean
    }
    let tenth = "within 10 %"
    return [
      Claim(
        figure, "one size for all (vLLM), mean decode batch", Claim.relative(2.63, 0.1),
        ours: mean(uniform, \.meanBatch), note: tenth),
      Claim(
        figure, "Jenga, mean decode batch", Claim.relative(5.39, 0.1),
        ours: mean(jenga, \.meanBatch), note: tenth),
      Claim(
        figure, "one size for all (vLLM), decode steps", Claim.relative(600, 0.1),
        ours: mean(uniform) { Double($0.decodeSteps) },
        note: "\(tenth); the paper says about 600, and outputs are chosen by batch times steps"),
      Claim(
        figure, "Jenga, decode steps", Claim.relative(300, 0.1),
        ours: mean(jenga) { Double($0.decodeSteps) },
        note: "\(tenth); outputs are chosen by batch times steps"),
      Claim(
        figure, "one size for all (vLLM), wasted, %", .value(38.2, within: 3),
        ours: mean(uniform) { $0.wasteShare * 100 }, note: "within 3 points"),
      Claim(
        figure, "Jenga, wasted, %", .value(0.04, within: 3),
        ours: mean(jenga) { $0.wasteShare * 100 }, note: "within 3 points"),
      Claim(
        figure, "decode steps of one size by Jenga's, x", .nothing,
        ours: mean(uniform) { Double($0.decodeSteps) } / mean(jenga) { Double($0.decodeSteps) },
        note:
          "throughput is 1.80 times vLLM's in the mean of the paper's models on an H100 (1.46 in the SOSP version): its traces "
          + "of the others are not at hand"),
    ]
  }

  private static let remarks = [
    "20 requests at once, prompts of 55,000 to 110,000 tokens with the mean of the paper's articles, 92,408, and outputs of 50 to "
      + "100 with a mean of 80, which is what the printed batches times steps leave; how they spread is ours. Means over 40 draws.",
    "The paper's engine is vLLM 0.6.3 on an H100 of 80 GB; how many bytes its pool had is not said. Of \(Claim.text(poolGB)) GB it is "
      + "by vLLM's rule: 90 % of the GPU, less the weights and a trial iteration of the model's 131,072 tokens (`kvplan catalog "
      + "fit`). Prompts run whole and first, our reading: in parts of 2,048 tokens the pool would be 59.1 GB, and the mean "
      + "batches 3.61 and 6.5.",
    "Waste is what is held for tokens behind the window, and for no token, by the pool, mean over decode steps: our reading of "
      + "\"wasted KV\".",
    "Longest contexts are those of one sequence in what vLLM 0.8.5 leaves of the GPUs beside the weights and a trial iteration of 8,192 "
      + "tokens: by a note on the SOSP version, which does not say the release.",
    "The paper's other rows (prefix hits, throughput by model) need its traces and are not repeated.",
  ]
}
