import SimulationKernel

/// How an autoscaler decides how many replicas there are (`--autoscaler`): a value with a name, listed in ``all``.
///
/// Adding one takes a file under `Autoscalers/` with its ``ScalingPolicy`` and its value, and a line in the list.
package struct ScalingRule: Sendable {
  /// What a rule looks at.
  package enum Reads: Equatable, Sendable {
    /// How many requests arrived since it decided last.
    case arrivals
    /// What replicas report, so many times between two decisions, evenly apart, the last time at the decision itself.
    case reports(Int)
  }

  /// What a replica is to be given.
  package enum Target: Equatable, Sendable {
    /// Requests per second: a share of what one sustains.
    case rate
    /// Requests at a time; so many where nothing else is asked for.
    case requests(Double)
    /// What the rule's own thresholds say.
    case own
  }

  /// What becomes of a replica that is let go.
  package enum Removal: String, CaseIterable, Sendable {
    /// It takes no more requests, and ends with its last one.
    case drain
    /// It ends at once: requests that it has not answered go through the router again, from their beginning.
    case kill
  }

  /// As users type it.
  package let name: String
  /// What it does, in a sentence behind `The autoscaler `.
  package let summary: String
  /// Seconds between two decisions where nothing else is asked for.
  package let period: Double
  package var reads = Reads.arrivals
  package var target = Target.rate
  package var removal = Removal.drain
  /// Makes the policy of one run.
  package let make: @Sendable () -> any ScalingPolicy

  /// Every rule, in the order of the help text.
  package static let all: [ScalingRule] = [
    .patient, .hpa, .apa, .knative, .rayServe, .kedaRunning, .wvaSaturation, .wvaTokens, .dynamo,
    .dynamoLatency, .dynamoSLA,
  ]
}

extension ScalingRule: Equatable {
  package static func == (a: ScalingRule, b: ScalingRule) -> Bool { a.name == b.name }
}

/// An autoscaler's rule at work, and what it remembers.
package protocol ScalingPolicy: Sendable {
  /// How many replicas there should be, before the least and the most are minded.
  mutating func replicas(_ fleet: FleetReading, of autoscaler: Autoscaler) -> Int
}

extension ScalingPolicy {
  /// Replicas are whole: the least number that suffices.
  static func rounded(_ replicas: Double) -> Int { Int(replicas.rounded(.up)) }
}
