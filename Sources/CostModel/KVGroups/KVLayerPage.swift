import KVMemory

/// What one cache of a layer asks of the pool on one GPU: a page of so many bytes for every block of its group.
///
///     |k k k k|v v v v|     a page: keys and values of a block's tokens in one layer
///     |c|c|c|               or one vector for both, of every token or of every few
///     |conv|matrix|░░|      or a recurrent state, whose page may be padded
///
/// Most layers have one cache; one with an indexer or with compressed tokens has several.
package struct KVLayerPage: Equatable, Sendable {
  /// Keys and values of tokens, or one vector for both.
  package struct Vectors: Equatable, Sendable {
    package var heads: Int
    package var keyWidth: Int
    /// 0 where one vector stands for key and value.
    package var valueWidth: Int
    package var elementBytes: Double
    /// Bytes of a token in one head where they are not elements alone (scales beside 8-bit elements).
    package var tokenBytes: Int?
    /// Tokens that one vector stands for; divides the block.
    package var tokensPerVector = 1
    /// A page is rounded up to a multiple of so many bytes.
    package var alignment = 1

    package init(
      heads: Int, keyWidth: Int, valueWidth: Int, elementBytes: Double, tokenBytes: Int? = nil,
      tokensPerVector: Int = 1, alignment: Int = 1
    ) {
      self.heads = heads
      self.keyWidth = keyWidth
      self.valueWidth = valueWidth
      self.elementBytes = elementBytes
      self.tokenBytes = tokenBytes
      self.tokensPerVector = tokensPerVector
      self.alignment = alignment
    }

    func pageBytes(blockTokens: Int) -> Int {
      let vectorBytes =
        tokenBytes.map { heads * $0 }
        ?? Int(Double(heads * (keyWidth + valueWidth)) * elementBytes)
      let bytes = ceilingDivide(blockTokens, tokensPerVector) * vectorBytes
      return ceilingDivide(bytes, alignment) * alignment
    }
  }

  /// What a page holds.
  package enum Content: Equatable, Sendable {
    case vectors(Vectors)
    /// Bytes of each part of a recurrent state: the inputs of its convolution, its matrix.
    case state(partBytes: [Int])
  }

  /// What stays of a sequence.
  package var keeps: KVGroupKind
  package var content: Content
  /// Tokens of a block.
  package var blockTokens: Int
  /// Bytes of a page that is larger than what it holds; `nil` where it is as large.
  package var paddedBytes: Int?

  package init(keeps: KVGroupKind, content: Content, blockTokens: Int) {
    self.keeps = keeps
    self.content = content
    self.blockTokens = blockTokens
  }

  /// Bytes of a page.
  package var bytes: Int {
    if let paddedBytes { return paddedBytes }
    switch content {
    case .vectors(let vectors): return vectors.pageBytes(blockTokens: blockTokens)
    case .state(let partBytes): return partBytes.reduce(0, +)
    }
  }
}

extension [KVLayerPage] {
  /// The pages where attention stands beside recurrent states, whose page must be no larger than that of attention.
  ///
  ///     attention block  = max(block, unit × ⌈state page / (unit × attention bytes a token)⌉)
  ///     state page       = attention page                      padded
  ///     state block      = attention block, or the longest sequence where states are not cached
  ///
  /// Unchanged where either is missing. Of unlike attention the first page's bytes a token count: no model has them.
  ///
  /// - Parameters:
  ///   - unit: Tokens of which the block is a multiple: 16, with cached states also what the backend that writes
  ///     checkpoints of them asks for.
  ///   - modelLength: The longest sequence where states are not cached; `nil` where they are.
  /// - Source: Sizing record of vLLM 0.33, section 8; the same in 0.10.2, but for cached states.
  package func besideStates(unit: Int, modelLength: Int?) -> [KVLayerPage] {
    guard let state = self.filter(\.keeps.isState).max(by: { $0.bytes < $1.bytes }),
      var attention = self.first(where: { !$0.keeps.isState })
    else { return self }
    let block = attention.blockTokens
    attention.blockTokens = unit
    attention.blockTokens = Swift.max(block, unit * ceilingDivide(state.bytes, attention.bytes))
    return map { page in
      var page = page
      page.blockTokens = attention.blockTokens
      if page.keeps.isState {
        page.paddedBytes = attention.bytes
        page.blockTokens = modelLength ?? attention.blockTokens
      }
      return page
    }
  }
}
