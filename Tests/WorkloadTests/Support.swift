import Testing
import Workload

/// Holds the contents of a trace to its prompts, token for token.
func expectMatch(
  _ contents: PromptContents, _ requests: [Request],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(contents.requestCount == requests.count, sourceLocation: sourceLocation)
  let described = requests.indices.map { contents.promptTokens(of: $0) }
  #expect(
    described.elementsEqual(requests) { $0 == Int($1.promptTokens) },
    sourceLocation: sourceLocation)
}
