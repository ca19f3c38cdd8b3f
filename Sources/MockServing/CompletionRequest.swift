import Foundation

/// What a server answers to a request that it does not serve: status and message, as vLLM puts them.
package struct APIError: Error, Equatable, Sendable {
  package var status: Int
  package var message: String

  package init(status: Int, _ message: String) {
    self.status = status
    self.message = message
  }

  /// OpenAI's name of its kind.
  package var type: String {
    switch status {
    case 400: "BadRequestError"
    case 404: "NotFoundError"
    case 413: "RequestEntityTooLarge"
    case 503: "ServiceUnavailableError"
    default: "InternalServerError"
    }
  }
}

/// Which of OpenAI's two interfaces for text.
package enum CompletionKind: Sendable { case text, chat }

/// A request for a completion, read and checked: what a simulation needs of it, and how it is to be answered.
package struct CompletionRequest: Equatable, Sendable {
  package var promptTokens: Int
  package var outputTokens: Int
  package var isStreamed: Bool
  /// Whether a stream ends with the count of tokens.
  package var includesUsage: Bool

  /// What the server serves.
  package struct Served: Sendable {
    package var model: String
    /// Longest sequence, prompt and output.
    package var modelLength: Int

    package init(model: String, modelLength: Int) {
      self.model = model
      self.modelLength = modelLength
    }
  }

  /// Bytes of text that count as a token where nothing tells how many tokens it has.
  package static let bytesPerToken = 4

  /// Reads a request's body.
  ///
  /// A prompt of token ids has as many tokens as there are; a text one for each ``bytesPerToken`` bytes of UTF-8,
  /// begun ones counted. A chat is the text of its messages; no template is added. An answer has exactly as many
  /// tokens as may be asked for: nothing here ends one before.
  ///
  /// - Throws: ``APIError``
  package init(_ kind: CompletionKind, body: Data, served: Served) throws(APIError) {
    let fields = try Self.decoded(body)
    if let model = fields.model, model != served.model {
      throw APIError(status: 404, "The model `\(model)` does not exist; `\(served.model)` does.")
    }
    guard (fields.n ?? 1) == 1, (fields.bestOf ?? 1) == 1, fields.usesBeams != true else {
      throw APIError(status: 400, "n, best_of and beams: one sequence a request is simulated.")
    }
    promptTokens = try fields.promptTokens(kind)
    let left = served.modelLength - promptTokens
    // What vLLM and OpenAI do where nothing is said: 16 tokens of text, all that fit of a chat.
    let asked = fields.maxCompletionTokens ?? fields.maxTokens
    outputTokens = asked ?? (kind == .text ? min(16, left) : left)
    guard asked ?? 1 >= 1 else {
      throw APIError(status: 400, "max_tokens must be at least 1, got \(outputTokens).")
    }
    guard left >= 1, outputTokens <= left else {
      throw APIError(
        status: 400,
        "This model's maximum context length is \(served.modelLength) tokens. However, you requested "
          + "\(asked ?? 1) output tokens and your prompt contains \(promptTokens).")
    }
    isStreamed = fields.stream ?? false
    includesUsage = fields.streamOptions?.includesUsage ?? false
  }

  private static func decoded(_ body: Data) throws(APIError) -> Fields {
    do {
      return try JSONDecoder().decode(Fields.self, from: body)
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.keyNotFound(_, let context)
    {
      let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      throw APIError(
        status: 400, "\(path.joined(separator: ".")): not of the type that the interface asks for.")
    } catch {
      throw APIError(status: 400, "The body is not a JSON object that can be read.")
    }
  }
}

/// The fields that are looked at, by OpenAI's names; all others change nothing here.
private struct Fields: Decodable {
  var model: String?
  var prompt: Prompt?
  var messages: [Message]?
  var maxTokens: Int?
  var maxCompletionTokens: Int?
  var n: Int?
  var bestOf: Int?
  var usesBeams: Bool?
  var stream: Bool?
  var streamOptions: StreamOptions?

  enum CodingKeys: String, CodingKey {
    case model, prompt, messages, n, stream
    case maxTokens = "max_tokens"
    case maxCompletionTokens = "max_completion_tokens"
    case bestOf = "best_of"
    case usesBeams = "use_beam_search"
    case streamOptions = "stream_options"
  }

  struct StreamOptions: Decodable {
    var includesUsage: Bool?

    enum CodingKeys: String, CodingKey { case includesUsage = "include_usage" }
  }

  /// A text, or token ids; one of either may stand in a list.
  enum Prompt: Decodable {
    case text(String)
    case tokens(Int)
    case several(Int)

    init(from decoder: any Decoder) throws {
      let value = try decoder.singleValueContainer()
      if let text = try? value.decode(String.self) {
        self = .text(text)
      } else if let tokens = try? value.decode([Int].self) {
        self = .tokens(tokens.count)
      } else if let texts = try? value.decode([String].self) {
        self = texts.count == 1 ? .text(texts[0]) : .several(texts.count)
      } else {
        let lists = try value.decode([[Int]].self)
        self = lists.count == 1 ? .tokens(lists[0].count) : .several(lists.count)
      }
    }
  }

  /// Text, or parts of which those of type `text` have some.
  struct Message: Decodable {
    var content: Content?

    struct Content: Decodable {
      var bytes: Int

      struct Part: Decodable { var text: String? }

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let text = try? value.decode(String.self) {
          bytes = text.utf8.count
        } else {
          bytes = try value.decode([Part].self).reduce(0) { $0 + ($1.text?.utf8.count ?? 0) }
        }
      }
    }
  }

  func promptTokens(_ kind: CompletionKind) throws(APIError) -> Int {
    switch kind {
    case .text:
      switch prompt {
      case nil: throw APIError(status: 400, "prompt: Field required.")
      case .several(let count):
        throw APIError(status: 400, "prompt: one prompt a request is simulated, got \(count).")
      case .text(let text): return try Self.atLeastOne(Self.tokens(ofBytes: text.utf8.count))
      case .tokens(let count): return try Self.atLeastOne(count)
      }
    case .chat:
      guard let messages, !messages.isEmpty else {
        throw APIError(status: 400, "messages: Field required.")
      }
      return try Self.atLeastOne(
        Self.tokens(ofBytes: messages.reduce(0) { $0 + ($1.content?.bytes ?? 0) }))
    }
  }

  private static func tokens(ofBytes bytes: Int) -> Int {
    (bytes + CompletionRequest.bytesPerToken - 1) / CompletionRequest.bytesPerToken
  }

  private static func atLeastOne(_ tokens: Int) throws(APIError) -> Int {
    guard tokens > 0 else { throw APIError(status: 400, "The prompt is empty.") }
    return tokens
  }
}
