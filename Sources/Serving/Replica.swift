import KVMemory
import SimulationKernel
import Workload

/// One serving engine, whatever its scheduler: runs a trace by itself, or is fed by a router.
///
/// All replicas of a cluster know the whole trace and call its requests by the same numbers; each serves
/// those that are submitted to it.
package protocol Replica: AnyObject {
  /// Serves every request at its arrival, or stops at the end of the window.
  func run() throws -> RunRecord

  /// Runs all that happens before `limit`.
  func advance(to limit: SimInstant) throws

  /// Takes a request that arrives at `time`, to which the replica was advanced.
  func submit(_ request: RequestID, at time: SimInstant) throws

  /// Runs until nothing is to come, and returns when that was.
  func drain() throws -> SimInstant

  /// What happened, up to `end`.
  func close(at end: SimInstant) -> RunRecord

  /// Requests that run or wait.
  var outstanding: Int { get }

  /// Share of the KV pool that running requests hold, from 0 to 1.
  var heldShare: Double { get }
}

/// An engine behind the protocol.
final class EngineReplica<S: Scheduler>: Replica {
  private var engine: Engine<S>

  init(_ engine: Engine<S>) { self.engine = engine }

  func run() throws -> RunRecord { try engine.run() }

  func advance(to limit: SimInstant) throws { try engine.advance(to: limit) }

  func submit(_ request: RequestID, at time: SimInstant) throws {
    try engine.submit(request, at: time)
  }

  func drain() throws -> SimInstant { try engine.drain() }

  func close(at end: SimInstant) -> RunRecord { engine.close(at: end) }

  var outstanding: Int {
    let queues = engine.queues
    return queues.running + queues.waiting + queues.swapped
  }

  var heldShare: Double {
    let ledger = engine.ledger
    guard ledger.total > 0 else { return 0 }
    return Double(ledger.total - ledger.free - ledger.cached) / Double(ledger.total)
  }
}
