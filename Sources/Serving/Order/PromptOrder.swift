import SimulationKernel
import Workload

/// An order of all prompts that an engine has, in progress or waiting: in every iteration decodes run first, then prompts
/// in this order, until the tokens of the iteration are spent.
///
///     budget   | d d d | first prompt | second | part of the third |
///              decodes   by key, whether they hold blocks or wait
///
/// A prompt in progress that is overtaken keeps its blocks. A waiting prompt that finds no blocks lets those in progress go
/// on, and none that wait behind it.
package struct PromptOrder: Sendable {
  /// Whether it needs a ``ServiceTarget`` of every request.
  package let needsTargets: Bool
  /// What prompts are served by, less first; of equal ones who arrived first.
  let key: @Sendable (OrderedPrompt) -> Int64
  /// What it does by the clock; `nil` for nothing.
  let deadlines: DeadlineRules?

  package init(
    needsTargets: Bool = false, deadlines: DeadlineRules? = nil,
    key: @escaping @Sendable (OrderedPrompt) -> Int64
  ) {
    self.needsTargets = needsTargets || deadlines != nil
    self.deadlines = deadlines
    self.key = key
  }
}

/// A prompt as a ``PromptOrder`` sees it: what an engine knows of it.
package struct OrderedPrompt {
  package var request: Request
  /// Tokens to compute before its next output token, what the prefix cache may have among them; after a preemption its
  /// output so far too.
  package var remainingTokens: Int
  /// When its first token is due; `nil` without targets.
  package var firstTokenDue: SimInstant?
}
