import CostModel
import KVMemory

/// How managers group the layers of a model.
extension MemoryModel {
  /// All layers that have tokens in one block table: every layer keeps every token.
  var wholeTokens: PagedGroup {
    PagedGroup(parts: tokenLayers, keeps: .all, blockTokens: blockTokens)
  }

  /// The states of a sequence, in one block however long it gets.
  var states: PagedGroup {
    PagedGroup(parts: stateLayers, keeps: .state, blockTokens: Self.endless)
  }

  /// One block table, and states beside it where there are some.
  var oneTable: [PagedGroup] { hasStates ? [wholeTokens, states] : [wholeTokens] }

  /// Tokens that no sequence has.
  private static let endless = 1 << 40
  /// Tokens from one state that is cached to the next.
  ///
  /// - Source: Jenga (arXiv 2503.18292), §4.
  private static let checkpointTokens = 512

  /// A group for each kind of layers, each of which keeps what its layers read.
  ///
  /// - Parameter tokens: Tokens of a block of some layers.
  func typed(tokens: (KeptLayers) -> Int) -> [PagedGroup] {
    layers.map { kind in
      guard kind.keeps.isState else {
        return PagedGroup(
          parts: [kind], keeps: kind.keeps, blockTokens: tokens(kind), isKeyed: isCaching)
      }
      return isCaching
        ? PagedGroup(
          parts: [kind], keeps: .state(blocks: 2), blockTokens: Self.checkpointTokens,
          isKeyed: true)
        : PagedGroup(parts: [kind], keeps: .state, blockTokens: Self.endless)
    }
  }

  /// The same with blocks of the engine's size.
  var typed: [PagedGroup] { typed { _ in blockTokens } }

  /// Bytes of the largest block of a kind of layers.
  var largestBlock: Int { typed.map(\.contentBytes).max() ?? 1 }

  /// A group as vLLM's V1 engine makes it, with what its blocks hold of the model.
  func paged(_ group: KVGroup) -> PagedGroup {
    let own = layers.filter {
      $0.keeps == group.keeps || ($0.keeps.isState && group.keeps.isState)
    }
    let count = own.reduce(0) { $0 + $1.layers }
    // A group of more layers than keep that has those of other kinds too: they keep more than they read.
    let parts =
      group.layers > count
      ? tokenLayers
      : own.map {
        KeptLayers(
          keeps: $0.keeps, layers: group.layers, bytes: $0.bytes * group.layers / max(1, count))
      }
    return PagedGroup(
      parts: parts, keeps: group.keeps, blockTokens: group.blockTokens, isKeyed: isCaching)
  }
}
