import CostModel
import KVMemory
import SimulationKernel

/// The number of a request in the run: its position in the replayed trace.
package typealias RequestID = Int32

/// What one iteration does: who runs with how many tokens, who was preempted, which blocks move.
///
/// The scheduler makes it and neither runs, prices nor logs it. One value is filled again and again, so
/// that no iteration allocates.
package struct IterationPlan: Sendable {
  /// A request that runs in this iteration.
  package struct Scheduled: Equatable, Sendable {
    package var request: RequestID
    /// Sequences of the request that run.
    package var sequences: Int32
    /// New tokens computed for each of them.
    package var tokens: Int32
    /// Tokens of each that were computed before.
    package var contextTokens: Int32
    /// Output tokens that the iteration gives, over all sequences of the request.
    package var emittedTokens: Int32
    /// Of them, drafts that were accepted: a client hears of each together with the token before it.
    package var acceptedTokens: Int32 = 0
    /// Whether it runs a prompt (or what a recomputed request has to compute again).
    package var isPrefill: Bool
  }

  /// A running request that lost its blocks.
  package struct Preemption: Equatable, Sendable {
    package enum Mode: String, Sendable { case recompute, swap }
    package var request: RequestID
    package var mode: Mode
    /// Distinct device blocks that it held.
    package var blocks: Int
    /// Tokens whose keys and values it lost, of each sequence; 0 for a swap.
    package var computedTokens: Int32 = 0
  }

  /// A request (one sequence of it) taken from the waiting queue by a system with a prefix cache.
  package struct Admitted: Equatable, Sendable {
    package var request: RequestID
    /// Tokens found in the cache, which need not be computed.
    package var cachedTokens: Int32
    /// Tokens behind them that come from elsewhere.
    package var externalTokens: Int32 = 0
  }

  /// A request that waits from now on, or runs, while tokens come from a tier.
  package struct Loaded: Equatable, Sendable {
    package var request: RequestID
    package var tokens: Int32
    /// Those of them that came from a tier below it.
    package var below: Int32 = 0
    /// Whether it waits for them; else it computes those before them.
    package var isAwaited: Bool
  }

  /// Drafts that a request verifies.
  package struct Drafted: Equatable, Sendable {
    package var request: RequestID
    package var drafts: Int32
    /// How many will turn out to be what the model says.
    package var accepted: Int32
    /// Whether they only fill the iteration up.
    package var isPadding: Bool

    package init(request: RequestID, drafts: Int32, accepted: Int32, isPadding: Bool) {
      self.request = request
      self.drafts = drafts
      self.accepted = accepted
      self.isPadding = isPadding
    }
  }

  /// A request that came back from the host.
  package struct SwapIn: Equatable, Sendable {
    package var request: RequestID
    package var blocks: Int
  }

  /// A swap that the host had no room for; the run cannot go on.
  package struct SwapSpaceExhausted: Equatable, Sendable {
    package var request: RequestID
    package var blocksNeeded: Int
    package var blocksFree: Int
  }

  /// Why the run cannot go on.
  package enum Failure: Equatable, Sendable {
    case swapSpaceExhausted(SwapSpaceExhausted)
    /// What runs needs so many more slots than are free; the engine does not survive it.
    case poolExhausted(missing: Int, free: Int)
  }

  /// In the engine's own order; requests that cruise are not listed.
  package var scheduled: [Scheduled] = []
  /// Requests of one sequence that decode one token each and are not listed: their last token came with
  /// the last iteration that ``advancesCruise``.
  package var cruising = 0
  /// Whether cruising requests that are not in this iteration missed nothing: it gives each one its token.
  package var advancesCruise = false
  /// Requests that have cruised until the last iteration and are listed (or preempted) from now on.
  package var released: [RequestID] = []
  package var preempted: [Preemption] = []
  /// Requests that the engine drops from its waiting queue without running them.
  package var ignored: [RequestID] = []
  package var swappedIn: [SwapIn] = []
  package var admitted: [Admitted] = []
  package var loaded: [Loaded] = []
  /// In the order of ``scheduled``.
  package var drafted: [Drafted] = []
  /// Blocks whose cached content was lost, in order.
  package var evicted: [BlockID] = []
  /// Copies on the device before the iteration runs (copy-on-write), in order.
  package var copies: [BlockCopy] = []
  /// Moves from device to host, in order.
  package var swapOuts: [BlockCopy] = []
  /// Moves from host to device, in order.
  package var swapIns: [BlockCopy] = []
  /// What the cost model sees of it.
  package var work: IterationWork
  /// The same by rank, where ranks with requests of their own step together; else empty.
  package var rankWorks: [IterationWork] = []
  package var failure: Failure?
  /// When blocks are free for it whose content is being copied; `nil` if none is.
  package var readyAt: SimInstant?
  /// Keys and values that its layers wait for; `nil` for none.
  package var load: LayeredLoad?

  /// - Parameter attendedMax: ``EngineSettings/attendedMax``.
  package init(attendedMax: Int? = nil) { work = IterationWork(attendedMax: attendedMax) }

  /// Nothing runs and nothing moves: the engine waits for the next arrival.
  package var isEmpty: Bool {
    scheduled.isEmpty && cruising == 0 && swapOuts.isEmpty && swapIns.isEmpty
  }

  /// Whether the engine spends an iteration on it, if only to take requests out.
  var doesSomething: Bool { !isEmpty || !preempted.isEmpty }

  /// Output tokens that the iteration gives, of all requests.
  var emittedTokens: Int { scheduled.reduce(cruising) { $0 + Int($1.emittedTokens) } }

  /// Puts down what the request at a place of ``scheduled`` yields.
  ///
  /// Tokens of several samples of a request are put down to the first of them that yields some, because the gap to the
  /// request's tokens of the iteration before is one gap.
  ///
  /// - Parameter accepted: Of the tokens, accepted drafts.
  mutating func emit(_ tokens: Int32, accepted: Int32 = 0, from place: Int) {
    let request = scheduled[place].request
    let first = scheduled[..<place].firstIndex { $0.request == request && $0.emittedTokens > 0 }
    scheduled[first ?? place].emittedTokens += tokens
    scheduled[first ?? place].acceptedTokens += accepted
  }

  /// How long it takes from an instant on if it computes for `computing`, with what it waits for.
  @inline(__always)
  func lasting(_ computing: SimDuration, from start: SimInstant) -> SimDuration {
    let begin = readyAt.map { max($0, start) } ?? start
    return (load?.end(of: computing, from: begin) ?? begin + computing) - start
  }

  /// Somebody starts, stops or is listed; in most iterations of a cruising batch nobody does.
  var changesRequests: Bool {
    !scheduled.isEmpty || !preempted.isEmpty || !released.isEmpty || !loaded.isEmpty
  }

  /// Empties the plan for the next iteration and keeps its storage.
  package mutating func removeAll() {
    scheduled.clear()
    cruising = 0
    advancesCruise = false
    released.clear()
    preempted.clear()
    ignored.clear()
    swappedIn.clear()
    admitted.clear()
    loaded.clear()
    drafted.clear()
    evicted.clear()
    copies.clear()
    swapOuts.clear()
    swapIns.clear()
    work.removeAll()
    failure = nil
    readyAt = nil
    load = nil
  }
}
