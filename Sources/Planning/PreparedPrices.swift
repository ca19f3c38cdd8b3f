import CostModel
import SimulationKernel
import Synchronization

/// Where a scenario gets its prices.
package enum PriceSource: Sendable {
  /// Computed for it.
  case own
  /// Computed once for all runs of a deployment: the same prices.
  case shared(PreparedPrices)
  /// None: for a scenario that is resolved to be looked at and not to be run.
  case none

  func kernelModel(
    _ deployment: PricedDeployment, profile: DeviceProfile?
  ) throws -> any IterationCostModel {
    switch self {
    case .own: try KernelCostModel(deployment, ownProfile: profile)
    case .shared(let prices): try prices.kernelModel(deployment, profile: profile)
    case .none: Unpriced()
    }
  }

  /// Stands for prices where nothing runs.
  private final class Unpriced: IterationCostModel {
    let profile = CostProfile(name: "none", isCalibrated: false, error: "nothing is priced")

    func duration(of work: IterationWork) -> SimDuration {
      preconditionFailure("Unpriced: a scenario that was resolved without prices is run")
    }
  }
}

/// Cost models that several runs share: the tables of one deployment take about 10 ms to compute, more than
/// a small run.
///
/// Two deployments are the same if everything that a price depends on is equal, so a run gets the prices
/// that it would have computed itself.
package final class PreparedPrices: Sendable {
  /// Deployments kept, the latest first: a megabyte each, and a sweep's neighbouring runs share one.
  private static let capacity = 128

  private struct Entry: Sendable {
    var deployment: PricedDeployment
    var profile: DeviceProfile?
    var model: any IterationCostModel
  }

  private let entries = Mutex<[Entry]>([])

  package init() {}

  /// The prices of a deployment, computed at most once while they are kept.
  ///
  /// Threads that ask for the same new prices at once each compute them: the same values.
  func kernelModel(
    _ deployment: PricedDeployment, profile: DeviceProfile?
  ) throws -> any IterationCostModel {
    func isSame(_ entry: Entry) -> Bool {
      entry.deployment == deployment && entry.profile == profile
    }
    let known = entries.withLock { entries -> (any IterationCostModel)? in
      guard let index = entries.firstIndex(where: isSame) else { return nil }
      if index > 0 { entries.insert(entries.remove(at: index), at: 0) }
      return entries[0].model
    }
    if let known { return known }
    let model = try KernelCostModel(deployment, ownProfile: profile)
    entries.withLock { entries in
      entries.insert(Entry(deployment: deployment, profile: profile, model: model), at: 0)
      if entries.count > Self.capacity { entries.removeLast() }
    }
    return model
  }
}
