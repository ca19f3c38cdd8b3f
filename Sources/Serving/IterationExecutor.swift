import CostModel
import SimulationKernel

/// Runs iterations for the engine: says how long one takes.
///
/// ``PricedExecutor`` asks a cost model and runs nothing; a reference engine answers by really running the kernels, and
/// needs to see where the tokens of each sequence are.
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

/// The executor of every simulated run: iterations take what their work costs.
///
/// An engine that has one asks its prices directly, and lists nobody who only decodes.
package struct PricedExecutor: IterationExecutor {
  package let prices: any IterationCostModel

  package init(_ prices: any IterationCostModel) { self.prices = prices }

  package func execute(
    _ plan: IterationPlan, at start: SimInstant, placement: some SequencePlacement
  ) -> SimDuration {
    prices.duration(of: plan.work)
  }
}
