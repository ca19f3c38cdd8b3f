import Workload

extension ServicePolicy {
  /// Shortest job first, where the job that an engine knows is the prompt.
  ///
  /// A long prompt waits for as long as shorter ones come.
  package static let shortestPrompt = ServicePolicy(
    name: "sjf", summary: "the shortest prompt",
    prompts: PromptOrder { Int64($0.request.promptTokens) })
}
