import CostModel
import KVMemory
import SimulationKernel
import Workload

/// How adapters are kept and fetched.
struct SLoRASetting: Equatable, Sendable {
  enum Memory: String, Sendable {
    /// One pool for tokens and the adapters in use.
    case unified
    /// All adapters on the GPU in a region of their own, tokens in the rest.
    case apart
  }

  /// Slots of the pool: the runs of the published table have 125,000.
  var slots = 125_000
  /// Of each adapter.
  var ranks: [Int]
  var memory = Memory.unified
  /// Fetches adapters of waiting requests behind decodes.
  var isPrefetching = false
  /// Adapters of a batch from which on waiting requests for one of them come first.
  var clusterAdapters: Int?

  /// Tokens of the prompts of one batch: a sixth of the pool, as the engine has it.
  var promptTokensMax: Int { max(slots / 6, 3072) }
  var sequencesMax = 1000
  /// Decodes between two looks at the queue.
  var decodesBetween = 10

  /// Adapters by turns of these ranks.
  static func ranks(_ turns: [Int], count: Int) -> [Int] {
    (0..<count).map { turns[$0 % turns.count] }
  }
}

/// The iterations of S-LoRA's engine: whole prompts by themselves, ten decodes, then a look at the queue.
///
///     load ▸ prompts ▸ decode × 10 ▸ load ▸ prompts ▸ …          prefetch   behind decodes 5 and 7
///
/// A request starts if, were all that run to generate their last token, the tokens would fit at every moment beside the
/// adapters of the batch; nothing is ever preempted.
///
/// - Source: `router/manager.py`, `req_queue.py` and `cluster_req_queue.py` of S-LoRA/S-LoRA, read and written anew.
struct SLoRAReplay {
  struct Outcome: Equatable, Sendable {
    /// From the beginning to the last token.
    var seconds = 0.0
    var latencySeconds = 0.0
    var firstTokenSeconds = 0.0
    /// Slots of adapters that were moved from host memory, and what iterations waited for them.
    var movedSlots = 0
    var waitSeconds = 0.0
    /// Share of the pool that adapters have, mean over time.
    var adapterShare = 0.0
    /// Sequences that run, mean over time.
    var meanBatch = 0.0
  }

  private struct Running {
    var request: Int
    /// Tokens of the prompt and of the output so far.
    var tokens: Int
    var left: Int
  }

  private let workload: SLoRAWorkload
  private let setting: SLoRASetting
  private let prices: AdapterPrices
  private(set) var pool: UnifiedSlots
  private var waiting: [Int] = []
  private var running: [Running] = []
  /// Running requests of each adapter.
  private var users: [Int]
  private var next = 0
  private var decodes = 0
  private var now = SimInstant.zero
  /// When the link to the host has moved all that was asked for.
  private var linkFree = SimInstant.zero
  private var outcome = Outcome()

  /// - Returns: `nil` where adapters apart leave no room for tokens.
  init?(_ workload: SLoRAWorkload, _ setting: SLoRASetting, prices: AdapterPrices) {
    self.workload = workload
    self.setting = setting
    self.prices = prices
    let sizes = setting.ranks.map(UnifiedSlots.adapterSlots)
    users = sizes.map { _ in 0 }
    switch setting.memory {
    case .unified: pool = UnifiedSlots(capacity: setting.slots, sizes: sizes)
    case .apart:
      let rest = setting.slots - sizes.reduce(0, +)
      let longest = workload.requests.map { Int($0.promptTokens + $0.outputTokens) }.max() ?? 0
      guard rest > longest else { return nil }
      pool = UnifiedSlots(capacity: rest, sizes: sizes.map { _ in 0 })
    }
  }

  /// - Parameter check: Called after each iteration, for tests.
  mutating func run(check: (UnifiedSlots) -> Void = { _ in }) -> Outcome {
    while next < workload.requests.count || !waiting.isEmpty || !running.isEmpty {
      arrive()
      if running.isEmpty || decodes >= setting.decodesBetween, let batch = admitted() {
        prefill(batch)
      } else if running.isEmpty {
        precondition(next < workload.requests.count, "SLoRAReplay: a request fits in no pool")
        now = workload.requests[next].arrival
        continue
      } else {
        if setting.isPrefetching,
          [setting.decodesBetween / 2, setting.decodesBetween - 3].contains(decodes)
        {
          fetchAhead()
        }
        decode()
      }
      check(pool)
    }
    let count = Double(workload.requests.count)
    outcome.seconds = (now - .zero).seconds
    outcome.latencySeconds /= count
    outcome.firstTokenSeconds /= count
    outcome.adapterShare /= outcome.seconds
    outcome.meanBatch /= outcome.seconds
    return outcome
  }

  private mutating func arrive() {
    while next < workload.requests.count, workload.requests[next].arrival <= now {
      waiting.append(next)
      next += 1
    }
  }

  // MARK: Starting

  /// Takes requests from the queue until one does not fit; those of the batch's adapters first where they are clustered.
  private mutating func admitted() -> [Int]? {
    var room = AdmissionRoom(setting, running.map { ($0.tokens, $0.left - 1) })
    for adapter in users.indices where users[adapter] > 0 { room.add(adapter: adapter, pool) }
    let isClustering = setting.clusterAdapters.map { room.adapters.count >= $0 } ?? false
    let first = isClustering ? waiting.filter { users[workload.adapters[$0]] > 0 } : []
    var batch: [Int] = []
    for line in [first, waiting.filter { !first.contains($0) }] {
      for request in line {
        guard room.takes(workload.requests[request], adapter: workload.adapters[request], pool)
        else { break }
        batch.append(request)
      }
    }
    waiting.removeAll { batch.contains($0) }
    return batch.isEmpty ? nil : batch
  }

  private mutating func prefill(_ batch: [Int]) {
    for request in batch { users[workload.adapters[request]] += 1 }
    let users = users
    let moved = pool.load(batch.map { workload.adapters[$0] }) { users[$0] > 0 }
    move(moved)
    // What was fetched ahead may still be on its way.
    let wait = max(.zero, linkFree - now)
    outcome.waitSeconds += wait.seconds
    var work = IterationWork()
    for request in batch {
      let tokens = Int(workload.requests[request].promptTokens)
      work.prefillChunks.append(.init(tokens: tokens, contextTokens: 0))
      pool.hold(tokens) { users[$0] > 0 }
      running.append(
        Running(
          request: request, tokens: tokens, left: Int(workload.requests[request].outputTokens)))
    }
    work.sampledSequences = batch.count
    let first = running.count - batch.count
    pass(wait + prices.duration(of: work, running[first...].map { batchEntry($0, $0.tokens) }))
    for index in first..<running.count {
      outcome.firstTokenSeconds += (now - workload.requests[running[index].request].arrival).seconds
    }
    generate(running.indices.suffix(batch.count))
    decodes = 0
  }

  // MARK: Going on

  private mutating func decode() {
    let users = users
    var work = IterationWork()
    for sequence in running { work.decode(1, contextTokens: sequence.tokens) }
    pool.hold(running.count) { users[$0] > 0 }
    work.sampledSequences = running.count
    pass(prices.duration(of: work, running.map { batchEntry($0, 1) }))
    if generate(running.indices) {
      let users = self.users
      pool.offload { users[$0] > 0 }
    }
    decodes += 1
  }

  private func batchEntry(_ sequence: Running, _ tokens: Int) -> AdapterPrices.Entry {
    let adapter = workload.adapters[sequence.request]
    return .init(
      adapter: adapter, slots: UnifiedSlots.adapterSlots(rank: setting.ranks[adapter]),
      tokens: tokens)
  }

  /// Names the adapters of the next batch, as far as a batch's prompts go.
  private mutating func fetchAhead() {
    var tokens = 0
    let batch = waiting.prefix { request in
      tokens += Int(workload.requests[request].promptTokens)
      return tokens <= setting.promptTokensMax
    }
    guard !batch.isEmpty else { return }
    move(pool.fetchAhead(batch.map { workload.adapters[$0] }))
  }

  private mutating func move(_ slots: Int) {
    guard slots > 0 else { return }
    outcome.movedSlots += slots
    linkFree = max(linkFree, now) + prices.loading(slots: slots)
  }

  private mutating func pass(_ duration: SimDuration) {
    now = now + duration
    outcome.adapterShare += Double(pool.adapterSlots) / Double(setting.slots) * duration.seconds
    outcome.meanBatch += Double(running.count) * duration.seconds
  }

  /// Gives each of these a token, and ends those that have all.
  ///
  /// - Returns: Whether one ended.
  @discardableResult
  private mutating func generate(_ indices: Range<Int>) -> Bool {
    for index in indices {
      running[index].tokens += 1
      running[index].left -= 1
    }
    let ended = running[indices].filter { $0.left == 0 }
    for sequence in ended {
      let request = workload.requests[sequence.request]
      // The last token is never computed.
      pool.release(sequence.tokens - 1)
      users[workload.adapters[sequence.request]] -= 1
      outcome.latencySeconds += (now - request.arrival).seconds
    }
    running.removeAll { $0.left == 0 }
    if running.isEmpty { pool.offloadAll() }
    return !ended.isEmpty
  }
}

/// What a batch may still take: the most slots that it will ever have at once.
struct AdmissionRoom {
  private let setting: SLoRASetting
  /// Tokens that a sequence has, and those that it still generates, the most of these first.
  private var sequences: [(tokens: Int, left: Int)]
  private(set) var adapters: Set<Int> = []
  private var adapterSlots = 0
  private var promptTokens = 0

  init(_ setting: SLoRASetting, _ sequences: [(tokens: Int, left: Int)]) {
    self.setting = setting
    self.sequences = sequences.sorted { $0.left > $1.left }
  }

  mutating func add(adapter: Int, _ pool: UnifiedSlots) {
    if adapters.insert(adapter).inserted { adapterSlots += pool.sizes[adapter] }
  }

  /// The most tokens at once: those that end last stay, while each of the others ends in its turn.
  static func peak(_ sequences: [(tokens: Int, left: Int)]) -> Int {
    var (peak, sum) = (0, 0)
    for (index, sequence) in sequences.enumerated() {
      sum += sequence.tokens
      peak = max(peak, sequence.left * (index + 1) + sum)
    }
    return peak
  }

  /// Adds a request, if it fits.
  mutating func takes(_ request: Request, adapter: Int, _ pool: UnifiedSlots) -> Bool {
    var room = self
    room.add(adapter: adapter, pool)
    let entry = (tokens: Int(request.promptTokens) + 1, left: Int(request.outputTokens) - 1)
    room.sequences.insert(
      entry, at: sequences.firstIndex { $0.left < entry.left } ?? sequences.endIndex)
    room.promptTokens += Int(request.promptTokens)
    guard Self.peak(room.sequences) < pool.capacity - room.adapterSlots,
      room.sequences.count <= setting.sequencesMax, room.promptTokens <= setting.promptTokensMax
    else { return false }
    self = room
    return true
  }
}
