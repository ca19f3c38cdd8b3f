import CostModel
import KVMemory
import SimulationKernel
import Workload

/// Attention data parallelism: ranks with requests, a KV pool and a scheduler each, which share the layers of experts and
/// therefore step together.
///
///     rank 0   |── prompt ─────────|── decode ──·|── decode ──|
///     rank 1   |── decode ──·······|── prompt ───|··· dummy ··|     · waits for the others
///
/// An iteration starts on all ranks at once and takes as long as on the slowest; a rank with nothing to do runs a dummy
/// token. Which rank a request goes to is the engine's own rule (``RankBalance``).
///
/// One rank schedules as its scheduler alone does. Ranks list every request: none of them cruises.
///
/// - Source: vLLM's data-parallel client and coordinator, SGLang's attention data parallelism (a rank may compute prompts
///   while others decode), TensorRT-LLM's; recorded by no step trace.
struct DataParallelScheduler<Rank: Scheduler>: Scheduler {
  private var ranks: [Rank]
  /// What each rank does in the iteration that was decided last.
  private var plans: [IterationPlan]
  private let requests: RunRequests
  private let balance: RankBalance
  private var loads: [RankLoad]
  /// By sequence: its rank.
  private var rankOfSequence: [Int: Int] = [:]
  private var poolBlocks: BlockID
  /// Where the next look at the ranks starts.
  private var turn = 0

  /// - Parameters:
  ///   - ranks: At least one, all alike.
  ///   - settings: Of one rank; its requests are listed, and decided one iteration at a time.
  init(
    _ ranks: [Rank], _ balance: RankBalance, requests: RunRequests, settings: EngineSettings
  ) {
    precondition(ranks.allSatisfy { $0.iterationsAhead == 0 }, "ranks that decide ahead")
    self.ranks = ranks
    self.requests = requests
    self.balance = balance
    loads = ranks.map { _ in RankLoad() }
    poolBlocks = BlockID(settings.deviceBlocks)
    plans = ranks.map { _ in IterationPlan(attendedMax: settings.attendedMax) }
  }

  func admission(of request: Request) -> Admission { ranks[0].admission(of: request) }

  mutating func enqueue(_ request: RequestID) {
    let rank = nextRank()
    turn = (turn + 1) % ranks.count
    loads[rank].requests += 1
    loads[rank].promptTokens += Int(requests[request].promptTokens)
    for sequence in requests.sequences(of: request) { rankOfSequence[sequence] = rank }
    ranks[rank].enqueue(request)
  }

  private func nextRank() -> Int {
    switch balance {
    case .leastScore:
      let order = ranks.indices.map { ($0 + turn) % ranks.count }
      let scores = ranks.map { Self.score($0.queues, $0.ledger) }
      // The first of equal ones in the order of the look.
      return order.reduce(order[0]) { scores[$1] < scores[$0] ? $1 : $0 }
    case .turns: return turn
    case .fewestPromptTokens: return RankBalance.fewestPromptTokens(loads)
    }
  }

  static func score(_ queues: QueueLengths, _ ledger: WasteLedger) -> Double {
    let held = Double(ledger.total - ledger.free - ledger.cached) / Double(ledger.total)
    return dataParallelScore(
      requests: queues.waiting + queues.running, waiting: queues.waiting, heldShare: held)
  }

  mutating func schedule(at now: SimInstant, into plan: inout IterationPlan) {
    for rank in ranks.indices {
      plans[rank].removeAll()
      ranks[rank].schedule(at: now, into: &plans[rank])
      plan.append(plans[rank], blocksFrom: poolBlocks * BlockID(rank))
    }
    plan.rankWorks = plans.map(\.work)
  }

  mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID]) {
    let before = finished.count
    plan.scheduled.removeAll(keepingCapacity: true)
    for rank in ranks.indices {
      ranks[rank].complete(&plans[rank], finished: &finished)
      // What a request yields may be known only now.
      plan.scheduled += plans[rank].scheduled
    }
    for request in finished.dropFirst(before) { leave(request) }
  }

  private mutating func leave(_ request: RequestID) {
    let sequences = requests.sequences(of: request)
    guard let rank = rankOfSequence[sequences.lowerBound] else { return }
    for sequence in sequences { rankOfSequence[sequence] = nil }
    loads[rank].requests -= 1
    loads[rank].promptTokens -= Int(requests[request].promptTokens)
  }

  var wakeUp: SimInstant? { ranks.compactMap(\.wakeUp).min() }

  /// Each rank takes in what is its own.
  mutating func takeIn(_ moves: KVMoves) {
    for rank in ranks.indices { ranks[rank].takeIn(moves) }
  }

  mutating func takePulls() -> [IterationPlan.Admitted] {
    var pulls: [IterationPlan.Admitted] = []
    for rank in ranks.indices { pulls += ranks[rank].takePulls() }
    return pulls
  }

  var ledger: WasteLedger { ranks.dropFirst().reduce(ranks[0].ledger) { $0 + $1.ledger } }

  var blocks: (logical: Int, physical: Int) {
    ranks.map(\.blocks).reduce((0, 0)) { ($0.0 + $1.logical, $0.1 + $1.physical) }
  }

  var queues: QueueLengths {
    ranks.map(\.queues).reduce(QueueLengths(running: 0, waiting: 0, swapped: 0)) {
      QueueLengths(
        running: $0.running + $1.running, waiting: $0.waiting + $1.waiting,
        swapped: $0.swapped + $1.swapped)
    }
  }

  var prefixCache: PrefixCacheTotals? {
    let totals = ranks.compactMap(\.prefixCache)
    return totals.isEmpty ? nil : totals.reduce(PrefixCacheTotals(), +)
  }
}

/// How busy vLLM's data-parallel client takes an engine to be.
///
/// - Parameters:
///   - requests: Those that run or wait.
///   - heldShare: Share of the KV pool that running requests hold.
package func dataParallelScore(requests: Int, waiting: Int, heldShare: Double) -> Double {
  Double(requests) + 6 * Double(waiting) * max(0, heldShare - 0.5)
}

/// Numbers of blocks go through the ranks' pools in order.
extension DataParallelScheduler {
  func sequences(at index: Int, of plan: IterationPlan) -> [Int] {
    var first = 0
    for (rank, own) in zip(ranks, plans) {
      if index < first + own.scheduled.count { return rank.sequences(at: index - first, of: own) }
      first += own.scheduled.count
    }
    preconditionFailure("DataParallelScheduler: entry \(index) of \(first)")
  }

  func blocks(of sequence: Int) -> [BlockID] {
    guard let rank = rankOfSequence[sequence] else { return [] }
    return ranks[rank].blocks(of: sequence).map { $0 + poolBlocks * BlockID(rank) }
  }

  var operations: [SequenceOperation] { ranks.flatMap { Array($0.operations) } }
}

extension IterationPlan {
  /// Adds what one rank does.
  ///
  /// - Parameter offset: Blocks of the ranks before it.
  fileprivate mutating func append(_ other: IterationPlan, blocksFrom offset: BlockID) {
    precondition(other.cruising == 0 && other.released.isEmpty, "a rank that lists not all")
    func moved(_ copies: [BlockCopy]) -> [BlockCopy] {
      copies.map { BlockCopy(source: $0.source + offset, destination: $0.destination + offset) }
    }
    scheduled += other.scheduled
    preempted += other.preempted
    ignored += other.ignored
    admitted += other.admitted
    drafted += other.drafted
    evicted += other.evicted.map { $0 + offset }
    copies += moved(other.copies)
    work.append(other.work)
    failure = failure ?? other.failure
    readyAt = [readyAt, other.readyAt].compactMap(\.self).max()
  }
}

/// The executor of ranks that step together: an iteration takes what it takes on the slowest.
struct DataParallelExecutor: IterationExecutor {
  let prices: any IterationCostModel

  func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    prices.duration(ofRanks: plan.rankWorks)
  }
}
