import KVMemory
import Serving
import SimulationKernel
import Workload

/// The tokens of one sequence, as far as they are known.
struct SequenceState {
  let request: RequestID
  /// Which of the request's sequences it is, from 0; draws depend on it.
  let stream: Int
  /// Prompt and output so far.
  var tokens: [Int32]
  let promptTokens: Int
  /// The stream that each output token was drawn from: a beam's history comes from other beams.
  var streams: [Int32] = []
  /// Where the logits of its newest token are, if the last iteration computed them.
  var logitsRow: Int?

  var generated: ArraySlice<Int32> { tokens[promptTokens...] }
}

/// A finished output sequence.
package struct GeneratedSequence: Equatable, Sendable {
  package var request: RequestID
  /// Which of the request's sequences it is, from 0.
  package var stream: Int
  package var prompt: [Int32]
  package var output: [Int32]
  /// The stream that each output token was drawn from; all are ``stream`` but for beams.
  package var streams: [Int32]

  package init(
    request: RequestID, stream: Int, prompt: [Int32], output: [Int32], streams: [Int32]
  ) {
    self.request = request
    self.stream = stream
    self.prompt = prompt
    self.output = output
    self.streams = streams
  }
}

/// The token ids of prompts, made up from the identity of the tokens: equal tokens of a trace are
/// equal tokens here, and the text that a prompt quotes from an earlier answer is that answer.
struct PromptTokens {
  let vocab: Int
  let seed: UInt64
  let contents: PromptContents?

  /// The prompt of a request.
  ///
  /// - Parameter generated: Looks up an output token that has been generated: request, sample, place.
  /// - Precondition: Quoted answers have been generated when they are quoted.
  func tokens(
    of id: RequestID, _ request: Request, generated: (RequestID, Int, Int) -> Int32?
  ) -> [Int32] {
    guard let contents else {
      let stream = PromptContents.ownStream(of: Int(id))
      return (0..<Int(request.promptTokens)).map { token(stream: stream, place: $0) }
    }
    return contents.pieces(of: Int(id)).flatMap { piece in
      (Int(piece.start)..<Int(piece.start + piece.count)).map { place in
        guard let (quoted, sample) = Self.output(of: piece.stream) else {
          return token(stream: piece.stream, place: place)
        }
        guard let token = generated(quoted, sample, place) else {
          preconditionFailure(
            "request \(id) quotes token \(place) of request \(quoted), which is not generated yet")
        }
        return token
      }
    }
  }

  private func token(stream: Int64, place: Int) -> Int32 {
    let bits = splitmix64(
      splitmix64(splitmix64(seed) ^ UInt64(bitPattern: stream)) ^ UInt64(place))
    return Int32(bits % UInt64(vocab))
  }

  /// The request and sample whose output a stream is, the inverse of
  /// ``PromptContents/outputStream(of:sample:)``; `nil` for other streams.
  private static func output(of stream: Int64) -> (RequestID, Int)? {
    let first = PromptContents.outputStream(of: 0)
    let stride = PromptContents.outputStream(of: 0, sample: 1) - first
    guard stream >= first else { return nil }
    return (RequestID((stream - first) % stride), Int((stream - first) / stride))
  }
}
