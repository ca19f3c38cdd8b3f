import CostModel
import Foundation
import Kernels
import SimulationKernel

/// What the iterations of one model take on one machine: the sum of measured prices.
///
///     seconds = Σ feature(shape, block size) × price
///
/// Files of ``version`` 2 hold the names of the features beside their prices, so that a reader needs
/// no code.
package struct CPUProfile: Codable, Equatable, Sendable {
  /// A feature and what one of it takes.
  package struct Price: Codable, Equatable, Sendable {
    package var feature: String
    package var seconds: Double
  }

  package var version = 2
  package var model: String
  package var machine: KernelMachine
  /// The clock that it was measured with.
  package var stopwatch: Stopwatch
  package var prices: [Price]
  /// Iterations measured, and how many of them were held out of the fit.
  package var samples: Int
  package var heldOut: Int
  /// Of the held-out iterations: mean, and 90th percentile, of |price − measured| ⁄ measured.
  package var meanError: Double
  package var p90Error: Double

  /// A profile from a file's bytes.
  ///
  /// - Throws: ``UserError`` for a file that is no profile of this version.
  package static func decode(_ data: Data, path: String) throws -> CPUProfile {
    let profile: CPUProfile
    do {
      profile = try JSONDecoder().decode(CPUProfile.self, from: data)
    } catch {
      throw UserError(
        "`\(path)` is no CPU profile", hint: "`kvplan calibrate cpu --output` writes one")
    }
    let names = profile.prices.map(\.feature)
    guard profile.version == 2, names == CPUFeatures.names else {
      throw UserError(
        "`\(path)` is a CPU profile of another version of kvplan",
        hint: "measure again with `kvplan calibrate cpu`")
    }
    return profile
  }

  package func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return try encoder.encode(self)
  }

  /// What to tell a user who is going to use the profile here, for `model`.
  ///
  /// - Throws: ``UserError`` if it is another model's.
  package func warnings(for model: String, on machine: KernelMachine) throws -> [String] {
    guard model == self.model else {
      throw UserError(
        "the profile is of `\(self.model)`, not of `\(model)`",
        hint: "measure with `kvplan calibrate cpu --model \(model)`")
    }
    let differences = machine.differences(from: self.machine)
    guard !differences.isEmpty else { return [] }
    return [
      "the profile was measured on another machine: " + differences.joined(separator: ", ")
    ]
  }
}

/// The features of an iteration that its price is a sum over.
package enum CPUFeatures {
  /// Batched tokens at which the price of the linear layers is tabulated; linear in between.
  static let tokenKnots = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
  /// Sampled rows at which the price of LM head and sampling is tabulated.
  static let sampledKnots = [1, 8, 64]
  /// Block sizes at which reading the KV cache is priced; linear in the logarithm in between.
  static let blockSizes = [1, 8, 16, 32, 128]

  package static let names: [String] =
    tokenKnots.map { "tokens_\($0)" } + sampledKnots.map { "sampled_\($0)" }
    + ["decode_sequences"] + blockSizes.map { "decode_context_tokens_block_\($0)" }
    + [
      "shared_context_tokens", "prefill_chunks", "prefill_token_pairs", "moved_blocks",
      "moved_bytes",
    ]

  /// The features of an iteration. Context that is shared counts for the first who reads it as context, and
  /// for the others as shared.
  ///
  /// - Parameter tokenBytes: Keys and values of a token, all layers.
  static func values(_ iteration: CPUIteration, blockSize: Int, tokenBytes: Int) -> [Double] {
    let shape = iteration.shape
    var pairs = 0.0
    for chunk in shape.prefillChunks {
      pairs += Double(chunk.tokens) * (Double(chunk.contextTokens) + Double(chunk.tokens + 1) / 2)
    }
    let moved = shape.copiedBlocks + shape.swappedInBlocks + shape.swappedOutBlocks
    let context = Double(shape.decodeContextTokens - iteration.sharedContextTokens)
    return hats(Double(shape.batchedTokens), tokenKnots.map(Double.init))
      + hats(Double(shape.sampledSequences), sampledKnots.map(Double.init))
      + [Double(shape.decodeSequences)]
      + hats(log2(Double(blockSize)), blockSizes.map { log2(Double($0)) }, isClamped: true)
      .map { $0 * context }
      + [
        Double(iteration.sharedContextTokens), Double(shape.prefillChunks.count), pairs,
        Double(moved), Double(moved * blockSize * tokenBytes),
      ]
  }

  /// Weights of the knots in a linear interpolation at `x`; 0 everywhere for `x` = 0, in proportion
  /// beyond the last knot, or the last knot itself if `isClamped`.
  private static func hats(_ x: Double, _ knots: [Double], isClamped: Bool = false) -> [Double] {
    var weights = Array(repeating: 0.0, count: knots.count)
    if !isClamped && x <= 0 { return weights }
    let last = knots.count - 1
    guard x > knots[0] else {
      weights[0] = 1
      return weights
    }
    guard x < knots[last] else {
      weights[last] = isClamped ? 1 : x / knots[last]
      return weights
    }
    let above = knots.firstIndex { $0 > x } ?? last
    let share = (x - knots[above - 1]) / (knots[above] - knots[above - 1])
    weights[above - 1] = 1 - share
    weights[above] = share
    return weights
  }
}

/// The price of an iteration by a profile.
package struct CPUCostModel: Sendable {
  package let profile: CostProfile
  private let prices: [Double]
  private let blockSize: Int
  private let tokenBytes: Int

  package init(_ profile: CPUProfile, model: ModelSpec, blockSize: Int) {
    prices = profile.prices.map(\.seconds)
    self.blockSize = blockSize
    tokenBytes = ToyModels.kvBytesPerToken(model)
    self.profile = CostProfile(
      name: "cpu/\(profile.model)", isCalibrated: true,
      error: "held-out error \(percent(profile.meanError)), p90 \(percent(profile.p90Error))")
  }

  package func duration(of iteration: CPUIteration) -> SimDuration {
    let features = CPUFeatures.values(iteration, blockSize: blockSize, tokenBytes: tokenBytes)
    return SimDuration(rounding: zip(features, prices).reduce(0) { $0 + $1.0 * $1.1 })
  }
}

/// A share as a percentage with one decimal.
func percent(_ share: Double) -> String {
  "\((share * 1000).rounded() / 10) %"
}
