import Foundation

/// What clients of OpenAI's interface get, byte by byte: chunks of a stream, whole answers, errors, the list of models.
///
/// The answer of every request is the same filler, a word a token.
package struct CompletionText: Sendable {
  private let kind: CompletionKind
  /// What each chunk and what a whole answer begin with.
  private let chunkHead: String
  private let wholeHead: String

  /// - Parameters:
  ///   - id: What the answer is called.
  ///   - created: Seconds since 1970.
  package init(_ kind: CompletionKind, id: String, model: String, created: Int) {
    self.kind = kind
    let (prefix, object, chunk) =
      kind == .text
      ? ("cmpl", "text_completion", "text_completion")
      : ("chatcmpl", "chat.completion", "chat.completion.chunk")
    let (name, model) = (quoted("\(prefix)-\(id)"), quoted(model))
    func head(_ object: String) -> String {
      "{\"id\":\(name),\"object\":\"\(object)\",\"created\":\(created),\"model\":\(model),\"choices\":["
    }
    chunkHead = "data: " + head(chunk)
    wholeHead = head(object)
  }

  /// The text of each token.
  package static let token = " token"

  /// Why every answer ends: it has all tokens that were asked for.
  private static let reason = "length"

  private func filler(_ tokens: Int) -> String { String(repeating: Self.token, count: tokens) }

  /// What goes out with some tokens of a streamed answer.
  ///
  /// - Parameter isFirst: A chat names its speaker first.
  package func chunk(tokens: Int, isFirst: Bool, isLast: Bool) -> String {
    let reason = isLast ? "\"\(Self.reason)\"" : "null"
    switch kind {
    case .text:
      return event("\"text\":\"\(filler(tokens))\"", reason)
    case .chat:
      let speaker =
        isFirst ? event("\"delta\":{\"role\":\"assistant\",\"content\":\"\"}", "null") : ""
      return speaker + event("\"delta\":{\"content\":\"\(filler(tokens))\"}", reason)
    }
  }

  private func event(_ content: String, _ reason: String) -> String {
    chunkHead + "{\"index\":0,\(content),\"logprobs\":null,\"finish_reason\":\(reason)}]}\n\n"
  }

  /// The end of a streamed answer.
  ///
  /// - Parameter usage: Tokens of prompt and answer, where the client asked for them.
  package func end(usage: (prompt: Int, output: Int)?) -> String {
    let counts = usage.map { chunkHead + "],\(Self.usage($0.prompt, $0.output))}\n\n" }
    return (counts ?? "") + "data: [DONE]\n\n"
  }

  /// A whole answer.
  package func whole(promptTokens: Int, outputTokens: Int) -> String {
    let text = filler(outputTokens)
    let content =
      kind == .text
      ? "\"text\":\"\(text)\"" : "\"message\":{\"role\":\"assistant\",\"content\":\"\(text)\"}"
    return wholeHead
      + "{\"index\":0,\(content),\"logprobs\":null,\"finish_reason\":\"\(Self.reason)\"}],"
      + "\(Self.usage(promptTokens, outputTokens))}"
  }

  private static func usage(_ prompt: Int, _ output: Int) -> String {
    "\"usage\":{\"prompt_tokens\":\(prompt),\"completion_tokens\":\(output),\"total_tokens\":\(prompt + output)}"
  }

  /// The one model that is served, and how its prompts are counted.
  package static func models(_ served: CompletionRequest.Served, created: Int) -> String {
    "{\"object\":\"list\",\"data\":[{\"id\":\(quoted(served.model)),\"object\":\"model\",\"created\":\(created),"
      + "\"owned_by\":\"kvplan\",\"root\":\(quoted(served.model)),\"parent\":null,"
      + "\"max_model_len\":\(served.modelLength),"
      + "\"prompt_tokens\":\"ids as given; text: bytes / \(CompletionRequest.bytesPerToken), rounded up\"}]}"
  }

  /// An error, in OpenAI's shape.
  package static func error(_ error: APIError) -> String {
    "{\"error\":{\"message\":\(quoted(error.message)),\"type\":\"\(error.type)\",\"param\":null,"
      + "\"code\":\(error.status)}}"
  }
}

/// A text as JSON has it.
private func quoted(_ text: String) -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .withoutEscapingSlashes
  // A text is always valid JSON.
  return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
}
