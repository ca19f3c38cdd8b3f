import KVMemory

/// Layers of a model that keep the same tokens of a sequence, in blocks of one size.
package struct KVGroup: Equatable, Sendable {
  /// Layers whose keys and values stand in one block.
  package let layers: Int
  /// Tokens of a block.
  package let blockTokens: Int
  /// Bytes of a block on one GPU, all of the group's layers.
  package let blockBytes: Int
  /// What stays of a sequence.
  package let keeps: KVGroupKind

  package init(layers: Int, blockTokens: Int, blockBytes: Int, keeps: KVGroupKind) {
    self.layers = layers
    self.blockTokens = blockTokens
    self.blockBytes = blockBytes
    self.keeps = keeps
  }

  /// Bytes of a token of a sequence that stays, rounded down; 0 for a state.
  package var bytesPerToken: Int { keeps.isState ? 0 : blockBytes / blockTokens }

  /// Blocks that a sequence holds once `tokens` of its tokens are computed; of states, as many as it may ever hold.
  package func blocks(forTokens tokens: Int) -> Int {
    if keeps.isState { return blocksMax(forTokens: tokens, inFlight: 0) }
    let skipped = keeps.skippedBlocks(tokens, blockTokens: blockTokens)
    return ceilingDivide(tokens, blockTokens) - skipped.count
  }

  /// The most blocks that a sequence holds while it grows to `tokens` tokens, by at most `inFlight`
  /// in an iteration.
  package func blocksMax(forTokens tokens: Int, inFlight: Int) -> Int {
    keeps.blocksMax(forTokens: tokens, inFlight: inFlight, blockTokens: blockTokens)
  }

  /// The blocks that vLLM wants for one sequence of `tokens` tokens before it starts.
  package func blocksReserved(forTokens tokens: Int, inFlight: Int) -> Int {
    keeps.blocksReserved(forTokens: tokens, inFlight: inFlight, blockTokens: blockTokens)
  }
}

/// What one GPU keeps of a sequence: groups of layers, over one pool of blocks.
///
///     pool     |b0|b1|b2|b3|b4|…      a block belongs to one group at a time
///     layers    ▭  ▭  ▭  ▭  ▭         and has a page in each of the group's layers
package struct KVCacheSpec: Equatable, Sendable {
  /// By first appearance in the model; at least one.
  package let groups: [KVGroup]
  /// Layers that attend to less than their group keeps.
  package let overkeepingLayers: Int
  /// Bytes of a block of the pool, on one GPU: those of the group with the most. Where all layers share one block table,
  /// those of its block, and states are not counted.
  package let blockBytes: Int
  /// Whether block 0 of the pool stands for no block, as in vLLM: sequences share one less. A pool of one group is
  /// counted whole, as it is simulated.
  package let countsNullBlock: Bool
  /// Tokens to which chunks and hits are aligned: the least common multiple of the groups' blocks.
  package let schedulerBlockTokens: Int
  /// Tokens of a block hash: the greatest common divisor of the groups' blocks, or ``schedulerBlockTokens`` without a
  /// prefix cache.
  package let hashBlockTokens: Int

  /// The groups that the layers of a model ask for.
  ///
  /// - Parameters:
  ///   - model: All of it, or what a pipeline stage holds (``ModelSpec/stage(of:)``).
  ///   - elements: How keys and values are stored; a state stays as it is.
  /// - Precondition: Some layer has attention, and `tensorParallel` splits the model.
  package init(
    _ model: ModelSpec, tensorParallel: Int, elements: ElementType, blockTokens: Int
  ) {
    var layers: [(keeps: KVGroupKind, count: Int, bytes: Int)] = []
    for kind in model.layers.kinds {
      for part in kind.layer.cached(tensorParallel, elements, blockTokens) {
        let bytes = kind.count * part.blockBytes
        if let known = layers.firstIndex(where: { $0.keeps == part.keeps }) {
          layers[known].count += kind.count
          layers[known].bytes += bytes
        } else {
          layers.append((part.keeps, kind.count, bytes))
        }
      }
    }
    precondition(!layers.isEmpty, "KVCacheSpec: `\(model.name)` keeps nothing")
    self.init(
      groups: layers.map {
        KVGroup(layers: $0.count, blockTokens: blockTokens, blockBytes: $0.bytes, keeps: $0.keeps)
      })
  }

  /// Groups whose layers share one block table.
  package init(groups: [KVGroup], overkeepingLayers: Int = 0) {
    self.init(
      groups, overkeepingLayers: overkeepingLayers,
      blockBytes: groups.reduce(0) { $0 + ($1.keeps.isState ? 0 : $1.blockBytes) },
      countsNullBlock: false, cachesBlocks: true)
  }

  /// Groups that take blocks of one size from one pool.
  ///
  /// - Parameters:
  ///   - countsNullBlock: See ``countsNullBlock``.
  ///   - cachesBlocks: Whether there is a prefix cache, of states too.
  package init(pooling groups: [KVGroup], countsNullBlock: Bool, cachesBlocks: Bool) {
    self.init(
      groups, overkeepingLayers: 0, blockBytes: groups.reduce(0) { max($0, $1.blockBytes) },
      countsNullBlock: countsNullBlock, cachesBlocks: cachesBlocks)
  }

  private init(
    _ groups: [KVGroup], overkeepingLayers: Int, blockBytes: Int, countsNullBlock: Bool,
    cachesBlocks: Bool
  ) {
    self.groups = groups
    self.overkeepingLayers = overkeepingLayers
    self.blockBytes = blockBytes
    self.countsNullBlock = countsNullBlock
    schedulerBlockTokens = groups.reduce(1) { leastCommonMultiple($0, $1.blockTokens) }
    hashBlockTokens =
      cachesBlocks
      ? groups.reduce(0) { greatestCommonDivisor($0, $1.blockTokens) } : schedulerBlockTokens
  }

  /// The same cache where all layers share one block table, as in engines of one group: every layer keeps everything.
  /// States are groups of their own.
  package func inOneGroup() -> KVCacheSpec {
    let tables = groups.filter { !$0.keeps.isState }
    guard let first = tables.first else { return self }
    let whole = KVGroup(
      layers: tables.reduce(0) { $0 + $1.layers }, blockTokens: first.blockTokens,
      blockBytes: tables.reduce(0) { $0 + $1.blockBytes }, keeps: .all)
    return KVCacheSpec(
      groups: [whole] + groups.filter { $0.keeps.isState },
      overkeepingLayers: tables.reduce(0) { $0 + ($1.keeps == .all ? 0 : $1.layers) })
  }

  /// Equal groups once, with how many there are, by first appearance.
  package var countedGroups: [(group: KVGroup, count: Int)] {
    groups.reduce(into: []) { counted, group in
      if let known = counted.firstIndex(where: { $0.group == group }) {
        counted[known].count += 1
      } else {
        counted.append((group, 1))
      }
    }
  }

  /// Tokens of a block of the first group.
  package var blockTokens: Int { groups[0].blockTokens }

  /// Bytes of one token that every layer keeps, on one GPU, where all layers share one block table.
  package var bytesPerToken: Int { blockBytes / blockTokens }

  /// What to tell users where layers keep more than they attend to; `nil` where none does.
  package func warning(model: String) -> String? {
    guard overkeepingLayers > 0 else { return nil }
    return "`\(model)` keeps the whole context in \(overkeepingLayers) layers that attend to part "
      + "of it: their KV blocks are freed with the sequence, not behind the window"
  }
}

extension ModelSpec {
  /// The most tokens that a token attends to in layers with a sliding window, itself included; `nil`
  /// without such layers. Of several windows the longest: they have no price yet.
  package var attendedMax: Int? {
    layers.kinds.compactMap { kind in
      if case .heads(_, let keeps) = kind.layer.attention { keeps.attendedMax } else { nil }
    }.max()
  }
}

extension ModelLayer {
  /// What a layer keeps of a sequence, with the bytes of a block (or of the state) on one GPU: nothing, one kind, or both
  /// that compressed attention has.
  fileprivate func cached(
    _ tensorParallel: Int, _ elements: ElementType, _ blockTokens: Int
  ) -> [(keeps: KVGroupKind, blockBytes: Int)] {
    switch attention {
    case .heads(_, let keeps):
      return [(keeps, blockBytes(tensorParallel, elements, blockTokens))]
    case .latent: return [(.all, blockBytes(tensorParallel, elements, blockTokens))]
    case .compressed(let compressed, let heads):
      let vectorBytes = Int(Double(heads.dim) * elements.bytes)
      let near = (KVGroupKind.window(tokens: compressed.window), blockTokens * vectorBytes)
      guard let ratio = compressed.ratio else { return [near] }
      let far = blockTokens * (vectorBytes + compressed.indexerBytes)
      return [near, (.all, ceilingDivide(far, ratio))]
    case .recurrent(let state):
      return [(.state, ceilingDivide(state.stateBytes, tensorParallel))]
    case .none: return []
    }
  }

  /// Bytes of a block of keys and values, or of latent vectors.
  private func blockBytes(
    _ tensorParallel: Int, _ elements: ElementType, _ blockTokens: Int
  ) -> Int {
    let keysAndValues = kvBytesPerToken(tensorParallel) - indexerBytesPerToken
    let wide = Double(keysAndValues) / Double(ModelSpec.bytesPerElement)
    return blockTokens * (Int(wide * elements.bytes) + indexerBytesPerToken)
  }
}
