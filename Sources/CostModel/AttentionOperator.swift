/// Attention of all layers on one GPU: prefill chunks and decode sequences in a kernel each.
///
/// Queries and outputs are left out of the traffic; against long contexts they are small, and the
/// projections count them.
struct AttentionOperator: Equatable, Sendable {
  /// Layers that attend to the whole context.
  private let globalLayers: Double
  /// Layers that attend to the nearest `window` tokens.
  private let localLayers: Double
  private let window: Double
  /// KV cache of one token in one layer, bytes.
  private let kvBytes: Double
  /// FLOPs of one query token with one key token in one layer.
  private let prefillFlops: Double
  private let decodeFlops: Double
  private let roofline: Roofline

  init(model: ModelSpec, tensorParallel: Int, roofline: Roofline) {
    let layers = model.layers
    globalLayers = Double(model.slidingWindow?.globalLayers ?? layers)
    localLayers = Double(layers - (model.slidingWindow?.globalLayers ?? layers))
    window = Double(model.slidingWindow?.tokens ?? model.maxPositions)
    kvBytes = Double(model.kvBytesPerTokenAndLayer(tensorParallel))
    let heads = model.heads / tensorParallel
    // Score and weighted sum: a multiplication and an addition for each element of K and of V.
    // Latent attention decodes on the cached vector itself (the projections absorbed into the
    // queries), and expands it to keys and values for prefill.
    if let latent = model.latent {
      prefillFlops = Double(2 * heads * (latent.nopeDim + latent.ropeDim + latent.valueDim))
      decodeFlops = Double(2 * heads * (2 * latent.kvLoraRank + latent.ropeDim))
    } else {
      prefillFlops = Double(4 * heads * model.headDim)
      decodeFlops = prefillFlops
    }
    self.roofline = roofline
  }

  /// Seconds for prefill chunks; 0 for none.
  ///
  ///     keys      0         context    context + tokens
  ///     query 1   |────────────|─|              a token attends to the context and to
  ///     query n   |────────────|──────────|     its chunk up to itself, (tokens + 1)/2 on average
  ///
  /// A local layer attends to at most its window; the cut is taken at the mean, which overestimates
  /// chunks that straddle it.
  ///
  /// - Complexity: O(chunks).
  func prefillSeconds(_ chunks: [IterationShape.PrefillChunk]) -> Double {
    guard !chunks.isEmpty else { return 0 }
    var globalPairs = 0.0
    var localPairs = 0.0
    var globalTokens = 0.0
    var localTokens = 0.0
    for chunk in chunks {
      let tokens = Double(chunk.tokens)
      let context = Double(chunk.contextTokens)
      let attended = context + (tokens + 1) / 2
      globalPairs += tokens * attended
      localPairs += tokens * min(attended, window)
      globalTokens += context + tokens
      localTokens += min(context, window) + tokens
    }
    func layer(_ pairs: Double, _ tokens: Double) -> Double {
      roofline.seconds(flops: prefillFlops * pairs, bytes: kvBytes * tokens)
        + Roofline.launchSeconds
    }
    return globalLayers * layer(globalPairs, globalTokens)
      + localLayers * layer(localPairs, localTokens)
  }

  /// Seconds for `sequences` decode sequences that attend to `contextTokens` tokens together; 0 for
  /// none.
  ///
  /// A local layer attends to at most its window of each sequence. Only the sum of the contexts is
  /// known, so that sequences of unequal length are overestimated there.
  @inline(__always)
  func decodeSeconds(sequences: Int, contextTokens: Int) -> Double {
    guard sequences > 0 else { return 0 }
    let context = Double(contextTokens)
    let seconds = globalLayers * decodeLayer(context)
    guard localLayers > 0 else { return seconds }
    return seconds + localLayers * decodeLayer(min(context, Double(sequences) * window))
  }

  @inline(__always)
  private func decodeLayer(_ contextTokens: Double) -> Double {
    roofline.seconds(flops: decodeFlops * contextTokens, bytes: kvBytes * contextTokens)
      + Roofline.launchSeconds
  }
}
