import CostModel
import SimulationKernel

/// Runs iterations for the engine: says how long one takes.
///
/// The cost model answers from a formula or a table (``PlanPricer``); a reference engine answers by really
/// running the kernels, and needs to see where the tokens of each sequence are.
package protocol IterationExecutor: Sendable {
  /// Runs (or prices) a plan and returns how long it took.
  ///
  /// - Parameters:
  ///   - start: The clock now, when the iteration starts.
  ///   - placement: The scheduler after it decided the plan.
  mutating func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration

  /// Is told when the scheduler has taken in what the iteration gave.
  mutating func completed(_ plan: IterationPlan, placement: some SequencePlacement)
}

extension IterationExecutor {
  package mutating func completed(_ plan: IterationPlan, placement: some SequencePlacement) {}
}

/// An executor that runs nothing: the plan alone tells it how long the iteration takes.
package protocol PlanPricer: IterationExecutor {
  mutating func execute(_ plan: IterationPlan) -> SimDuration
}

/// An executor that looks at nothing but sizes. A class: to ask it costs no copy.
package protocol ShapePricer: AnyObject, PlanPricer {
  func price(_ shape: IterationShape) -> SimDuration

  /// Prices iterations that follow each other and only decode.
  ///
  /// - Parameter contextTokens: What `sequences` sequences attend to in the first; each grows by a token.
  func price(
    decoding sequences: Int, contextTokens: Int,
    into prices: UnsafeMutableBufferPointer<SimDuration>)
}

extension ShapePricer {
  package func execute(_ plan: IterationPlan) -> SimDuration { price(plan.shape) }

  package func price(
    decoding sequences: Int, contextTokens: Int,
    into prices: UnsafeMutableBufferPointer<SimDuration>
  ) {
    var shape = IterationShape()
    shape.decodeSequences = sequences
    shape.sampledSequences = sequences
    shape.decodeContextTokens = contextTokens
    for index in prices.indices {
      prices[index] = price(shape)
      shape.decodeContextTokens += sequences
    }
  }
}

extension PlanPricer {
  package mutating func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    execute(plan)
  }
}
