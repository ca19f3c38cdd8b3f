import KVMemory

/// What decides how an engine groups a model's layers, beside the model.
package struct KVGrouping: Equatable, Sendable {
  package var rules: KVGroupRules
  /// Whether blocks, and states where the release does so by default, can be found again.
  package var prefixCaching: Bool
  /// The longest sequence: what a block of a state stands for that is not cached.
  package var modelLength: Int

  package init(rules: KVGroupRules, prefixCaching: Bool, modelLength: Int) {
    self.rules = rules
    self.prefixCaching = prefixCaching
    self.modelLength = modelLength
  }
}

extension KVCacheSpec {
  /// What an engine keeps of a sequence.
  ///
  /// - Parameter grouping: How it groups layers over one pool; `nil` where they share one block table.
  package init(
    _ model: ModelSpec, tensorParallel: Int, elements: ElementType, blockTokens: Int,
    grouping: KVGrouping?
  ) {
    guard let grouping else {
      self = KVCacheSpec(
        model, tensorParallel: tensorParallel, elements: elements, blockTokens: blockTokens
      ).inOneGroup()
      return
    }
    self.init(
      model, tensorParallel: tensorParallel, elements: elements, blockTokens: blockTokens,
      grouping: grouping)
  }

  /// The groups that a release of vLLM's V1 engine makes of a model's layers.
  ///
  /// A model whose layers all keep the same is one group.
  ///
  /// - Parameter model: All of it, or what a pipeline stage holds, which is grouped as a model of its own.
  /// - Precondition: Some layer keeps something, and `tensorParallel` splits the model.
  package init(
    _ model: ModelSpec, tensorParallel: Int, elements: ElementType, blockTokens: Int,
    grouping: KVGrouping
  ) {
    var rules = grouping.rules
    let cachesStates = grouping.prefixCaching && rules.cachesStates
    let pages = model.layers.runs.flatMap { run in
      let pages = run.layer.pages(
        tensorParallel, elements, blockTokens: blockTokens, cachesStates: cachesStates)
      return Array(repeating: pages, count: run.count).flatMap(\.self)
    }
    let aligned = pages.besideStates(
      unit: 16, modelLength: cachesStates ? nil : grouping.modelLength)
    let hasStates = aligned.contains(where: \.keeps.isState)
    if model.layers.kinds.contains(where: \.layer.isCompressed) { rules.blockOutermost = true }
    let groups = rules.groups(of: aligned).map(\.group)
    self.init(
      pooling: groups, countsNullBlock: groups.count > 1,
      cachesBlocks: hasStates ? cachesStates : grouping.prefixCaching)
  }
}

extension KVLayerGroup {
  /// The group by itself.
  package var group: KVGroup {
    KVGroup(layers: caches.count, blockTokens: blockTokens, blockBytes: bytes, keeps: keeps)
  }
}

extension ModelLayer {
  fileprivate var isCompressed: Bool {
    if case .compressed = attention { true } else { false }
  }

  /// What the layer asks of the pool on one GPU: a page for each of its caches; none where it keeps nothing.
  fileprivate func pages(
    _ tensorParallel: Int, _ elements: ElementType, blockTokens: Int, cachesStates: Bool
  ) -> [KVLayerPage] {
    func page(_ keeps: KVGroupKind, _ vectors: KVLayerPage.Vectors) -> KVLayerPage {
      KVLayerPage(keeps: keeps, content: .vectors(vectors), blockTokens: blockTokens)
    }
    var pages: [KVLayerPage] = []
    switch attention {
    case .heads(let heads, let keeps):
      pages.append(
        page(
          keeps,
          .init(
            heads: heads.kvOnGPU(tensorParallel), keyWidth: heads.dim, valueWidth: heads.dim,
            elementBytes: elements.bytes)))
    case .latent(let latent, _):
      pages.append(
        page(
          .all,
          .init(
            heads: 1, keyWidth: latent.kvLoraRank + latent.ropeDim, valueWidth: 0,
            elementBytes: elements.bytes)))
    case .compressed(let compressed, let heads): return compressed.pages(headDim: heads.dim)
    case .recurrent(let state):
      let blocks = cachesStates ? 2 + state.checkpointBlocks : 1
      let bytes = ceilingDivide(state.stateBytes, tensorParallel)
      return [
        KVLayerPage(
          keeps: .state(
            blocks: blocks,
            // As in the recordings; what kernels ask for is not known.
            checkpointAlignment: blocks > 2 ? 1 : nil), content: .state(partBytes: [bytes]),
          blockTokens: blockTokens)
      ]
    case .none: return []
    }
    if indexerBytesPerToken > 0 {
      let indexer = KVLayerPage.Vectors(
        heads: 1, keyWidth: indexerBytesPerToken, valueWidth: 0, elementBytes: 1)
      pages.append(page(.all, indexer))
    }
    return pages
  }
}

extension ModelLayer.Compressed {
  /// The caches of a layer, each with blocks of its own, whatever the engine's block is:
  ///
  ///     near      |w|w|w|w|       tokens of the window        8-bit numbers, a 16-bit rotary part, scales
  ///     far       |c   |c   |     a vector for every ratio    the same
  ///     index     |i   |i   |     keys of the indexer         8-bit numbers, scales
  ///     waiting   |t|t|           tokens to be compressed     32-bit vectors and gates
  ///
  /// - Source: Sizing record of vLLM 0.33, `deepseek-v4-like`, whose list of caches was read in the engine's code and not
  ///   held against a run.
  fileprivate func pages(headDim: Int) -> [KVLayerPage] {
    let pageAlignment = 576
    func page(
      _ keeps: KVGroupKind, block: Int, width: Int, bytes: Double = 1, tokenBytes: Int? = nil,
      ratio: Int = 1
    ) -> KVLayerPage {
      KVLayerPage(
        keeps: keeps,
        content: .vectors(
          .init(
            heads: 1, keyWidth: width, valueWidth: 0, elementBytes: bytes, tokenBytes: tokenBytes,
            tokensPerVector: ratio, alignment: pageAlignment)), blockTokens: block)
    }
    // 512 elements are 448 of 8 bits, 64 of 16 and 8 bytes of scales.
    let vectorBytes = headDim + 64 + 8
    let near = page(.window(tokens: window), block: 64, width: headDim, tokenBytes: vectorBytes)
    guard let ratio else { return [near] }
    let far = page(.all, block: 256, width: headDim, tokenBytes: vectorBytes, ratio: ratio)
    guard indexerDim > 0 else {
      let waiting = page(.window(tokens: ratio), block: 8, width: 2 * headDim, bytes: 4)
      return [near, far, waiting]
    }
    // Neighbouring windows overlap, so that two of them wait.
    let waiting = KVGroupKind.window(tokens: 2 * ratio)
    return [
      near, far, page(.all, block: 256, width: indexerBytes, ratio: ratio),
      page(waiting, block: 4, width: 4 * headDim, bytes: 4),
      page(waiting, block: 4, width: 4 * indexerDim, bytes: 4),
    ]
  }
}
