import KVMemory

/// Where a transformer puts the keys and values of a batch, and what its tokens attend to.
package protocol LayerCache {
  /// Writes the keys and values of a run's tokens in one layer.
  ///
  /// - Parameter rows: [tokens][2 × kvHeads × headDim]: a token's keys, then its values.
  func store(_ rows: UnsafePointer<Float>, of run: TokenRun, layer: Int)

  /// Attention of a run's tokens in one layer, after all tokens of the batch were written.
  ///
  /// - Parameters:
  ///   - queries: [tokens][heads][headDim].
  ///   - out: Of the same shape.
  func attend(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, of run: TokenRun,
    layer: Int, attention: inout Attention)
}

extension KVArena: LayerCache {
  package func store(_ rows: UnsafePointer<Float>, of run: TokenRun, layer: Int) {
    store(
      rows, count: run.tokens.count, firstPosition: run.firstPosition, table: run.table,
      layer: layer)
  }

  package func attend(
    _ queries: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>, of run: TokenRun,
    layer: Int, attention: inout Attention
  ) {
    attention.paged(
      queries, into: out, rows: run.tokens.count, firstPosition: run.firstPosition, arena: self,
      layer: layer, table: run.table)
  }
}
