import CostModel
import Foundation
import Kernels
import Messages
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

/// The price of an iteration by a profile.
package struct CPUCostModel: Sendable {
  package let profile: CostProfile
  private let prices: [Double]
  private let features: CPUFeatures

  package init(_ profile: CPUProfile, model: ModelSpec, blockSize: Int) {
    prices = profile.prices.map(\.seconds)
    features = CPUFeatures(model, blockSize: blockSize)
    self.profile = CostProfile(
      name: "cpu/\(profile.model)", isCalibrated: true,
      error: "held-out error \(percent(profile.meanError)), p90 \(percent(profile.p90Error))")
  }

  package func duration(of iteration: CPUIteration) -> SimDuration {
    SimDuration(rounding: zip(features.values(iteration), prices).reduce(0) { $0 + $1.0 * $1.1 })
  }
}

/// A share as a percentage with one decimal.
func percent(_ share: Double) -> String {
  "\((share * 1000).rounded() / 10) %"
}
