/// Whether a request can be served: now or later, or never and why.
package enum Admission: Equatable, Sendable {
  case possible
  /// The request asks for `required` of something of which there is at most `capacity`.
  case never(NeverReason, required: Int, capacity: Int)

  /// What a request that is never served has too much of.
  package enum NeverReason: Equatable, Sendable {
    /// Prompt and output together exceed the longest sequence.
    case tokens
    /// Prompt, output, and the room that the engine keeps behind them, exceed the longest sequence.
    case tokensAndRoom
    /// Its tokens exceed what one iteration can compute, and the system does not cut prompts into chunks.
    case prompt
    /// Its KV blocks exceed the whole pool.
    case blocks
    /// Its sequences exceed the most that may run together.
    case sequences
    /// It asks for a beam of this width, and the system has no beam search.
    case beams
  }
}
