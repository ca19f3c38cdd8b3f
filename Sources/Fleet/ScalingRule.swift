import SimulationKernel

/// How an autoscaler turns the requests that arrived into replicas (`--autoscaler`).
///
/// Each rule is given the rate of arrivals, what one replica is to be given (the target), and n, the replicas that take
/// requests or are starting. The deployed ones read another number as well, such as requests that run; here all read the
/// rate. None is limited in how many it adds but by ``Autoscaler/maxReplicas`` and where the rule says so.
package enum ScalingRule: String, CaseIterable, Sendable {
  /// As many as the last interval asks for, fewer only after several decisions in a row that ask for fewer: ours.
  case patient
  /// The horizontal pod autoscaler of Kubernetes, and KEDA's while there is a replica.
  case hpa
  /// The pod autoscaler of AIBrix.
  case apa
  /// Knative's.
  case knative

  /// Seconds between two decisions where nothing else is asked for. That of AIBrix is not known to us: that of HPA.
  package var period: Double {
    switch self {
    case .patient: 60
    case .hpa, .apa: 15
    case .knative: 2
    }
  }

  /// What it does, in a sentence behind `The autoscaler `, as far as it is not ours.
  package var summary: String {
    switch self {
    case .patient: "lets one go when several decisions in a row ask for fewer"
    case .hpa:
      "asks for rate ⁄ target unless that is within 10 % of what there is, and for fewer only by the most "
        + "that was asked for in 300 s"
    case .apa:
      "acts on rates 10 % off the target, at most doubles or halves, and lets go 300 s after the last change"
    case .knative:
      "asks for the mean rate of 60 s by the target, at least half of what there is, and on twice that within "
        + "6 s lets none go for 60 s"
    }
  }
}

/// What the rules remember, and what they ask for.
///
/// - Source: `reference/systems-scheduling.md` §9, with the defaults of each project.
struct ScalingMemory: Equatable, Sendable {
  /// Requests of the last intervals, the newest last.
  private var arrivals: [Int] = []
  /// What was asked for in them, before it was held back.
  private var asked: [Int] = []
  /// Decisions in a row that asked for fewer.
  private var fewer = 0
  /// Decisions since the last change, and since the last burst; `nil` for none yet.
  private var sinceChange: Int?
  private var sinceBurst: Int?

  /// Kubernetes: no action within this share of the target.
  private static let tolerance = 0.1
  /// Kubernetes: fewer by the most that was asked for in so many seconds. AIBrix: so long after a change.
  private static let downSeconds = 300.0
  /// Knative.
  private static let (stableSeconds, burstSeconds, burstFactor) = (60.0, 6.0, 2)

  /// How many there should be, before the least and the most are minded.
  mutating func replicas(arrived: Int, present n: Int, of autoscaler: Autoscaler) -> Int {
    let (target, seconds) = (autoscaler.targetRate, autoscaler.interval.seconds)
    func decisions(in span: Double) -> Int { max(1, Int((span / seconds).rounded(.up))) }
    let wanted = Self.rounded(Double(arrived) / seconds / target)
    let ratio = Double(arrived) / seconds / target / Double(n)
    switch autoscaler.rule {
    case .patient:
      let within = min(max(wanted, autoscaler.minReplicas), autoscaler.maxReplicas)
      fewer = within < n ? fewer + 1 : 0
      guard within < n else { return within }
      guard fewer > autoscaler.patience else { return n }
      fewer = 0
      return within
    case .hpa:
      asked.append(abs(ratio - 1) <= Self.tolerance ? n : wanted)
      asked.removeFirst(max(0, asked.count - decisions(in: Self.downSeconds)))
      let last = asked[asked.count - 1]
      return last >= n ? last : min(n, asked.max() ?? n)
    case .apa:
      return scaledByRatio(ratio, n, cooldown: decisions(in: Self.downSeconds))
    case .knative:
      arrivals.append(arrived)
      let (stable, burst) = (decisions(in: Self.stableSeconds), decisions(in: Self.burstSeconds))
      arrivals.removeFirst(max(0, arrivals.count - stable))
      func asks(_ last: ArraySlice<Int>) -> Int {
        Self.rounded(Double(last.reduce(0, +)) / Double(last.count) / seconds / target)
      }
      let (mean, recent) = (asks(arrivals[...]), asks(arrivals.suffix(burst)))
      sinceBurst = recent >= Self.burstFactor * n ? 0 : sinceBurst.map { $0 + 1 }
      if let sinceBurst, sinceBurst < stable { return max(n, recent) }
      return max(mean, n / 2)
    }
  }

  private mutating func scaledByRatio(_ ratio: Double, _ n: Int, cooldown: Int) -> Int {
    sinceChange = sinceChange.map { $0 + 1 }
    var wanted = n
    if ratio > 1 + Self.tolerance {
      wanted = min(Self.rounded(ratio * Double(n)), 2 * n)
    } else if ratio < 1 - Self.tolerance, sinceChange.map({ $0 >= cooldown }) ?? true {
      wanted = max(Self.rounded(ratio * Double(n)), n / 2)
    }
    if wanted != n { sinceChange = 0 }
    return wanted
  }

  private static func rounded(_ replicas: Double) -> Int { Int(replicas.rounded(.up)) }
}
