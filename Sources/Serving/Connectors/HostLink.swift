import KVMemory
import SimulationKernel

/// The link between a device and its host's memory, over which a tier's chunks move: a direction each way, in which
/// jobs wait for each other.
///
///     to host     |── store 0 ──|── store 3 ──|
///     to device        |─── load 1 ───|── load 2 ──|        a load is there when its job has ended, not before
package struct HostLink: Equatable, Sendable {
  /// Bytes of a KV block on one GPU; each has a link of its own.
  package var blockBytes: Int
  /// Bytes a second, each way.
  package var bandwidth: Double

  package init(blockBytes: Int, bandwidth: Double) {
    precondition(blockBytes > 0 && bandwidth > 0, "HostLink: \(blockBytes) bytes, \(bandwidth) B/s")
    self.blockBytes = blockBytes
    self.bandwidth = bandwidth
  }

  /// How long so many blocks take; at least a nanosecond, so that what moves is never there at once.
  package func duration(blocks: Int) -> SimDuration {
    max(
      SimDuration(nanoseconds: 1),
      SimDuration(rounding: Double(blocks * blockBytes) / bandwidth))
  }
}

/// Moves the jobs of an ``OffloadingConnector`` on the simulated clock.
///
/// A load starts when it is decided, and so does what moves to a tier below and back; a store when the iteration has ended
/// that computes what it copies.
package struct HostLinkWorker: Sendable {
  private let link: HostLink
  /// To a tier below; `nil` without one.
  private let disk: DiskLink?
  private let restoring: RestoreRule
  private let prices: RestorePrices?
  /// Whether iterations wait for loads that they admit, and for the stores of the one before.
  private let copiesInStep: Bool
  /// When the stores of the last iteration are done, if the next one waits for them.
  private var stored = SimInstant.zero
  /// When each direction is free.
  private var toHost = SimInstant.zero
  private var toDevice = SimInstant.zero
  private var toDisk = SimInstant.zero
  private var fromDisk = SimInstant.zero
  /// Jobs on their way, in the order in which they began, with when they end.
  private var moving: [(job: KVTransferJob, end: SimInstant)] = []
  /// Stores of the iteration that was decided last.
  private var computed: [KVTransferJob] = []
  package private(set) var totals = TierTotals()
  /// Of the tier below; `nil` without one.
  package private(set) var diskTotals: TierTotals?

  /// Seconds until a load that is decided next begins.
  private var loadWait = 0.0

  /// - Parameter prices: What `restoring` compares, if it compares.
  package init(
    _ link: HostLink, disk: DiskLink? = nil, restoring: RestoreRule = .load,
    prices: RestorePrices? = nil, copiesInStep: Bool = false
  ) {
    self.copiesInStep = copiesInStep
    self.link = link
    self.disk = disk
    diskTotals = disk.map { _ in TierTotals() }
    self.restoring = restoring
    self.prices = prices
  }

  /// How many of the tokens `held..<end`, which the tier holds, a sequence computes all the same.
  ///
  /// - Parameter chunk: Tokens of a chunk of the tier.
  package mutating func computedTokens(from held: Int, to end: Int, chunk: Int) -> Int {
    guard let prices else { return restoring == .recompute ? end - held : 0 }
    let computed = prices.computedTokens(
      restoring, from: held, to: end, chunk: chunk, linkWait: loadWait)
    loadWait += Double(end - held - computed) * prices.loadSeconds
    return computed
  }

  /// When the next job ends.
  package var nextEnd: SimInstant? { moving.map(\.end).min() }

  /// What has ended at the start of an iteration, when the stores of the one before begin.
  package mutating func report(at now: SimInstant) -> KVTransferReport {
    loadWait = max(0, (toDevice - now).seconds)
    for job in computed {
      let end = start(job, at: now)
      if copiesInStep { stored = end }
    }
    computed.removeAll(keepingCapacity: true)
    let ended = moving.filter { $0.end <= now }.map(\.job)
    moving.removeAll { $0.end <= now }
    var report = KVTransferReport()
    report.done = ended.map(\.number)
    report.received = ended.filter { $0.kind == .load(isAsynchronous: true) }.map(\.sequence)
    return report
  }

  /// Takes what an iteration moves.
  ///
  /// - Parameter isIdle: Whether nothing runs in it, so that its stores need not wait for it.
  /// - Returns: When the copies of blocks are done that it writes to.
  package mutating func move(
    _ step: KVTransferStep, at now: SimInstant, isIdle: Bool
  ) -> SimInstant {
    for job in step.jobs {
      switch job.kind {
      // A copy that has to be done before the iteration is of what earlier ones computed.
      case .store where isIdle || step.flushed.contains(job.number): _ = start(job, at: now)
      case .store: computed.append(job)
      case .cascade, .promotion: startBelow(job, at: now)
      case .load: break
      }
    }
    let flushed = moving.filter { step.flushed.contains($0.job.number) }.map(\.end).max() ?? now
    var ready = max(flushed, stored)
    for job in step.jobs {
      guard case .load(let isAsynchronous) = job.kind else { continue }
      let end = start(job, at: flushed)
      totals.addLoad(lasting: end - now)
      if !isAsynchronous { ready = max(ready, end) }
    }
    totals.flushNanoseconds += (ready - now).nanoseconds
    return ready
  }

  private mutating func start(_ job: KVTransferJob, at now: SimInstant) -> SimInstant {
    let isStore = job.kind == .store
    let end = max(now, isStore ? toHost : toDevice) + link.duration(blocks: job.blocks.count)
    if isStore { toHost = end } else { toDevice = end }
    moving.append((job, end))
    let bytes = job.blocks.count * link.blockBytes
    if isStore { totals.storedBytes += bytes } else { totals.loadedBytes += bytes }
    return end
  }

  /// Lets chunks move between the host and the tier below.
  private mutating func startBelow(_ job: KVTransferJob, at now: SimInstant) {
    guard let disk else { preconditionFailure("HostLinkWorker: job \(job.number) has no link") }
    let (isWrite, bytes) = (job.kind == .cascade, job.chunks.count * disk.chunkBytes)
    let duration = disk.duration(chunks: job.chunks.count, isWrite: isWrite)
    let end = max(now, isWrite ? toDisk : fromDisk) + duration
    moving.append((job, end))
    if isWrite {
      toDisk = end
      diskTotals?.storedBytes += bytes
    } else {
      fromDisk = end
      diskTotals?.loadedBytes += bytes
      diskTotals?.addLoad(lasting: end - now)
    }
  }
}

/// What a tier has given, since the start of a run or over a part of it.
package struct TierTotals: Equatable, Sendable {
  /// Tokens that were found in it, in none above it, and not computed again.
  package var hitTokens = 0
  /// Tokens that were found in it and computed all the same.
  package var computedTokens = 0
  /// Bytes to it and from it: on each GPU, or of all GPUs where only the host reaches it.
  package var storedBytes = 0
  package var loadedBytes = 0
  /// Sequences that waited for loads, and how long those took, in all, from when they were decided.
  package var loads = 0
  package var loadNanoseconds: Int64 = 0
  /// How long iterations waited for copies of blocks that they write to.
  package var flushNanoseconds: Int64 = 0

  package init() {}

  mutating func addLoad(lasting duration: SimDuration) {
    loads += 1
    loadNanoseconds += duration.nanoseconds
  }

  static func + (one: Self, other: Self) -> Self { one.adding(other, times: 1) }

  static func - (later: Self, earlier: Self) -> Self { later.adding(earlier, times: -1) }

  private func adding(_ other: Self, times sign: Int) -> Self {
    var sum = self
    sum.hitTokens += sign * other.hitTokens
    sum.computedTokens += sign * other.computedTokens
    sum.storedBytes += sign * other.storedBytes
    sum.loadedBytes += sign * other.loadedBytes
    sum.loads += sign * other.loads
    sum.loadNanoseconds += Int64(sign) * other.loadNanoseconds
    sum.flushNanoseconds += Int64(sign) * other.flushNanoseconds
    return sum
  }
}
