import SimulationKernel
import Workload

extension ServicePolicy {
  /// SLOs-Serve: prompts by deadline, of which as many are kept as can be in time; the others are served when none of those
  /// waits. Iterations are as large as the pace of the fastest class that decodes bears.
  ///
  /// A request that was denied once is served behind all others for good: it waits for as long as others come that can be in
  /// time.
  ///
  /// - Source: our reconstruction from notes on SLOs-Serve (arXiv 2504.08784), whose recurrence was not read. There a program
  ///   over memory and the budget of tokens picks who is accepted at each epoch; here the budget alone is planned, for which
  ///   ``AdmissionPlan`` is the best answer, when a request has come; blocks are taken and lost as in vLLM V1. Lengths of drafts
  ///   by class, and handing requests on to other replicas, are not here.
  package static let slosServe = ServicePolicy(
    name: "slos-serve",
    summary: "SLOs-Serve's: by deadline, as many in time as can be, the rest last",
    prompts: PromptOrder(
      deadlines: DeadlineRules(plans: true, keepsPace: true, caution: 1),
      key: PromptOrder.deadline(of:)),
    caveat:
      "`slos-serve` is our reconstruction from notes on its paper, whose planner was not read: it plans the budget of tokens "
      + "and not memory, with the tool's own prices as its predictor")
}

/// Whose prompts are computed in time, if not all can be: as many as possible.
///
///     by deadline    |── a ──|─ b ─|──── c ────|─ d ─|        d would be late: the longest so far makes way
///                    |── a ──|─ b ─|─ d ─|                    c is denied
///
/// - Source: Moore, Management Science 15 (1968), with Hodgson's algorithm, which denies the fewest.
enum AdmissionPlan {
  struct Prompt {
    var sequence: Int32
    /// Tokens left to compute.
    var tokens: Int
    var due: SimInstant
    /// Whether it is computed already, and stays.
    var isAccepted = false
  }

  /// - Parameter tokensPerSecond: At which prompts are computed, one after the other.
  /// - Returns: The sequences that are denied.
  /// - Complexity: O(prompts · denied).
  static func denied(
    _ prompts: [Prompt], tokensPerSecond: Double, at now: SimInstant
  ) -> Set<Int32> {
    var denied: Set<Int32> = []
    var kept: [Prompt] = []
    var tokens = 0
    for prompt in prompts.sorted(by: { ($0.due, $0.sequence) < ($1.due, $1.sequence) }) {
      tokens += prompt.tokens
      if !prompt.isAccepted { kept.append(prompt) }
      while now + SimDuration(rounding: Double(tokens) / tokensPerSecond) > prompt.due,
        let longest = kept.indices.max(by: { kept[$0].tokens < kept[$1].tokens })
      {
        let dropped = kept.remove(at: longest)
        tokens -= dropped.tokens
        denied.insert(dropped.sequence)
      }
    }
    return denied
  }
}
