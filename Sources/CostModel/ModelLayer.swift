import KVMemory

/// One layer of a model: what its tokens see of each other, and what each of them passes alone.
package struct ModelLayer: Equatable, Sendable {
  /// Query heads, heads of the KV cache, and the width of each.
  package struct Heads: Equatable, Sendable {
    package var query: Int
    /// Fewer than ``query`` under grouped-query attention.
    package var kv: Int
    /// `query × dim` need not equal ``ModelSpec/hidden``.
    package var dim: Int

    package init(query: Int, kv: Int, dim: Int) {
      self.query = query
      self.kv = kv
      self.dim = dim
    }
  }

  /// Multi-head latent attention (MLA): one compressed vector a token and layer is cached, not K
  /// and V.
  package struct Latent: Equatable, Sendable {
    /// Width of the cached latent vector.
    package var kvLoraRank: Int
    /// Width of the queries' latent vector; `nil` where queries are projected directly.
    package var queryLoraRank: Int?
    /// Width of the cached rotary key, shared by all heads.
    package var ropeDim = 64
    /// Width of a head's query and key without the rotary part.
    package var nopeDim = 128
    /// Width of a head's value.
    package var valueDim = 128

    /// Half the width of a head's key and value together, at the widths that tables of kernels have.
    package static let measuredHeadDim = (128 + 64 + 128) / 2

    package init(
      kvLoraRank: Int, queryLoraRank: Int? = nil, ropeDim: Int = 64, nopeDim: Int = 128,
      valueDim: Int = 128
    ) {
      self.kvLoraRank = kvLoraRank
      self.queryLoraRank = queryLoraRank
      self.ropeDim = ropeDim
      self.nopeDim = nopeDim
      self.valueDim = valueDim
    }
  }

  /// One vector a token for keys and values alike, of the nearest tokens; of all tokens one vector
  /// for every few.
  ///
  ///     |c0      |c1      |c2      |…          one for each ``ratio`` tokens, as long as the sequence
  ///                          |wwwwwwww▷        one for each of the last ``window``
  package struct Compressed: Equatable, Sendable {
    /// Tokens of a compressed vector; `nil` for a layer with the window alone.
    package var ratio: Int?
    package var window: Int
    /// Width of the queries' latent vector.
    package var queryRank: Int
    /// Columns between the heads and the residual stream: each group of heads is projected to its
    /// part of them.
    package var outputGroups: Int
    package var outputRank: Int
    /// Width of the key that an indexer caches for each compressed vector; 0 without one.
    package var indexerDim = 0

    /// Bytes of that key: one for each element, and a 32-bit scale for each 128.
    package var indexerBytes: Int { indexerDim + ceilingDivide(indexerDim, 128) * 4 }

    package init(
      ratio: Int?, window: Int, queryRank: Int, outputGroups: Int, outputRank: Int,
      indexerDim: Int = 0
    ) {
      self.ratio = ratio
      self.window = window
      self.queryRank = queryRank
      self.outputGroups = outputGroups
      self.outputRank = outputRank
      self.indexerDim = indexerDim
    }
  }

  /// A state of fixed size that stands for all tokens so far, in place of keys and values.
  package struct Recurrence: Equatable, Sendable {
    /// Bytes of the state of one sequence, all heads; split over tensor-parallel GPUs.
    package var stateBytes: Int
    /// Width of what a token is projected to ahead of the state, and of what is read from it.
    package var inputWidth: Int
    package var outputWidth: Int
    /// States besides that its kernel writes while it computes a chunk, for a prefix cache to find.
    package var checkpointBlocks: Int
    /// Whose kernels work on it; `nil` where none were measured.
    package var delta: Delta?

    package init(
      stateBytes: Int, inputWidth: Int, outputWidth: Int, checkpointBlocks: Int = 0,
      delta: Delta? = nil
    ) {
      self.stateBytes = stateBytes
      self.inputWidth = inputWidth
      self.outputWidth = outputWidth
      self.checkpointBlocks = checkpointBlocks
      self.delta = delta
    }

    /// How a state changes with a token, by the name of the tables of its kernels.
    package enum Rule: String, CaseIterable, Sendable {
      /// Gated delta nets of Qwen3-Next and Qwen3.5.
      case gatedDelta = "gdn"
      /// Kimi's delta attention.
      case kimiDelta = "kda"
    }

    /// A state of a matrix for each head, as wide as the measured ones.
    package struct Delta: Equatable, Sendable {
      /// Width of a head in the tables of kernels.
      package static let measuredWidth = 128

      package var rule: Rule
      /// Heads of queries and keys, and of values; each of the latter has a matrix.
      package var keyHeads: Int
      package var heads: Int
      /// Bytes of a number of the matrix.
      package var elementBytes: Int

      package init(_ rule: Rule, keyHeads: Int, heads: Int, elementBytes: Int) {
        self.rule = rule
        self.keyHeads = keyHeads
        self.heads = heads
        self.elementBytes = elementBytes
      }
    }
  }

  /// How tokens see each other.
  package enum Attention: Equatable, Sendable {
    /// Keys and values are cached for each KV head, of the tokens that a kind of group keeps: all, or those that the next
    /// token attends to.
    case heads(Heads, KVGroupKind)
    /// Of the heads, only the number of query heads counts.
    case latent(Latent, Heads)
    /// One KV head of the heads' width, on every GPU.
    case compressed(Compressed, Heads)
    case recurrent(Recurrence)
    /// A layer that is an MLP alone.
    case none
  }

  /// Whether one state stands for all tokens.
  package var isRecurrent: Bool {
    if case .recurrent = attention { true } else { false }
  }

  /// Routed experts in place of one MLP.
  package struct Experts: Equatable, Sendable {
    /// Routed experts in a layer.
    package var experts: Int
    /// Routed experts that a token visits (top-k).
    package var activeExperts: Int
    /// Inner width of one expert.
    package var ffn: Int
    /// Experts of the same width that every token visits.
    package var sharedExperts = 0
    /// Width of the stream that routed experts work on, where it is narrower than the model's: two projections, which all of
    /// them share, lead there and back.
    package var stream: Int?

    package init(experts: Int, activeExperts: Int, ffn: Int, sharedExperts: Int = 0) {
      self.experts = experts
      self.activeExperts = activeExperts
      self.ffn = ffn
      self.sharedExperts = sharedExperts
    }
  }

  /// What each token passes alone.
  package enum MLP: Equatable, Sendable {
    /// Of this inner width.
    case dense(width: Int)
    case experts(Experts)
    /// A layer that is attention alone.
    case none
  }

  /// How a checkpoint stores the parts of a layer; `nil` for a part that is stored as the model's
  /// other matrices are.
  package struct Formats: Equatable, Sendable {
    /// Ahead of attention.
    package var attentionInput: WeightFormat?
    package var attentionOutput: WeightFormat?
    package var attentionExtras: WeightFormat?
    /// The dense MLP, or the routed experts.
    package var mlp: WeightFormat?
    package var router: WeightFormat?
    package var sharedExperts: WeightFormat?
    package var mlpExtras: WeightFormat?

    package init() {}
  }

  package var attention: Attention
  package var mlp: MLP
  /// Weights of the attention that its shape does not tell, in elements: output gates, indexers,
  /// convolutions. Negative where two projections are one. Counted, not priced.
  package var attentionExtras = 0
  /// The same of the MLP: biases of experts, a shared expert that is no multiple of a routed one.
  package var mlpExtras = 0
  /// Bytes that each token adds to the cache beside keys and values, the same on every GPU and in
  /// every type of cache: the keys of an indexer.
  package var indexerBytesPerToken = 0
  package var formats = Formats()
  /// Whether the layer, which caches nothing, attends to the keys and values of an earlier one. Has no price yet.
  package var sharesKeys = false

  package init(_ attention: Attention, _ mlp: MLP) {
    self.attention = attention
    self.mlp = mlp
  }
}

extension ModelLayer {
  /// The heads of an attention that has any.
  package var heads: Heads? {
    switch attention {
    case .heads(let heads, _), .latent(_, let heads), .compressed(_, let heads): heads
    case .recurrent, .none: nil
    }
  }

  /// Whether it caches keys and values of heads.
  var hasPlainHeads: Bool {
    if case .heads = attention { true } else { false }
  }

  /// Inner width of the MLP that every token passes: of a mixture, its shared experts side by side.
  var sharedWidth: Int {
    switch mlp {
    case .dense(let width): width
    case .experts(let experts): experts.sharedExperts * experts.ffn
    case .none: 0
    }
  }

  /// Inner width of the MLP that one token passes: of a mixture, its active and shared experts side
  /// by side.
  var activeWidth: Int {
    switch mlp {
    case .dense(let width): width
    case .experts(let experts):
      (experts.activeExperts + experts.sharedExperts) * experts.ffn
    case .none: 0
    }
  }
}
