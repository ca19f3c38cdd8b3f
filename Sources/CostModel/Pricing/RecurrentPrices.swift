/// What layers with a recurrent state take beside their products: a formula, which no profile corrects.
///
/// Decoding reads and writes the state of each sequence. A prompt passes in chunks one after the other, each of which waits
/// for the state of the one before, while sequences and heads run side by side as far as there are multiprocessors; the
/// convolution ahead of it moves its input and output.
///
/// - Source: aiconfigurator's `gdn` tables (gated delta nets of Qwen3.5, vLLM 0.24). Decoding, 64 heads and 128 sequences:
///   266.7 µs on an H200, 84 % of its bandwidth, 169.9 µs on a B200, 79 %. A prompt of 8,192 tokens, 32 or 64 heads: 398 µs
///   and 330 µs; its convolution 167 and 150 µs. For other recurrences (Mamba-2, KDA) the same is assumed.
struct RecurrentPrices: Equatable, Sendable {
  /// Share of the bandwidth at which states are read and written.
  private static let memoryShare = 0.82
  /// Of a decoding layer: the recurrence and the convolution.
  private static let decodeLaunch = 6.6e-6
  private static let promptLaunch = 20e-6
  /// Time of a token in the chain of chunks.
  private static let chainSeconds = 44e-9
  /// Bytes of the state of one head, 128 × 128 numbers of 32 bits, which a multiprocessor works on.
  private static let headBytes = 65_536.0

  private let layers: Double
  private let decodeSeconds: Double
  private let convolvedSeconds: Double
  /// Share of the multiprocessors that one sequence keeps busy.
  private let share: Double

  /// `nil` for a model without recurrent layers. All of them count like the first kind.
  init?(_ model: ModelSpec, _ device: DeviceSpec, tensorParallel: Int) {
    let kinds = model.layers.kinds.filter(\.layer.isRecurrent)
    guard case .recurrent(let state)? = kinds.first?.layer.attention else { return nil }
    layers = Double(kinds.reduce(0) { $0 + $1.count })
    let bytes = Double(state.stateBytes) / Double(tensorParallel)
    decodeSeconds = 2 * bytes / (device.memoryBandwidth * Self.memoryShare)
    let convolved = Double(ceilingDivide(state.inputWidth, tensorParallel))
    convolvedSeconds = 2 * convolved * Double(ModelSpec.bytesPerElement) / device.memoryBandwidth
    share = bytes / Self.headBytes / Double(device.multiprocessors)
  }

  /// All layers, for so many sequences that decode a token each.
  @inline(__always)
  func decode(_ sequences: Int) -> Double {
    layers * (Self.decodeLaunch + Double(sequences) * decodeSeconds)
  }

  /// All layers, for the prompts of a batch.
  func prefill(_ chunks: [IterationWork.PrefillChunk]) -> Double {
    var (all, longest) = (0, 0)
    for chunk in chunks {
      all += chunk.tokens
      longest = max(longest, chunk.tokens)
    }
    let chain = max(Double(longest), Double(all) * share) * Self.chainSeconds
    return layers * (Self.promptLaunch + chain + Double(all) * convolvedSeconds)
  }
}
