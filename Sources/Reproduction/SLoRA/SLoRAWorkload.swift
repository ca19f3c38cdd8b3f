import Foundation
import SimulationKernel
import Workload

/// The synthetic workload of the S-LoRA study: requests, each for an adapter.
///
/// - Source: `benchmarks/trace.py` and the suite `a100-80-table` of S-LoRA/S-LoRA, whose draws are repeated number by
///   number: gamma arrivals of coefficient 1, prompts and outputs of 8 to 511 tokens. Its power law of exponent 1 is
///   `numpy.random.power(1)`, which draws all adapters alike.
struct SLoRAWorkload: Sendable {
  static let rate = 10.0
  static let seconds = 120.0
  static let publishedSeed: UInt32 = 42

  /// In order of arrival.
  var requests: [Request]
  /// Of each request.
  var adapters: [Int]

  init(requests: [Request], adapters: [Int]) {
    self.requests = requests
    self.adapters = adapters
  }

  init(adapterCount: Int, seed: UInt32) {
    var numbers = MersenneTwister(numpySeed: seed)
    let count = Int(Self.rate * Self.seconds)
    adapters = (0..<count).map { _ in
      // `power(1)`: 1 − e^−x of an exponential x.
      Int((1 - exp(-numbers.exponential(mean: 1))) * Double(adapterCount))
    }
    let prompts = (0..<count).map { _ in numbers.integer(in: 8..<512) }
    let outputs = (0..<count).map { _ in numbers.integer(in: 8..<512) }
    var clock = 0.0
    requests = (0..<count).map { index in
      clock += numbers.exponential(mean: 1 / Self.rate)
      return Request(
        arrival: .zero + SimDuration(rounding: clock), promptTokens: Int32(prompts[index]),
        outputTokens: Int32(outputs[index]))
    }
  }

  /// The requests of one adapter.
  func requests(of adapter: Int) -> [Request] {
    zip(requests, adapters).filter { $0.1 == adapter }.map(\.0)
  }
}
