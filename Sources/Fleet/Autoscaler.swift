import Serving
import SimulationKernel

/// Decides, every so often, how many replicas there should be.
package struct Autoscaler: Equatable, Sendable {
  package var minReplicas: Int
  package var maxReplicas: Int
  /// Time between decisions.
  package var interval: SimDuration
  /// From the decision to start a replica until it takes requests.
  package var startUp: SimDuration
  /// Requests per second that one replica is to be given.
  package var targetRate: Double
  /// Decisions in a row that have to ask for fewer before there are fewer; of ``ScalingRule/patient`` alone.
  package var patience: Int
  package var rule: ScalingRule

  private var memory = ScalingMemory()

  package init(
    minReplicas: Int, maxReplicas: Int, interval: SimDuration, startUp: SimDuration,
    targetRate: Double, patience: Int, rule: ScalingRule = .patient
  ) {
    precondition(minReplicas >= 1 && maxReplicas >= minReplicas && targetRate > 0)
    self.minReplicas = minReplicas
    self.maxReplicas = maxReplicas
    self.interval = interval
    self.startUp = startUp
    self.targetRate = targetRate
    self.patience = patience
    self.rule = rule
  }

  /// Replicas that should be there, by the requests that arrived in the last interval.
  ///
  /// - Parameter present: Replicas that take requests or are starting.
  mutating func replicas(arrived: Int, present: Int) -> Int {
    let settings = self
    let wanted = memory.replicas(arrived: arrived, present: present, of: settings)
    return min(max(wanted, minReplicas), maxReplicas)
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
