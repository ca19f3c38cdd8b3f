import KVMemory
import SimulationKernel
import Workload

/// The span of simulated time over which a run is measured: `from` inclusive, `to` exclusive.
package struct MeasuringWindow: Equatable, Sendable {
  package var from: SimInstant
  /// `nil`: to the end of the run.
  package var to: SimInstant?

  package init(from: SimInstant = .zero, to: SimInstant? = nil) {
    self.from = from
    self.to = to
  }

  @inline(__always)
  package func contains(_ instant: SimInstant) -> Bool {
    instant >= from && (to.map { instant < $0 } ?? true)
  }
}

/// What happened in a run, before any statistics: timestamps of each request, sums over time, token gaps.
package struct RunRecord: Sendable {
  /// Milestones of one request; 32 bytes, as there may be many millions.
  package struct Milestones: Equatable, Sendable {
    @Moment package var firstScheduled: SimInstant?
    @Moment package var firstToken: SimInstant?
    @Moment package var finish: SimInstant?
    package var preemptionsRecompute: Int32 = 0
    /// −1 for a request that was rejected, which is never preempted: a flag of its own would take 8 bytes.
    private var swapsOrRejection: Int32 = 0

    package init() {}

    package var preemptionsSwap: Int32 {
      get { max(0, swapsOrRejection) }
      set { swapsOrRejection = newValue }
    }

    package var isRejected: Bool {
      get { swapsOrRejection < 0 }
      set { swapsOrRejection = newValue ? -1 : 0 }
    }
  }

  /// An instant that may not have come yet, in the eight bytes of one.
  @propertyWrapper
  package struct Moment: Equatable, Sendable {
    private var nanoseconds = Int64.min

    package init() {}

    package var wrappedValue: SimInstant? {
      get { nanoseconds == .min ? nil : SimInstant(nanoseconds: nanoseconds) }
      set { nanoseconds = newValue?.nanoseconds ?? .min }
    }
  }

  package let window: MeasuringWindow
  /// The replayed requests, by number. Closed-loop clients and sessions set arrivals when they send.
  package let requests: [Request]
  package let milestones: MilestoneList
  /// Requests that arrived before the run ended.
  package let arrivedCount: Int
  /// What all replicas did together.
  package let sums: ReplicaRecord
  /// Gaps between consecutive tokens of a sequence that ended inside the window.
  package let tokenGaps: TokenGaps
  /// What each replica did.
  package let replicas: [ReplicaRecord]
  /// By request, up to the last that arrived: the replica that it was given to last, −1 for none; empty where there is
  /// one.
  package let assignment: [Int32]
  /// By request, up to the last that arrived: how it went to another replica to decode; empty where none did.
  package let handOffs: [HandOff]
  /// By replica: how it failed; empty where none can.
  package let failures: [ReplicaFailures]
  let log: RequestLog

  /// The record of a run that is over.
  ///
  /// - Parameters:
  ///   - replicas: At least one, closed at the same instant.
  ///   - slotWeights: What a token slot of each counts in the sums: its bytes, or 1 where all have as many.
  package init(
    _ log: RequestLog, replicas: [ReplicaRecord], slotWeights: [Int]? = nil,
    assignment: [Int32] = [], handOffs: [HandOff] = [], failures: [ReplicaFailures] = []
  ) {
    self.log = log
    window = log.window
    requests = log.requests
    milestones = MilestoneList(log)
    arrivedCount = log.entries.arrivedCount.pointee
    tokenGaps = log.entries.tokenGaps.pointee
    self.replicas = replicas
    self.assignment = assignment
    self.handOffs = handOffs
    self.failures = failures
    let weighted = slotWeights.map { zip(replicas, $0).map { $0.weighted(by: $1) } } ?? replicas
    sums = weighted.dropFirst().reduce(into: weighted[0]) { $0.add($1) }
  }

  /// Numbers of the requests that had arrived when the run ended, rising.
  package var arrived: LazyFilterSequence<Range<Int>> {
    let requests = requests
    let end = log.isInOrder ? arrivedCount : requests.count
    return (0..<end).lazy.filter { requests[$0].arrival < .distantFuture }
  }

  /// When the last event of the run was.
  package var end: SimInstant { sums.end }
  /// What held between events, over time.
  package var history: RunHistory { sums.history }
  /// The same numbers at the start of each iteration, in plain sums.
  package var steps: StepSums { sums.steps }
  /// Iterations and output tokens that ended inside the window.
  package var iterations: Int { sums.iterations }
  package var emittedTokens: Int { sums.emittedTokens }
  package var preemptionsRecompute: Int { sums.preemptionsRecompute }
  package var preemptionsSwap: Int { sums.preemptionsSwap }
  /// What the prefix caches did; `nil` for systems without one.
  package var prefixCache: PrefixCacheTotals? { sums.prefixCache }

  /// Integrals over the window of numbers that hold between events.
  package var integrals: Integrals { history.total }

  /// The window, cut at the end of the run.
  package var measured: (from: SimInstant, to: SimInstant) {
    (window.from, max(window.from, min(window.to ?? end, end)))
  }
}
