import CostModel
import KVMemory
import Serving
import SimulationKernel

/// What an iteration asks of the processor: its sizes, and how much of the context that it decodes over
/// lies in memory that sequences share.
///
/// The second sequence that reads a block in an iteration finds it in the processor's cache. A GPU reads it
/// again in all models of ours, so that ``IterationWork`` does not count it.
package struct CPUIteration: Equatable, Sendable {
  package var work = IterationWork()
  /// Context tokens of decode sequences that another decode sequence of the iteration has read before, from
  /// the same block; at most `work.decodeContextTokens`.
  package var sharedContextTokens = 0

  package init(_ work: IterationWork = IterationWork(), sharedContextTokens: Int = 0) {
    self.work = work
    self.sharedContextTokens = sharedContextTokens
  }
}

/// Counts the tokens that sequences of an iteration share, from where the scheduler placed them.
struct SharedTokenCounter {
  private let blockSize: Int
  /// The last iteration that read each block.
  private var lastReader: [Int] = []
  private var iteration = 0

  init(blockSize: Int) { self.blockSize = blockSize }

  /// The plan with the tokens that its decode sequences share. A draft that is verified counts as a sequence that decodes: a
  /// row of its own, over context that the row before it has read.
  ///
  /// - Complexity: O(blocks of the sequences that run).
  mutating func iteration(
    _ plan: IterationPlan, placement: some SequencePlacement
  ) -> CPUIteration {
    var work = plan.work
    var verified = 0
    let tables = plan.scheduled.indices.filter { !plan.scheduled[$0].isPrefill }.flatMap { index in
      let entry = plan.scheduled[index]
      let drafts = Int(entry.tokens) - 1
      let context = drafts * Int(entry.contextTokens + entry.tokens)
      work.draftTokens -= drafts
      work.decode(drafts, contextTokens: context)
      verified += context
      return placement.sequences(at: index, of: plan).prefix(Int(entry.sequences)).map {
        (table: placement.blocks(of: $0), context: Int(entry.contextTokens + entry.tokens))
      }
    }
    return CPUIteration(work, sharedContextTokens: verified + sharedTokens(tables))
  }

  /// Tokens that sequences of one iteration find in blocks that an earlier one of them has read.
  mutating func sharedTokens(_ sequences: [(table: [BlockID], context: Int)]) -> Int {
    iteration += 1
    return sequences.reduce(0) { $0 + sharedTokens($1.table, context: $1.context) }
  }

  /// Tokens of the first `context` of a sequence that lie in blocks that were read in this iteration;
  /// its blocks count as read from then on.
  private mutating func sharedTokens(_ table: [BlockID], context: Int) -> Int {
    var shared = 0
    for (place, block) in table.prefix((context + blockSize - 1) / blockSize).enumerated() {
      let block = Int(block)
      if block >= lastReader.count {
        lastReader += Array(repeating: 0, count: block + 1 - lastReader.count)
      }
      if lastReader[block] == iteration { shared += min(blockSize, context - place * blockSize) }
      lastReader[block] = iteration
    }
    return shared
  }
}

/// An executor that prices iterations of a run that is placed block by block.
///
/// Not a cost model: what sequences share is no part of ``IterationWork``.
final class CPUPricer: IterationExecutor, @unchecked Sendable {
  private let costModel: CPUCostModel
  private var counter: SharedTokenCounter

  init(_ costModel: CPUCostModel, blockSize: Int) {
    self.costModel = costModel
    counter = SharedTokenCounter(blockSize: blockSize)
  }

  func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    costModel.duration(of: counter.iteration(plan, placement: placement))
  }
}

/// Runs iterations by another executor and keeps what each one was and took.
final class ObservingExecutor<Inner: IterationExecutor>: IterationExecutor, @unchecked Sendable {
  private(set) var iterations: [(iteration: CPUIteration, duration: SimDuration)] = []
  private var inner: Inner
  private var counter: SharedTokenCounter

  init(_ inner: Inner, blockSize: Int) {
    self.inner = inner
    counter = SharedTokenCounter(blockSize: blockSize)
  }

  func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    let duration = inner.execute(plan, at: start, placement: placement)
    iterations.append((counter.iteration(plan, placement: placement), duration))
    return duration
  }

  func completed(_ plan: IterationPlan, placement: some SequencePlacement) {
    inner.completed(plan, placement: placement)
  }
}
