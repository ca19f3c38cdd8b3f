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
  /// The replayed requests, by number. Closed-loop clients set arrivals when they send.
  package internal(set) var requests: [Request]
  package var milestones: [Milestones]
  /// Requests that arrived before the run ended.
  package var arrivedCount = 0
  /// When the last event of the run was.
  package var end = SimInstant.zero

  /// What held between events, over time: in at most ``RunHistory/intervalsMax`` pieces of the window.
  package var history: RunHistory
  /// The same numbers at the start of each iteration, in plain sums.
  package var steps = StepSums()
  /// Iterations and output tokens that ended inside the window.
  package var iterations = 0
  package var emittedTokens = 0
  package var preemptionsRecompute = 0
  package var preemptionsSwap = 0
  /// Gaps between consecutive tokens of a sequence that ended inside the window.
  package var tokenGaps = TokenGaps()
  /// What the prefix cache did in iterations that started inside the window; `nil` for a system without
  /// one.
  package var prefixCache: PrefixCacheTotals?

  package init(requests: [Request], window: MeasuringWindow) {
    self.requests = requests
    self.window = window
    history = RunHistory(from: window.from)
    milestones = Array(repeating: Milestones(), count: requests.count)
  }

  /// Integrals over the window of numbers that hold between events.
  package var integrals: Integrals { history.total }

  /// The window, cut at the end of the run.
  package var measured: (from: SimInstant, to: SimInstant) {
    (window.from, max(window.from, min(window.to ?? end, end)))
  }
}
