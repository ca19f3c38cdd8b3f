extension ServicePolicy {
  /// Shortest remaining prompt first: a prompt is hard to overtake when little of it is left.
  ///
  /// A long prompt waits for as long as shorter ones come.
  package static let shortestRemaining = ServicePolicy(
    name: "srpf", summary: "the prompt with the fewest tokens left",
    prompts: PromptOrder { Int64($0.remainingTokens) })
}
