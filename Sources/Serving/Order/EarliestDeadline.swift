import SimulationKernel

extension ServicePolicy {
  /// Earliest deadline first: by when the first token is due.
  ///
  /// Nobody waits for ever: whoever arrives later than a request is due stands behind it.
  package static let earliestDeadline = ServicePolicy(
    name: "edf", summary: "whose first token is due first",
    prompts: PromptOrder(needsTargets: true, key: PromptOrder.deadline(of:)))
}

extension PromptOrder {
  /// When the first token is due, nanoseconds.
  @Sendable package static func deadline(of prompt: OrderedPrompt) -> Int64 {
    guard let due = prompt.firstTokenDue else {
      preconditionFailure("a prompt is ordered by its deadline and has no targets")
    }
    return due.nanoseconds
  }
}
