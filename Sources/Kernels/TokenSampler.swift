import CKernels
import SimulationKernel

/// How the next token is chosen from the logits.
///
/// A draw depends on the seed, the request, the output sequence and the position, and on nothing
/// else: the same logits give the same token in whatever order and company they are computed.
package struct TokenSampler: Equatable, Sendable {
  package var seed: UInt64
  /// 0 takes the greatest logit, the first of equals.
  package var temperature: Double

  package init(seed: UInt64, temperature: Double) {
    precondition(temperature >= 0, "TokenSampler: temperature \(temperature)")
    self.seed = seed
    self.temperature = temperature
  }

  /// Where a draw stands: which token of which output sequence of which request.
  package struct Place: Equatable, Sendable {
    package var request: Int
    /// Output sequence of the request, from 0.
    package var stream: Int
    /// Place of the new token in its sequence, prompt included.
    package var position: Int

    package init(request: Int, stream: Int, position: Int) {
      self.request = request
      self.stream = stream
      self.position = position
    }
  }

  /// The token at `place`.
  ///
  /// - Complexity: O(vocab).
  package func token(_ logits: UnsafePointer<Float>, vocab: Int, at place: Place) -> Int32 {
    guard temperature > 0 else { return Int32(ck_argmax(logits, vocab)) }
    let bits = [place.request, place.stream, place.position].reduce(splitmix64(seed)) {
      splitmix64($0 ^ UInt64($1))
    }
    let uniform = Double(bits >> 11) * 0x1p-53
    return Int32(ck_sample(logits, vocab, temperature, uniform))
  }
}
