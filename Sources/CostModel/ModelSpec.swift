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
    /// Every matrix and norm of the layers.
    case fromLayers
    /// As the analyzer of the PagedAttention artifact counts them, so that the paper's pools come
    /// out to the block. It leaves out the final norm and the LM head, and for LLaMA counts a
    /// position table of 8192 rows and rotary tables of 8192 rows a layer, which no checkpoint
    /// stores. Layers are all alike.
    case sosp23Artifact
  }

  /// Bytes of a weight, an activation, or a cached element: fp16 or bf16.
  package static let bytesPerElement = 2

  /// The catalogue's name, as users type it.
  package var name: String
  /// Other names of the same model, Hugging Face ids first.
  package var aliases: [String]
  package var family = Family.llama
  package var layers: LayerList
  /// Width of the residual stream.
  package var hidden: Int
  package var vocab: Int
  /// How long sequences may be.
  package var positions: ModelPositions
  /// Whether the LM head shares the embedding's weights.
  package var tiedEmbeddings = false
  package var weightCount = WeightCount.fromLayers
  /// MLPs of two matrices, without a gate, in a model of LLaMA's structure.
  package var hasPlainMLP = false
  /// Whether a norm of queries and keys spans all heads of a layer: GPUs that share them sum its squares (vLLM's
  /// `MiniMaxText01RMSNormTP`).
  package var normsAcrossHeads = false
  /// Parameters that belong to no layer beside embedding, LM head and norm: a vision tower. 16-bit
  /// in every checkpoint, and split over tensor-parallel GPUs.
  package var besideLayers = 0
  /// How the checkpoint stores the layers' matrices.
  package var stored = WeightFormat.bfloat16
  /// The file that the model was read from; `nil` for a model of the catalogue.
  package var origin: Origin?

  /// The file that a model was read from.
  package struct Origin: Equatable, Sendable {
    /// As the user gave it.
    package var path: String
    /// Of the file's bytes, so that two models of one name are told apart.
    package var digest: String

    package init(path: String, digest: String) {
      self.path = path
      self.digest = digest
    }
  }

  package init(
    name: String, aliases: [String], layers: LayerList, hidden: Int, vocab: Int, maxPositions: Int
  ) {
    self.name = name
    self.aliases = aliases
    self.layers = layers
    self.hidden = hidden
    self.vocab = vocab
    positions = ModelPositions(stated: maxPositions)
  }
}

extension ModelSpec {
  /// The longest context that the model was published for, in tokens.
  package var maxPositions: Int {
    get { positions.longest() }
    set { positions = ModelPositions(stated: newValue) }
  }

  /// What `--model` takes to mean this model.
  package var reference: String { origin?.path ?? name }
  /// Tells the model from every other: its name, and what its file holds.
  package var identity: String { origin.map { "\(name) \($0.digest)" } ?? name }
}

/// The shape of a model whose layers agree in it, as tables and the CPU engine ask for it.
extension ModelSpec {
  /// The heads that most layers have; none in a model without attention.
  private var usualHeads: ModelLayer.Heads {
    layers.commonestHeads ?? .init(query: 0, kv: 0, dim: 0)
  }

  /// Query heads of most layers.
  package var heads: Int { usualHeads.query }
  /// Heads of the KV cache of most layers.
  package var kvHeads: Int { usualHeads.kv }
  /// Width of a head of most layers; unused under latent attention.
  package var headDim: Int { usualHeads.dim }

  /// Inner width of the first dense MLP; 0 where there is none.
  package var ffn: Int {
    for kind in layers.kinds { if case .dense(let width) = kind.layer.mlp { return width } }
    return 0
  }

  /// Whether some layers route tokens over experts.
  package var hasExperts: Bool {
    layers.kinds.contains { if case .experts = $0.layer.mlp { true } else { false } }
  }

  /// Whether some layers cache a latent vector.
  package var hasLatentAttention: Bool {
    layers.kinds.contains { if case .latent = $0.layer.attention { true } else { false } }
  }
}
