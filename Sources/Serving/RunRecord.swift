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

  package func contains(_ instant: SimInstant) -> Bool {
    instant >= from && (to.map { instant < $0 } ?? true)
  }
}

/// What happened in a run, before any statistics: timestamps of each request, sums over time, token gaps.
package struct RunRecord: Sendable {
  /// Milestones of one request; 48 bytes, as there may be many millions.
  package struct Milestones: Equatable, Sendable {
    @Moment package var firstScheduled: SimInstant?
    @Moment package var firstToken: SimInstant?
    @Moment package var lastToken: SimInstant?
    @Moment package var finish: SimInstant?
    package var preemptionsRecompute: Int32 = 0
    package var preemptionsSwap: Int32 = 0
    package var isRejected = false

    package init() {}
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

  /// Integrals over the window of numbers that hold between events, in units times nanoseconds.
  package var integrals = Integrals()
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
    milestones = Array(repeating: Milestones(), count: requests.count)
  }

  /// The window, cut at the end of the run.
  package var measured: (from: SimInstant, to: SimInstant) {
    (window.from, max(window.from, min(window.to ?? end, end)))
  }
}

/// Sums over time of what holds between two events: exact integers, so their order does not matter.
package struct Integrals: Equatable, Sendable {
  package var tokenState: Int128 = 0
  package var reserved: Int128 = 0
  package var internalFragmentation: Int128 = 0
  package var externalFragmentation: Int128 = 0
  package var cached: Int128 = 0
  package var free: Int128 = 0
  package var logicalBlocks: Int128 = 0
  package var physicalBlocks: Int128 = 0
  package var runningRequests: Int128 = 0
  package var waitingRequests: Int128 = 0

  /// Adds a state that held for `duration`.
  mutating func add(
    ledger: WasteLedger, blocks: (logical: Int, physical: Int), queues: QueueLengths,
    for duration: SimDuration
  ) {
    let time = Int128(duration.nanoseconds)
    tokenState += Int128(ledger.tokenState) * time
    reserved += Int128(ledger.reserved) * time
    internalFragmentation += Int128(ledger.internalFragmentation) * time
    externalFragmentation += Int128(ledger.externalFragmentation) * time
    cached += Int128(ledger.cached) * time
    free += Int128(ledger.free) * time
    logicalBlocks += Int128(blocks.logical) * time
    physicalBlocks += Int128(blocks.physical) * time
    runningRequests += Int128(queues.running) * time
    waitingRequests += Int128(queues.waiting + queues.swapped) * time
  }
}
