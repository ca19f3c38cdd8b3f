import KVMemory
import Workload

/// A tier of chunks behind the prefix cache: full blocks are copied there as they are computed, and come back for
/// sequences that begin alike once the device has lost them.
///
///     device   | b1 | b2 | b3 | b4 |░      chunks of two blocks
///     tier     |   c0    |   c1    |       key of c1: that of b4, and every token before it
///
/// - Source: the scheduler side of `OffloadingConnector` in vLLM 0.33, by the rules beside its recorded step traces.
package struct OffloadingConnector: KVConnector {
  /// A KV group as the tier sees it.
  struct Group: Sendable {
    var blockTokens: Int
    var chunkTokens: Int
    /// Tokens that a token attends to; `nil` for all before it.
    var window: Int?

    /// Chunks of a window.
    var windowChunks: Int? { window.map { ceilDivide($0, chunkTokens) } }
  }

  /// What is known of a sequence.
  struct SequenceState: Sendable {
    /// By group, chunks from the first that were offered to the tier, or came from it.
    var progress: [Int]
    /// By group, the block table as the connector was told: it does not see what is given back.
    var tables: [[BlockID]]
    /// Whether it was admitted in this iteration.
    var isAdmitted = false
    /// Jobs that are not done.
    var jobs: [Int32] = []
    /// Tokens that come from the lower tier for it, since it last loaded.
    var promotedTokens = 0

    init(groups: Int) {
      progress = Array(repeating: 0, count: groups)
      tables = Array(repeating: [], count: groups)
    }
  }

  struct Job: Sendable {
    var transfer: KVTransferJob
    /// Source blocks of a store whose next user has to wait for it.
    var watched: [BlockID] = []
    /// Source blocks that will be watched once the sequence is complete.
    var unwatched: [BlockID] = []
    /// What it copies between the tiers; `nil` for a copy to or from the device.
    var move: ChunkTiers.Move?
  }

  let options: Options
  let groups: [Group]
  /// Those that keep every token first, then windows, longest first.
  let lookUpOrder: [Int]
  package internal(set) var tiers: ChunkTiers
  package internal(set) var step = KVTransferStep()
  var states: [Int32: SequenceState] = [:]
  var jobs: [Int32: Job] = [:]
  /// Chunks that asynchronous loads read.
  var reading = ChunksRead()
  /// How often that has changed.
  var readingChanges = 0
  var lastAnswer: Answer?
  /// By block, the jobs that its next user has to wait for.
  var watchers: [BlockID: [Int32]] = [:]
  var nextJob: Int32 = 0
  /// Jobs that copy from the upper to the lower tier: nobody waits for them.
  var cascades = 0
  /// Blocks that were handed out in this iteration.
  var allocated = HandedOutBlocks()
  /// Bytes that may still be loaded within this iteration.
  var synchronousBytesLeft = 0

  package struct Options: Equatable, Sendable {
    package var policy = ChunkPolicy.lru
    /// Chunks of the tier.
    package var chunks = 1
    /// Chunks of a tier below it, more than it has; 0 for none.
    package var chunksBelow = 0
    package var blocksPerChunk = 1
    /// Offers after which a chunk is stored.
    package var storeThreshold = 0
    /// Chunks whose offers are counted.
    package var trackedMax = 64_000
    /// Tokens in whose multiples hits in the tier come, which says what windows store; `nil` for chunks of the first group
    /// that keeps everything.
    package var alignmentTokens: Int?
    /// Whether outputs stay on the device.
    package var promptsOnly = true
    /// Bytes that may be loaded within an iteration, by which nobody has to wait for another one.
    package var synchronousBytes = 0
    package var bytesPerToken = 1
    /// Whether all loads are within iterations, and nobody waits for any.
    package var copiesInStep = false
    /// Whether blocks that an iteration uses are given back only after it.
    package var defersFrees = true
    /// Whether a sequence waits for chunks that another one loads, to find them on the device.
    package var waitsForLoads = true

    package init() {}
  }

  /// - Parameter groups: The groups of the device's memory.
  package init(_ options: Options, groups: [BlockGroup]) {
    self.options = options
    self.groups = groups.map {
      Group(
        blockTokens: $0.blockTokens, chunkTokens: $0.blockTokens * options.blocksPerChunk,
        window: $0.keeps.attendedMax)
    }
    let windows = groups.map(\.keeps.attendedMax)
    lookUpOrder =
      groups.indices.filter { windows[$0] == nil }
      + groups.indices.filter { windows[$0] != nil }
      .sorted { (windows[$1] ?? 0, $0) < (windows[$0] ?? 0, $1) }
    tiers = ChunkTiers(
      ChunkTier(
        capacity: options.chunks, policy: options.policy, storeThreshold: options.storeThreshold,
        trackedMax: options.trackedMax),
      lower: options.chunksBelow > 0
        ? ChunkTier(capacity: options.chunksBelow, policy: .lru) : nil)
  }

  /// The tier that the device reaches.
  package var tier: ChunkTier { tiers.upper }

  package var defersFrees: Bool { options.defersFrees }

  package var hasTransfers: Bool { jobs.count > cascades }

  /// What was stored goes down.
  package var goesOn: Bool { hasTransfers && tiers.lower != nil }

  package mutating func begin() {
    step = KVTransferStep()
    allocated.removeAll()
    synchronousBytesLeft = options.synchronousBytes
  }

  package mutating func takeIn(_ report: KVTransferReport) {
    for number in report.done {
      guard let job = jobs.removeValue(forKey: number) else {
        preconditionFailure("OffloadingConnector: job \(number) is done twice")
      }
      states[job.transfer.sequence]?.jobs.removeAll { $0 == number }
      switch job.transfer.kind {
      case .store: tiers.finishStore(job.transfer.chunks)
      case .load: for place in job.transfer.chunks { tiers.unpin(place) }
      case .promotion: if let move = job.move { tiers.finish(move) }
      case .cascade:
        cascades -= 1
        if let move = job.move { tiers.finish(move) }
      }
      if reading.remove(job: number) { readingChanges += 1 }
      for block in job.watched {
        watchers[block]?.removeAll { $0 == number }
        if watchers[block]?.isEmpty ?? false { watchers[block] = nil }
      }
    }
  }

  package mutating func complete(_ sequence: ConnectedSequence) -> Bool {
    for number in states[sequence.number]?.jobs ?? [] {
      guard let blocks = jobs[number]?.unwatched else { continue }
      jobs[number]?.unwatched = []
      watch(blocks, for: number)
    }
    return false
  }

  /// Makes the next user of some blocks wait for a job.
  mutating func watch(_ blocks: [BlockID], for number: Int32) {
    jobs[number]?.watched += blocks
    for block in blocks { watchers[block, default: []].append(number) }
  }
}

/// A tier of a replica: how it is kept, and what it is reached over.
package struct OffloadingSettings: Equatable, Sendable {
  package var options: OffloadingConnector.Options
  package var link: HostLink
  /// What the host reaches the tier below with; `nil` without one.
  package var disk: DiskLink?
  package var restoring: RestoreRule
  /// What ``restoring`` compares; `nil` for rules that do not.
  package var prices: RestorePrices?

  /// - Parameter chunks: Of a block each, which is vLLM's default.
  package init(chunks: Int, link: HostLink, restoring: RestoreRule = .load) {
    options = OffloadingConnector.Options()
    options.chunks = chunks
    self.link = link
    self.restoring = restoring
  }
}

/// Blocks that were handed out in an iteration, hits included.
struct HandedOutBlocks: Sendable {
  private(set) var blocks: [BlockID] = []
  /// By block, the iteration in which it was handed out last.
  private var iterations: [Int] = []
  private var iteration = 1

  func contains(_ block: BlockID) -> Bool {
    Int(block) < iterations.count && iterations[Int(block)] == iteration
  }

  /// Adds the entries of a table that are blocks.
  mutating func add(_ entries: [BlockID]) {
    let missing = Int(entries.max() ?? 0) + 1 - iterations.count
    if missing > 0 { iterations.append(contentsOf: repeatElement(0, count: missing)) }
    let iteration = iteration
    iterations.withUnsafeMutableBufferPointer { iterations in
      for block in entries where block != 0 && iterations[Int(block)] != iteration {
        iterations[Int(block)] = iteration
        blocks.append(block)
      }
    }
  }

  mutating func removeAll() {
    blocks.removeAll(keepingCapacity: true)
    iteration += 1
  }
}

/// ⌈a / b⌉ of numbers that are not negative.
func ceilDivide(_ a: Int, _ b: Int) -> Int { (a + b - 1) / b }
