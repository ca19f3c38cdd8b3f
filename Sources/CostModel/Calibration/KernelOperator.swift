/// A kind of kernel, and with it what a measured row's sizes mean.
package enum KernelKind: String, Codable, CaseIterable, Sendable {
  case gemm
  case decodeAttention = "decode attention"
  case prefillAttention = "prefill attention"
  case decodeBesidePrompt = "decode beside prompt"
  /// On the cached latent vectors themselves, which all heads share.
  case latentDecode = "latent decode attention"
  /// Latent vectors expanded to keys and values of each head.
  case latentPrefill = "latent prefill attention"
  case allReduce = "all-reduce"
  /// Tokens of all ranks collected on each, and sums of each rank's handed back: what surrounds experts that ranks share.
  case gather = "all-gather and reduce-scatter"
  case streaming
  /// One layer's routed experts on one GPU.
  case experts
  /// Layers with a state in place of keys and values, for a token of each sequence.
  case recurrentDecode = "recurrent decode"
  /// The same for prompts.
  case recurrentPrefill = "recurrent prompt"
  /// Over the last tokens, ahead of such a state.
  case convolution

  /// The names of ``KernelRow/sizes``, in order. Heads are those of one GPU; `window` 0 is none.
  ///
  /// Of experts: the tokens that reach the layer, on all ranks; the width of an expert, of which a GPU has its cut; all
  /// experts, and the ranks that they are cut over; the skew of ``ExpertLoads``.
  package var axes: [String] {
    switch self {
    case .gemm: ["m", "n", "k"]
    case .decodeAttention: ["sequences", "heads", "kv_heads", "context", "window"]
    case .prefillAttention, .latentPrefill:
      ["sequences", "heads", "kv_heads", "tokens", "context", "window"]
    case .latentDecode: ["sequences", "heads", "context"]
    case .decodeBesidePrompt: ["sequences", "heads", "kv_heads", "context", "prompt_tokens"]
    case .allReduce, .gather: ["bytes"]
    case .streaming: ["bytes"]
    case .experts: ["tokens", "hidden", "width", "top_k", "experts", "ranks", "skew"]
    case .recurrentDecode: ["sequences", "key_heads", "heads"]
    case .recurrentPrefill: ["sequences", "key_heads", "heads", "tokens"]
    case .convolution: ["sequences", "width", "tokens"]
    }
  }

  /// Of experts, where in ``axes`` the ranks and the skew stand.
  static let (ranksAxis, skewAxis) = (5, 6)

  /// The axis whose largest fifth is held out to measure extrapolation.
  var extrapolationAxis: Int {
    switch self {
    case .gemm, .allReduce, .gather, .streaming, .experts, .recurrentDecode, .convolution: 0
    case .decodeAttention, .prefillAttention, .latentPrefill, .decodeBesidePrompt,
      .recurrentPrefill:
      3
    case .latentDecode: 2
    }
  }

  /// Ways to change several sizes together that leave the work about as it is: 1 for an axis that grows, −1 for one
  /// that shrinks by the same factor. Of attention, heads and their KV heads also grow together.
  var trades: [[Int]] {
    let work: Int
    switch self {
    case .gemm, .latentDecode, .convolution: work = 3
    case .decodeAttention, .prefillAttention, .latentPrefill, .decodeBesidePrompt: work = 4
    case .recurrentDecode: return [[1, -1, -1]]
    case .recurrentPrefill: return [[1, -1, -1, 0]]
    case .allReduce, .gather, .streaming, .experts: return []
    }
    func powers(_ of: [(axis: Int, power: Int)]) -> [Int] {
      axes.indices.map { axis in of.first { $0.axis == axis }?.power ?? 0 }
    }
    let pairs = (0..<work).flatMap { a in
      (a + 1..<work).map { b in powers([(a, 1), (b, -1)]) }
    }
    guard hasKVHeads else { return pairs }
    let heads = [(axis: 1, power: 1), (axis: 2, power: 1)]
    return pairs + [powers(heads), powers(heads + [(0, -1)]), powers(heads + [(3, -1)])]
  }

  /// Whether this is a part of layers with a state in place of keys and values.
  var isRecurrent: Bool {
    self == .recurrentDecode || self == .recurrentPrefill || self == .convolution
  }

  var isAttention: Bool { hasKVHeads || self == .latentDecode }

  /// Whether heads have KV heads among the sizes.
  var hasKVHeads: Bool {
    switch self {
    case .decodeAttention, .prefillAttention, .latentPrefill, .decodeBesidePrompt: true
    case .gemm, .latentDecode, .allReduce, .gather, .streaming, .experts, .recurrentDecode,
      .recurrentPrefill, .convolution:
      false
    }
  }

  /// Whether this is one of the kinds on which a profile's quoted error rests: products, experts and attention.
  package var isQuoted: Bool {
    self == .gemm || self == .experts || isAttention
  }
}

/// How wide a stored element is, and what arithmetic it takes.
package enum ElementType: String, Codable, CaseIterable, Sendable {
  case bfloat16, fp8, int8, int4, nvfp4

  /// Bytes of an element with the scales that belong to it: 4-bit weights carry a 16-bit scale (and
  /// zero point) for each 128 elements, NVFP4 an 8-bit one for each 16.
  package var bytes: Double {
    switch self {
    case .bfloat16: 2
    case .fp8, .int8: 1
    case .int4: 0.5 + 4.0 / 128
    case .nvfp4: 0.5 + 1.0 / 16
    }
  }
}

/// One operator that is fitted by itself: a kind of kernel and the variant of it.
package struct KernelOperator: Hashable, Codable, Sendable {
  package var kind: KernelKind
  /// Weights of a GEMM, or cached keys and values.
  package var elements = ElementType.bfloat16
  /// Width of a head; 0 where there are none.
  package var headDim = 0
  /// Each KV head serves one query head: kernels differ from those for groups.
  package var isMultiHead = false
  package var isWindowed = false
  /// GPUs of an all-reduce, or of a gather; 0 elsewhere.
  package var gpus = 0
  /// Issued by the host one by one, not replayed from a CUDA graph.
  package var isEager = false
  /// Whose kernel it is, where engines have their own.
  package var library: KernelLibrary?
  /// Which of them, by the name that its table gives it.
  package var kernel: String?

  package init(kind: KernelKind) { self.kind = kind }

  /// `decode attention bfloat16 hd128 multi-head`: what reports call it.
  package var name: String {
    var words = [kind.rawValue]
    switch kind {
    case .gemm: words.append(elements.rawValue)
    case .latentDecode, .latentPrefill:
      words += [elements.rawValue, library?.rawValue].compactMap { $0 }
    case .decodeAttention, .prefillAttention, .decodeBesidePrompt:
      words += [elements.rawValue, "hd\(headDim)"]
      if isMultiHead { words.append("multi-head") }
      if isWindowed { words.append("windowed") }
    case .allReduce: words += ["\(gpus) GPUs", isEager ? "eager" : "graph"]
    case .gather: words.append("\(gpus) GPUs")
    case .streaming: break
    case .experts: words += [library?.rawValue, kernel].compactMap { $0 }
    case .recurrentDecode, .recurrentPrefill, .convolution: words += [kernel].compactMap { $0 }
    }
    return words.joined(separator: " ")
  }
}

/// One measured call.
package struct KernelRow: Equatable, Sendable {
  package var op: KernelOperator
  /// One number for each of ``KernelKind/axes``.
  package var sizes: [Double]
  package var seconds: Double

  package init(op: KernelOperator, sizes: [Double], seconds: Double) {
    self.op = op
    self.sizes = sizes
    self.seconds = seconds
  }
}
