import CostModel
import KVMemory
import SimulationKernel
import Workload

/// An iteration-level scheduler with the KV memory that it fills: the part of a serving engine that decides.
///
/// It knows no cost, and of the clock only what it is told. The engine calls, for each iteration,
/// ``schedule(at:into:)``, prices and runs the plan, then ``complete(_:finished:)``; requests are handed in between
/// iterations.
package protocol Scheduler: SequencePlacement, Sendable {
  /// Whether a request can ever be served, asked before it is enqueued.
  func admission(of request: Request) -> Admission

  /// Adds an arrived request to the waiting queue. Requests are enqueued in order of arrival.
  mutating func enqueue(_ request: RequestID)

  /// Iterations that are decided before the output of the one that runs is taken in: 0, or 1 where scheduling is
  /// asynchronous. ``complete(_:finished:)`` then takes in the oldest that was not.
  var iterationsAhead: Int { get }

  /// Decides the next iteration and takes the blocks it needs.
  ///
  /// - Parameters:
  ///   - now: When the iteration starts.
  ///   - plan: Empty; filled with the decision. It stays empty if nothing can run.
  mutating func schedule(at now: SimInstant, into plan: inout IterationPlan)

  /// Takes in what the iteration gave: sequences grow by a token, finished ones give their blocks back.
  ///
  /// - Parameters:
  ///   - plan: What ``schedule(at:into:)`` filled. Not changed but for the tokens that it yields, where they are known only
  ///     now; `inout` saves a copy of its 200 bytes in each iteration.
  ///   - finished: Requests that are complete, appended in scheduled order.
  mutating func complete(_ plan: inout IterationPlan, finished: inout [RequestID])

  /// When there may be something to decide although nothing has arrived or ended: asked after a decision.
  var wakeUp: SimInstant? { get }

  /// Takes in that keys and values of requests have come from another replica, or were read by one.
  mutating func takeIn(_ moves: KVMoves)

  /// Takes the requests that got blocks for keys and values that another replica has, since this was last asked.
  mutating func takePulls() -> [IterationPlan.Admitted]

  /// Where the KV slots are; asked after ``schedule(at:into:)``.
  var ledger: WasteLedger { get }

  /// Blocks as the running sequences count them (shared ones once for each) and as they are held.
  var blocks: (logical: Int, physical: Int) { get }

  var queues: QueueLengths { get }

  /// What the prefix cache has done so far; `nil` for a system without one.
  var prefixCache: PrefixCacheTotals? { get }

  /// Tokens of an arriving request's prompt that the prefix cache holds now; 0 for a system that does not tell
  /// (``ServingSystem/Capabilities/tellsCache``).
  mutating func cachedTokens(of request: RequestID) -> Int

  // MARK: What Pace asks for

  /// The next iterations, if they only give each running request its token; see ``SteadyStretch``.
  mutating func steadyStretch(atMost limit: Int) -> SteadyStretch?

  /// Does what ``schedule(at:into:)`` would, without plans, for the next `count` iterations of such a stretch.
  ///
  /// - Parameter growth: Empty; filled with the blocks that they take.
  /// - Returns: How many it did: fewer, perhaps none, if too few blocks are free.
  mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int

  /// Takes in what iterations of ``scheduleSteady(_:_:)`` gave; a last one may be left to ``complete(_:finished:)``.
  ///
  /// - Parameter finished: Requests that are complete with the last one, appended in scheduled order.
  mutating func completeSteady(_ count: Int, finished: inout [RequestID])
}

extension Scheduler {
  package var iterationsAhead: Int { 0 }
  package var wakeUp: SimInstant? { nil }
  package var prefixCache: PrefixCacheTotals? { nil }
  package mutating func takeIn(_ moves: KVMoves) {}
  package mutating func takePulls() -> [IterationPlan.Admitted] { [] }
  package mutating func cachedTokens(of request: RequestID) -> Int { 0 }
}

/// A scheduler decides every iteration by a plan, unless it says that it can do without.
extension Scheduler {
  package mutating func steadyStretch(atMost limit: Int) -> SteadyStretch? { nil }

  package mutating func scheduleSteady(_ count: Int, _ growth: inout SteadyGrowth) -> Int { 0 }

  package mutating func completeSteady(_ count: Int, finished: inout [RequestID]) {}
}

/// Requests in each of a scheduler's queues.
package struct QueueLengths: Equatable, Sendable {
  package var running: Int
  package var waiting: Int
  package var swapped: Int

  package var total: Int { running + waiting + swapped }
}
