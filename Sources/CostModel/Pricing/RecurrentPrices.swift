/// What layers with a recurrent state take beside their products.
///
/// From kernels of gated delta nets and of Kimi's delta attention where a profile has them, else by a formula, which no
/// profile corrects.
enum RecurrentPrices: Equatable, Sendable {
  case measured(layers: Double, MeasuredStates)
  case formula(FormulaStates)

  /// `nil` for a model without recurrent layers. All of them count like the first kind.
  ///
  /// - Throws: ``UserError`` for a user's profile of another device.
  init?(
    _ deployment: PricedDeployment, ownProfile: DeviceProfile?, _ overheads: EngineOverheads
  ) throws {
    let (device, gpus) = (deployment.device, deployment.tensorParallel)
    let kinds = deployment.model.layers.kinds.filter(\.layer.isRecurrent)
    guard case .recurrent(let state)? = kinds.first?.layer.attention else { return nil }
    let layers = Double(kinds.reduce(0) { $0 + $1.count })
    let choice = try ProfileChoice.ofStates(device: device, own: ownProfile)
    let prices = KernelPrices(
      profile: choice.profile, device: device, isOwn: choice.isOwn, overheads: overheads)
    if let states = state.delta.flatMap({ prices.recurrent($0, tensorParallel: gpus) }) {
      self = .measured(layers: layers, states)
    } else {
      self = .formula(FormulaStates(state, device, layers: layers, tensorParallel: gpus))
    }
  }

  /// All layers, for so many sequences that decode a token each.
  @inline(__always)
  func decode(_ sequences: Int) -> Double {
    switch self {
    case .measured(let layers, let states): layers * states.decode(sequences)
    case .formula(let states): states.decode(sequences)
    }
  }

  /// All layers, for the prompts of a batch.
  func prefill(_ chunks: [IterationWork.PrefillChunk]) -> Double {
    var (all, longest) = (0, 0)
    for chunk in chunks {
      all += chunk.tokens
      longest = max(longest, chunk.tokens)
    }
    switch self {
    case .measured(let layers, let states): return layers * states.prefill(all, longest: longest)
    case .formula(let states): return states.prefill(all, longest: longest)
    }
  }
}

/// One layer's state by kernels that were measured: the recurrence, and the convolution ahead of it.
struct MeasuredStates: Equatable, Sendable {
  private let decoding: PriceCurve
  /// By sequences, and the tokens of each.
  private let prompts: PriceGrid

  init(
    decoding: (_ sequences: Double) -> Double,
    prompts: (_ sequences: Double, _ tokens: Double) -> Double
  ) {
    self.decoding = PriceCurve(limit: 2048) { decoding(Double($0)) }
    self.prompts = PriceGrid(
      rows: Knots(first: 1, octaves: 8, perOctaveBits: 2),
      columns: Knots(first: 8, octaves: 12, perOctaveBits: 2)
    ) { sequences, tokens in sequences > 0 && tokens > 0 ? prompts(sequences, tokens) : 0 }
  }

  @inline(__always)
  func decode(_ sequences: Int) -> Double { decoding(sequences) }

  /// Prompts of different lengths as so many of the longest: chunks of one pass one after the other, so that the longest is
  /// waited for.
  func prefill(_ tokens: Int, longest: Int) -> Double {
    prompts(Double(tokens) / Double(longest), Double(longest))
  }
}

/// A state by formula.
///
/// Decoding reads and writes the state of each sequence. A prompt passes in chunks one after the other, each of which waits
/// for the state of the one before, while sequences and heads run side by side as far as there are multiprocessors; the
/// convolution ahead of it moves its input and output.
///
/// - Source: aiconfigurator's `gdn` tables (gated delta nets of Qwen3.5, vLLM 0.24). Decoding, 64 heads and 128 sequences:
///   266.7 µs on an H200, 84 % of its bandwidth, 169.9 µs on a B200, 79 %. A prompt of 8,192 tokens, 32 or 64 heads: 398 µs
///   and 330 µs; its convolution 167 and 150 µs. For other recurrences (Mamba-2) the same is assumed.
struct FormulaStates: Equatable, Sendable {
  /// Share of the bandwidth at which states are read and written.
  private static let memoryShare = 0.82
  /// Of a decoding layer: the recurrence and the convolution.
  private static let decodeLaunch = 6.6e-6
  private static let promptLaunch = 20e-6
  /// Time of a token in the chain of chunks.
  private static let chainSeconds = 44e-9

  private let layers: Double
  private let decodeSeconds: Double
  private let convolvedSeconds: Double
  /// Share of the multiprocessors that one sequence keeps busy.
  private let share: Double

  init(
    _ state: ModelLayer.Recurrence, _ device: DeviceSpec, layers: Double, tensorParallel: Int
  ) {
    self.layers = layers
    let bytes = Double(state.stateBytes) / Double(tensorParallel)
    decodeSeconds = 2 * bytes / (device.memoryBandwidth * Self.memoryShare)
    let convolved = Double(ceilingDivide(state.inputWidth, tensorParallel))
    convolvedSeconds = 2 * convolved * Double(ModelSpec.bytesPerElement) / device.memoryBandwidth
    share = bytes / RecurrentState.headBytes / Double(device.multiprocessors)
  }

  @inline(__always)
  func decode(_ sequences: Int) -> Double {
    layers * (Self.decodeLaunch + Double(sequences) * decodeSeconds)
  }

  func prefill(_ tokens: Int, longest: Int) -> Double {
    let chain = max(Double(longest), Double(tokens) * share) * Self.chainSeconds
    return layers * (Self.promptLaunch + chain + Double(tokens) * convolvedSeconds)
  }
}
