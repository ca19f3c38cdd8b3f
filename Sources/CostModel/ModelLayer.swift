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
  }

  /// A state of fixed size that stands for all tokens so far, in place of keys and values.
  package struct Recurrence: Equatable, Sendable {
    /// Bytes of the state of one sequence, all heads; split over tensor-parallel GPUs.
    package var stateBytes: Int
    /// Width of what a token is projected to ahead of the state, and of what is read from it.
    package var inputWidth: Int
    package var outputWidth: Int

    package init(stateBytes: Int, inputWidth: Int, outputWidth: Int) {
      self.stateBytes = stateBytes
      self.inputWidth = inputWidth
      self.outputWidth = outputWidth
    }
  }

  /// How tokens see each other.
  package enum Attention: Equatable, Sendable {
    /// Keys and values are cached for each KV head, of the tokens that a kind of group keeps: all, or those that the next
    /// token attends to.
    case heads(Heads, KVGroupKind)
    /// Of the heads, only the number of query heads counts.
    case latent(Latent, Heads)
    case recurrent(Recurrence)
    /// A layer that is an MLP alone.
    case none
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
  }

  /// What each token passes alone.
  package enum MLP: Equatable, Sendable {
    /// Of this inner width.
    case dense(width: Int)
    case experts(Experts)
    /// A layer that is attention alone.
    case none
  }

  package var attention: Attention
  package var mlp: MLP

  package init(_ attention: Attention, _ mlp: MLP) {
    self.attention = attention
    self.mlp = mlp
  }
}

extension ModelLayer {
  /// The heads of an attention that has any.
  package var heads: Heads? {
    switch attention {
    case .heads(let heads, _), .latent(_, let heads): heads
    case .recurrent, .none: nil
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
