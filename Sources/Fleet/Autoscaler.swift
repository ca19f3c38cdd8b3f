import Serving
import SimulationKernel

/// Decides, every so often, how many replicas there should be.
package struct Autoscaler: Sendable {
  package var minReplicas: Int
  package var maxReplicas: Int
  /// Time between decisions.
  package var interval: SimDuration
  /// From the decision to start a replica until it takes requests.
  package var startUp: SimDuration
  /// Requests per second that one replica is to be given, for rules with ``ScalingRule/Target/rate``.
  package var targetRate: Double
  /// Requests at a time that one replica is to be given, for rules with ``ScalingRule/Target/requests(_:)``.
  package var targetRequests: Double
  /// Decisions in a row that have to ask for fewer before there are fewer; of ``ScalingRule/patient`` alone.
  package var patience: Int
  package let rule: ScalingRule
  /// The rule's own unless another is asked for.
  package var removal: ScalingRule.Removal
  /// What a replica can hold and schedule at most; `nil` where nobody said, and no rule asks.
  package var limits: ReplicaLimits?

  private var policy: any ScalingPolicy

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
    if case .requests(let count) = rule.target {
      targetRequests = count
    } else {
      targetRequests = 1
    }
    removal = rule.removal
    policy = rule.make()
  }

  /// Replicas that should be there.
  mutating func replicas(_ fleet: FleetReading) -> Int {
    let settings = self
    return within(policy.replicas(fleet, of: settings))
  }

  /// Not fewer than the least, nor more than the most.
  func within(_ replicas: Int) -> Int { min(max(replicas, minReplicas), maxReplicas) }

  /// Decisions in so many seconds.
  func decisions(in seconds: Double) -> Int {
    max(1, Int((seconds / interval.seconds).rounded(.up)))
  }

  /// As many replicas as requests that came in an interval are targets of.
  func replicas(forRateOf requests: Double) -> Double { requests / interval.seconds / targetRate }

  var knownLimits: ReplicaLimits {
    guard let limits else { preconditionFailure("\(rule.name) compares with limits of a replica") }
    return limits
  }

  /// Whether somebody has to look at replicas while they run.
  var looksAtReplicas: Bool { rule.reads != .arrivals || removal == .kill }
}

/// What an engine is configured for.
package struct ReplicaLimits: Equatable, Sendable {
  /// Tokens that the KV pool has room for.
  package var kvTokens: Int
  /// Tokens of an iteration.
  package var maxBatchedTokens: Int
  package var maxSequences: Int

  package init(kvTokens: Int, maxBatchedTokens: Int, maxSequences: Int) {
    self.kvTokens = kvTokens
    self.maxBatchedTokens = maxBatchedTokens
    self.maxSequences = maxSequences
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
  /// Requests that began again elsewhere because the decision ended their replica.
  package var restarted = 0
}
