import KVMemory

/// How a release of vLLM's V1 engine makes KV groups of the caches of a model's layers.
///
/// - Source: The rules are written down from `v1/core/kv_cache_utils.py` (0.33: `kv_cache_planning.py`) of the releases
///   0.8.5 to 0.33; those of 0.33 agree with its sizing record in every field.
package struct KVGroupRules: Equatable, Sendable {
  /// How many layers a group has where kinds of layers differ in number.
  package enum GroupSize: Equatable, Sendable {
    /// As many as the kind with the fewest has.
    case fewest
    /// The same, but as many as the kind with the most has where that is less than `times` the fewest: short groups
    /// waste pages, but few of them.
    case mostBelow(times: Double)
  }

  package var size: GroupSize
  /// Whether pages of unlike size are brought to one size; before, every layer of such a model keeps everything.
  package var unifiesPages: Bool
  /// Whether pages of unlike size are packed where a layout stores all layers of a block together.
  package var packs: Bool
  /// Whether the prefix cache of a model with recurrent states is on by default.
  package var cachesStates: Bool
  /// Whether layers with a window or chunk give back what lies behind it; off, they keep everything.
  package var hybridManager: Bool
  /// Whether the attention backend stores all layers of a block together.
  package var blockOutermost = false

  /// The rules of vLLM 0.`minor`; a release that was not read has those of the one before it.
  package init(vllm minor: Int) {
    size = minor < 12 ? .fewest : .mostBelow(times: minor < 18 ? 1.25 : 1.5)
    unifiesPages = minor >= 12
    packs = minor >= 24
    cachesStates = minor >= 26
    hybridManager = minor >= 9
  }

  /// Tokens of a sequence that may be computed before what lies behind a window is freed.
  ///
  /// An engine that schedules an iteration while another one runs has two batches in flight; releases before 0.26 count
  /// one even so.
  package static func inFlight(vllm minor: Int, tokenBudget: Int, batches: Int) -> Int {
    tokenBudget * (minor >= 26 ? batches : 1)
  }
}

/// Caches that stand in one block: the same tokens of a sequence stay in all of them.
package struct KVLayerGroup: Equatable, Sendable {
  /// Which of the model's caches, ascending.
  package let caches: [Int]
  package let keeps: KVGroupKind
  /// Tokens of a block.
  package let blockTokens: Int
  /// Bytes of the pages of all its caches.
  package let bytes: Int
  /// Whether caches of unlike shape may stand together, because their blocks hold and keep the same tokens.
  package let isUniformType: Bool

  init(_ caches: [Int], of pages: [KVLayerPage], isUniformType: Bool = false) {
    self.caches = caches.sorted()
    keeps = pages[caches[0]].keeps
    blockTokens = pages[caches[0]].blockTokens
    bytes = caches.reduce(0) { $0 + pages[$1].bytes }
    self.isUniformType = isUniformType
  }
}
