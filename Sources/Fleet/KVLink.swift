import Serving
import SimulationKernel

/// What a replica reads the keys and values of another over.
package struct KVLink: Equatable, Sendable {
  /// From the request for keys and values to their first byte.
  package var latency: SimDuration
  /// Bytes a second into a replica, and out of it; infinite where reading takes the latency only.
  package var bandwidth: Double

  /// Takes no time.
  package static let free = KVLink(latency: .zero, bandwidth: .infinity)

  package init(latency: SimDuration, bandwidth: Double) {
    precondition(latency >= .zero && bandwidth > 0, "KVLink: \(latency), \(bandwidth) B/s")
    self.latency = latency
    self.bandwidth = bandwidth
  }
}

/// Transfers under way between replicas, each of which has a ``KVLink``.
///
///     out of 0   |── a: whole bandwidth ──|── a: half ──|         a transfer moves at the smaller of its equal shares
///                            latency │    |── b: half ──|── b …   at the replica that is read and the one that reads
///
/// - Complexity: O(transfers under way) for each that begins, starts to move, or ends.
struct KVTransfers {
  private struct Transfer {
    var request: RequestID
    var source: Int
    var target: Int
    /// Bytes that have not moved.
    var left: Double
    /// When its first byte moves.
    var start: SimInstant
    /// When its last byte has moved, as things stand; the distant future before it starts.
    var end = SimInstant.distantFuture
    /// Bytes a second since the last change.
    var rate = 0.0
  }

  private let link: KVLink
  /// In the order in which they began.
  private var transfers: [Transfer] = []
  /// The last change.
  private var since = SimInstant.zero

  init(_ link: KVLink) { self.link = link }

  var isEmpty: Bool { transfers.isEmpty }

  /// When a transfer starts to move, or ends; ``SimInstant/distantFuture`` without any.
  var nextChange: SimInstant {
    transfers.reduce(.distantFuture) { min($0, $1.rate > 0 ? $1.end : $1.start) }
  }

  /// - Parameters:
  ///   - source: The number of the replica that is read.
  ///   - target: That of the one that reads.
  mutating func begin(
    _ request: RequestID, bytes: Int, from source: Int, to target: Int, at now: SimInstant
  ) {
    transfers.append(
      Transfer(
        request: request, source: source, target: target, left: Double(bytes),
        start: now + link.latency))
  }

  /// Moves on to `now`, which is not beyond ``nextChange``.
  ///
  /// - Returns: The requests whose transfers have ended, in the order in which they began.
  mutating func advance(to now: SimInstant) -> [RequestID] {
    move(to: now)
    var ended: [RequestID] = []
    transfers.removeAll { transfer in
      let isDone = transfer.rate > 0 && transfer.end <= now
      if isDone { ended.append(transfer.request) }
      return isDone
    }
    share(at: now)
    return ended
  }

  /// Ends the transfers out of a replica that failed at `now`, and those into it; those that are left share anew.
  mutating func cancel(of replica: Int, at now: SimInstant) {
    move(to: now)
    transfers.removeAll { $0.source == replica || $0.target == replica }
    share(at: now)
  }

  private mutating func move(to now: SimInstant) {
    let seconds = (now - since).seconds
    since = now
    guard seconds > 0 else { return }
    for index in transfers.indices where transfers[index].rate > 0 {
      let moved = transfers[index].rate * seconds
      transfers[index].left = max(0, transfers[index].left - moved)
    }
  }

  /// Gives each transfer that has started its share.
  private mutating func share(at now: SimInstant) {
    var out: [Int: Int] = [:]
    var into: [Int: Int] = [:]
    for transfer in transfers where transfer.start <= now {
      out[transfer.source, default: 0] += 1
      into[transfer.target, default: 0] += 1
    }
    for index in transfers.indices where transfers[index].start <= now {
      let transfer = transfers[index]
      let sharing = max(out[transfer.source] ?? 1, into[transfer.target] ?? 1)
      transfers[index].rate = link.bandwidth / Double(sharing)
      transfers[index].end =
        now + SimDuration(rounding: transfer.left / transfers[index].rate)
    }
  }
}
