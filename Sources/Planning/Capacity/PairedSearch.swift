import Messages
import SimulationKernel
import Statistics
import Workload

/// A change, and what it does to the highest rate.
package struct Variation: Equatable, Sendable {
  /// What is changed, in words.
  package var change: String
  /// The flag that changes it; `nil` for what no flag changes.
  package var flag: String?
  /// Requests per second, for each seed.
  package var bySeed: [Double]
  /// Difference to the unchanged deployment as a share of its rate: mean over the seeds of the paired differences,
  /// and half of its 95 % confidence interval, no less than the width of the searches' brackets. No half for a single
  /// seed; `nil` where the unchanged deployment sustains nothing.
  package var effect: MeanInterval?

  package var rate: MeanInterval { MeanInterval(bySeed) }

  /// Whether the effect is larger than its own interval; `nil` where no interval is known.
  package var isEffect: Bool? {
    guard let effect, let half = effect.half else { return nil }
    return abs(effect.mean) > half
  }
}

/// Searches for the highest rate of changed deployments, beside that of the unchanged one: with the same seeds, so the
/// same lengths and, but for their scale, the same gaps, on the same ladder of rates.
struct PairedSearch: Sendable {
  /// Of the unchanged deployment.
  let base: CapacitySearch
  /// Its rates.
  let capacity: Capacity
  /// What both are served.
  let trace: Trace
  /// The unchanged rate of the plan, over that of `trace`: rates of changes are told in the plan's.
  var scale = 1.0
  let seeds: [UInt64]

  /// Whether a change raises what the first seed sustains, by one rung at least: an inexpensive look at one rate.
  func isAbove(_ probe: RateProbe) throws -> Bool { try isSustained(probe, rungs: 1) }

  /// Whether it lowers it by more than one.
  func isBelow(_ probe: RateProbe) throws -> Bool { try !isSustained(probe, rungs: -1) }

  private func isSustained(_ probe: RateProbe, rungs: Int) throws -> Bool {
    guard capacity.bySeed[0] > 0 else { return true }
    let rung = base.ladder.rung(near: capacity.bySeed[0]) + rungs
    return try probe.trial(rate: base.ladder.rate(rung), seed: seeds[0]).isSustained
  }

  /// What a change gives with all seeds.
  ///
  /// - Parameter factor: What it is thought to multiply the rate by.
  /// - Returns: `nil` where it knows no highest rate.
  func variation(
    _ change: String, _ flag: String?, _ probe: RateProbe, factor: Double = 1
  ) throws -> Variation? {
    var search = base
    search.probe = probe
    let bySeed = try search.rates(seeds, unchanged: capacity.bySeed, factor: factor)
    guard bySeed.allSatisfy(\.isFinite) else { return nil }
    return Variation(
      change: change, flag: flag, bySeed: bySeed.map { $0 * scale }, effect: effect(of: bySeed))
  }

  private func effect(of bySeed: [Double]) -> MeanInterval? {
    guard capacity.rate > 0 else { return nil }
    var effect = MeanInterval(zip(bySeed, capacity.bySeed).map { ($0 - $1) / capacity.rate })
    effect.half = effect.half.map { max($0, base.tolerance) }
    return effect
  }
}
