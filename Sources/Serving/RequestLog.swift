import SimulationKernel
import Workload

/// What happens to the requests of a run, whichever replica serves them: one log for all of them.
///
/// A class, because replicas write it in turn; one run uses it in one thread, and nobody writes it when the run is
/// over. What stays of all requests is what the
/// trace says, 32 bytes of timestamps and 4 of cached tokens.
package final class RequestLog: @unchecked Sendable {
  /// What replicas write: memory of its own, so that no write has to ask who else refers to it.
  struct Entries {
    fileprivate let milestones: UnsafeMutablePointer<RunRecord.Milestones>
    /// Gaps between consecutive tokens of a sequence that ended inside the window.
    let tokenGaps: UnsafeMutablePointer<TokenGaps>
    /// Requests that arrived so far.
    let arrivedCount: UnsafeMutablePointer<Int>
    /// By request: tokens that it need not compute when it ran first.
    let cachedTokens: UnsafeMutablePointer<Int32>
    /// Tokens that came from tiers when a request ran first, of those of which some did.
    let tierTokens: UnsafeMutablePointer<[RequestID: TierTokens]>
    /// What preemptions cost the requests that lost their KV cache.
    let losses: UnsafeMutablePointer<[RequestID: RecomputeLoss]>
    /// When each request was preempted, in order; `nil` where nobody will ask.
    let preemptions: UnsafeMutablePointer<[RequestID: [SimInstant]]?>

    @inline(__always)
    subscript(request: RequestID) -> RunRecord.Milestones {
      get { milestones[Int(request)] }
      nonmutating _modify { yield &milestones[Int(request)] }
    }
  }

  package let window: MeasuringWindow
  /// By number. Closed-loop clients and sessions set arrivals when they send; until then a turn that waits arrives in the
  /// distant future.
  package private(set) var requests: [Request]
  /// Whether requests come in the order of their numbers.
  let isInOrder: Bool
  /// Valid as long as the log.
  let entries: Entries

  /// - Parameters:
  ///   - requests: In order of arrival; the last of them may be warm-ups, which no result holds.
  ///   - keepsPreemptions: Whether to note when each preemption was, 8 bytes each.
  package convenience init(
    _ requests: [Request], turns: SessionTurns? = nil, window: MeasuringWindow,
    keepsPreemptions: Bool = false
  ) {
    var waiting = requests
    for turn in turns?.waiting ?? [] { waiting[turn].arrival = .distantFuture }
    self.init(waiting, places: requests.count, isInOrder: turns == nil, window: window)
    if keepsPreemptions { entries.preemptions.pointee = [:] }
  }

  /// Of requests that come while the run goes on.
  convenience init(_ coming: ComingRequests) {
    self.init([], places: coming.capacity, isInOrder: true, window: MeasuringWindow())
  }

  private init(_ requests: [Request], places: Int, isInOrder: Bool, window: MeasuringWindow) {
    self.requests = requests
    self.isInOrder = isInOrder
    self.window = window
    entries = Entries(
      milestones: .allocate(capacity: places), tokenGaps: .allocate(capacity: 1),
      arrivedCount: .allocate(capacity: 1), cachedTokens: .allocate(capacity: places),
      tierTokens: .allocate(capacity: 1), losses: .allocate(capacity: 1),
      preemptions: .allocate(capacity: 1))
    entries.tierTokens.initialize(to: [:])
    entries.milestones.initialize(repeating: RunRecord.Milestones(), count: places)
    entries.tokenGaps.initialize(to: TokenGaps())
    entries.arrivedCount.initialize(to: 0)
    entries.cachedTokens.initialize(repeating: 0, count: places)
    entries.losses.initialize(to: [:])
    entries.preemptions.initialize(to: nil)
  }

  deinit {
    entries.milestones.deallocate()
    entries.tokenGaps.deinitialize(count: 1)
    entries.tokenGaps.deallocate()
    entries.arrivedCount.deallocate()
    entries.cachedTokens.deallocate()
    entries.tierTokens.deinitialize(count: 1)
    entries.tierTokens.deallocate()
    entries.losses.deinitialize(count: 1)
    entries.losses.deallocate()
    entries.preemptions.deinitialize(count: 1)
    entries.preemptions.deallocate()
  }

  /// A closed-loop client or a session sent a request.
  package func sent(_ request: RequestID, at time: SimInstant) {
    requests[Int(request)].arrival = time
  }

  package func isRejected(_ request: RequestID) -> Bool { entries[request].isRejected }

  /// What is written of a request so far.
  @inline(__always)
  package func milestones(of request: RequestID) -> RunRecord.Milestones { entries[request] }

  /// Requests that have arrived so far.
  package var arrivedCount: Int { entries.arrivedCount.pointee }

  /// Whether it is complete or was turned away.
  package func hasEnded(_ request: RequestID) -> Bool {
    entries[request].finish != nil || entries[request].isRejected
  }

  /// The replica of a request failed: it will arrive at another, and what is written of it is of its last attempt.
  package func forget(_ request: RequestID) {
    entries[request] = RunRecord.Milestones()
    entries.cachedTokens[Int(request)] = 0
    entries.tierTokens.pointee[request] = nil
    entries.losses.pointee[request] = nil
    entries.preemptions.pointee?[request] = nil
    entries.arrivedCount.pointee -= 1
  }

  /// A request arrived that no replica takes: it waits for one still, or is turned away.
  package func arrivedNowhere(_ request: RequestID, isRejected: Bool) {
    entries.arrivedCount.pointee += 1
    if isRejected { entries[request].isRejected = true }
  }

  /// Warm-ups were served: what happened so far is forgotten.
  package func restart() {
    entries.arrivedCount.pointee = 0
    entries.tokenGaps.pointee = TokenGaps()
  }

  /// Tokens reach those who asked so much after the engine has them.
  package func delayAnswers(by delay: SimDuration) {
    for request in requests.indices {
      let id = RequestID(truncatingIfNeeded: request)
      if let first = entries[id].firstToken { entries[id].firstToken = first + delay }
      if let finish = entries[id].finish { entries[id].finish = finish + delay }
    }
  }

  /// Takes over what another log holds of the same requests before they were handed to the replicas of this one.
  ///
  /// - Parameters:
  ///   - handOffs: By request; gets when prompts were computed, and when requests ran here first.
  ///   - local: Requests that no replica of the other log had.
  package func takeOver(
    _ before: RequestLog, _ handOffs: inout [HandOff], except local: Set<RequestID> = []
  ) {
    for id in 0..<RequestID(requests.count) where !local.contains(id) {
      let earlier = before.entries[id]
      handOffs[Int(id)].prefilled = earlier.finish
      handOffs[Int(id)].scheduled = entries[id].firstScheduled
      entries[id].firstScheduled = earlier.firstScheduled
      entries[id].preemptionsRecompute += earlier.preemptionsRecompute
      if earlier.isRejected { entries[id].isRejected = true }
      entries.cachedTokens[Int(id)] = before.entries.cachedTokens[Int(id)]
      if let loss = before.entries.losses.pointee[id] {
        entries.losses.pointee[id, default: RecomputeLoss()].add(loss)
      }
      if let instants = before.entries.preemptions.pointee?[id] {
        entries.preemptions.pointee?[id, default: []].insert(contentsOf: instants, at: 0)
      }
    }
    entries.arrivedCount.pointee = before.entries.arrivedCount.pointee + local.count
  }

  /// Leaves out the requests at the end, which were warm-ups.
  package func dropWarmups(_ count: Int) { requests.removeLast(count) }
}

/// The milestones of the requests of a run that is over, by number.
package struct MilestoneList: RandomAccessCollection, Equatable, Sendable {
  private let log: RequestLog
  package let count: Int

  init(_ log: RequestLog) {
    self.log = log
    count = log.requests.count
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { count }

  @inline(__always)
  package subscript(request: Int) -> RunRecord.Milestones {
    precondition(UInt(bitPattern: request) < UInt(bitPattern: count), "MilestoneList: out of range")
    return log.entries[RequestID(truncatingIfNeeded: request)]
  }

  package static func == (a: MilestoneList, b: MilestoneList) -> Bool { a.elementsEqual(b) }
}
