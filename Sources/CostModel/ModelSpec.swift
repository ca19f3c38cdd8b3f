/// The shape of a transformer: all that memory and time depend on, and no weights.
///
/// Weights, activations and KV cache are 16-bit (``bytesPerElement``).
///
/// Left out, each below 0.1 % of a model's parameters: the biases of Qwen2.5's QKV projection, the
/// norms of queries and keys (Qwen3, Gemma-3), Gemma's two further norms a layer, and the norms
/// inside latent attention. Vision towers are left out too (0.42 B in Gemma-3 from 4B up).
package struct ModelSpec: Equatable, Sendable {
  /// The block structure that a model is built from.
  package enum Family: Equatable, Sendable {
    /// Learned positions, biases, an MLP of two matrices, LM head tied to the embedding.
    case opt
    /// Rotary positions, no biases, a gated MLP of three matrices, LM head untied unless stated.
    case llama
  }

  /// How the weights are counted.
  package enum WeightCount: Equatable, Sendable {
    /// Every matrix and norm that the fields describe.
    case fromFields
    /// As the analyzer of the PagedAttention artifact counts them, so that the paper's pools come
    /// out to the block. It leaves out the final norm and the LM head, and for LLaMA counts a
    /// position table of 8192 rows and rotary tables of 8192 rows a layer, which no checkpoint
    /// stores.
    case sosp23Artifact
  }

  /// Routed experts in place of the MLP.
  package struct MixtureOfExperts: Equatable, Sendable {
    /// Routed experts in a layer.
    package var experts: Int
    /// Routed experts that a token visits (top-k).
    package var activeExperts: Int
    /// Inner width of one expert.
    package var ffn: Int
    /// Experts of the same width that every token visits.
    package var sharedExperts = 0
    /// Leading layers that keep a dense MLP of width ``ModelSpec/ffn``.
    package var firstDenseLayers = 0
  }

  /// Multi-head latent attention (MLA): one compressed vector a token and layer is cached, not K
  /// and V.
  package struct LatentAttention: Equatable, Sendable {
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
  }

  /// Layers that attend only to the nearest tokens.
  package struct SlidingWindow: Equatable, Sendable {
    /// Tokens that a local layer attends to.
    package var tokens: Int
    /// Layers that attend to the whole context; the others are local.
    package var globalLayers: Int
  }

  /// Bytes of a weight, an activation, or a cached element: fp16 or bf16.
  package static let bytesPerElement = 2

  /// The catalogue's name, as users type it.
  package var name: String
  /// Other names of the same model, Hugging Face ids first.
  package var aliases: [String]
  package var family = Family.llama
  package var layers: Int
  /// Width of the residual stream.
  package var hidden: Int
  /// Query heads.
  package var heads: Int
  /// Heads of the KV cache; fewer than ``heads`` under grouped-query attention.
  package var kvHeads: Int
  /// Width of a head; `heads × headDim` need not equal ``hidden``. Unused under ``latent``
  /// attention.
  package var headDim: Int
  /// Inner width of the dense MLP.
  package var ffn: Int
  package var vocab: Int
  /// The longest context that the model was published for, in tokens.
  package var maxPositions: Int
  /// `nil` for a dense model.
  package var mixture: MixtureOfExperts?
  /// `nil` where keys and values are cached per KV head.
  package var latent: LatentAttention?
  /// `nil` where every layer attends to the whole context.
  package var slidingWindow: SlidingWindow?
  /// Whether the LM head shares the embedding's weights.
  package var tiedEmbeddings = false
  package var weightCount = WeightCount.fromFields
}
