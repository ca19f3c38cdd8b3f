import Serving
import SimulationKernel

/// Decides, every so often, how many replicas there should be.
///
/// The rule of common autoscalers: as many as the load of the last interval asks for, at once when that is
/// more, and only after it has been less for a while when it is fewer.
package struct Autoscaler: Equatable, Sendable {
  package var minReplicas: Int
  package var maxReplicas: Int
  /// Time between decisions.
  package var interval: SimDuration
  /// From the decision to start a replica until it takes requests.
  package var startUp: SimDuration
  /// Requests per second that one replica is to be given.
  package var targetRate: Double
  /// Decisions in a row that have to ask for fewer before there are fewer.
  package var patience: Int

  private var askedForFewer = 0

  package init(
    minReplicas: Int, maxReplicas: Int, interval: SimDuration, startUp: SimDuration,
    targetRate: Double, patience: Int
  ) {
    precondition(minReplicas >= 1 && maxReplicas >= minReplicas && targetRate > 0)
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
    self.interval = interval
    self.startUp = startUp
    self.targetRate = targetRate
    self.patience = patience
  }

  /// Replicas that should be there, by the requests that arrived in the last interval.
  ///
  /// - Parameter present: Replicas that take requests or are starting.
  mutating func replicas(arrived: Int, present: Int) -> Int {
    let rate = Double(arrived) / interval.seconds
    let asked = min(max(Int((rate / targetRate).rounded(.up)), minReplicas), maxReplicas)
    askedForFewer = asked < present ? askedForFewer + 1 : 0
    if asked >= present { return asked }
    guard askedForFewer > patience else { return present }
    askedForFewer = 0
    return asked
  }
}

/// How many replicas there were at a decision.
package struct ScalingStep: Equatable, Sendable {
  package var time: SimInstant
  /// Requests since the decision before.
  package var arrived: Int
  /// Replicas that take requests or are starting.
  package var launched: Int
  /// Replicas that take requests.
  package var ready: Int
}
