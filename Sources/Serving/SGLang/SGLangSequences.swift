import KVMemory
import Workload

/// What a request asks for beside its prompt.
package struct SGLangAsk: Equatable, Sendable {
  /// Most tokens to generate (`max_new_tokens`), as the client sends it.
  package var maxNewTokens: Int32
  /// Whether only that limit ends the answer, not the token that says so (`ignore_eos`).
  package var ignoresEOS: Bool
  /// `nil` for none: served after all that have one.
  package var priority: Int?

  package init(maxNewTokens: Int32, ignoresEOS: Bool, priority: Int? = nil) {
    self.maxNewTokens = maxNewTokens
    self.ignoresEOS = ignoresEOS
    self.priority = priority
  }

  /// What the client of a request asks for.
  ///
  /// - Parameter limit: The most tokens that it allows; `nil` if it knows its answer, and wants all of it.
  init(_ request: Request, _ limit: Int?) {
    let most = limit.map { max($0, Int(request.outputTokens)) }
    maxNewTokens = most.map { Int32(clamping: $0) } ?? request.outputTokens
    ignoresEOS = most == nil
    priority = Int(request.priority)
  }
}

/// A request in flight as SGLang's scheduler sees it, but for its text. A blank one is not in flight: it is complete, or
/// has not come.
struct SGLangSequence: Sendable {
  var promptTokens: Int32 = 0
  /// Generated tokens after which the engine is told to stop; never, if the request ignores that.
  var endsAfter: Int32 = .max
  /// Most tokens that it may generate.
  var maxNew: Int32 = 0
  var priority = 0
  /// Generated tokens whose iteration was processed.
  var out: Int32 = 0
  /// Tokens that were computed, or found, before the round that ends at `end`.
  var prefix: Int32 = 0
  var end: Int32 = 0
  /// Chunks before the last one whose iteration was not processed yet.
  var middle: Int32 = 0
  /// Length with which it was last tried.
  var triedLength: Int32 = 0
  var hold = RadixMemory.Hold()
  /// The number of its last entry into the queue.
  var entry = 0
  /// Prompt tokens that batches were launched with before that.
  var computedBefore = 0
  /// The number of the last pass that launched it.
  var launchedIn = -1
  /// Decodes so far that verified drafts of it.
  var verifications: Int32 = 0
  /// While it cruises: the iteration of the batch from which on ``out`` stands still; else `nil`.
  var joinedAt: Int?
  var isRetracted = false
  var isInFlight = false

  /// Prompt and what was generated.
  var length: Int32 { promptTokens + out }

  var ignoresEOS: Bool { endsAfter == .max }

  /// Whether it is complete with what it has generated.
  var isComplete: Bool { out >= maxNew || out == endsAfter }

  /// Tokens that it is expected to generate, of which a share is kept free.
  ///
  /// - Parameters:
  ///   - ratio: That share, where the end is not known.
  ///   - out: Tokens that it has generated.
  func expected(_ ratio: Double, after out: Int32) -> Double {
    Double(min(maxNew - out, SGLangSequence.estimateLimit)) * (ignoresEOS ? 1 : ratio)
  }

  /// What is kept free for it while it is admitted.
  var reserved: Int { Int(min(maxNew, SGLangSequence.estimateLimit)) }

  /// Tokens of an answer beyond which nothing is kept free (`SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION`).
  static let estimateLimit: Int32 = 4096
}

/// The share of what running requests may generate that is kept free for them (`new_token_ratio`).
struct NewTokenRatio: Sendable {
  /// After an idle pass, least, and what a decode takes off.
  let initial: Double
  let least: Double
  let decay: Double
  private(set) var value: Double

  /// - Source: environment variables of the server at their defaults: 0.7, 0.14, 600 steps.
  init(conservativeness: Double) {
    initial = min(0.7 * conservativeness, 1)
    least = min(initial * 0.14, 1)
    decay = (initial - least) / 600
    value = initial
  }

  mutating func reset() { value = initial }

  mutating func decodeFits() { value = max(value - decay, least) }

  /// Tokens that each request is expected to generate before it may be retracted again.
  static let retractSteps = 20

  /// - Parameters:
  ///   - out: Generated tokens of those that stay, summed.
  ///   - maxNew: The most that they may generate, summed.
  mutating func retracted(out: Int, maxNew: Int, requests: Int) {
    value = min(1, Double(out + Self.retractSteps * requests) / Double(maxNew + 1))
  }
}
