extension PromptContents {
  /// The full blocks of a request's prompt and output, each told by a hash of all tokens up to its end.
  ///
  ///     tokens   |── prompt ──|── output ──|
  ///     keys     |k0 |k1 |k2 |k3 |k4 |         the output belongs to blocks too: later prompts may quote it
  ///
  /// - Complexity: O(pieces + blocks).
  package func keys(of id: Int, _ request: Request, blockTokens: Int) -> [UInt64] {
    var hashes = BlockHashes(blockTokens: blockTokens)
    for piece in pieces(of: id) { hashes.take(piece) }
    hashes.take(
      TokenPiece(
        stream: Self.outputStream(of: id), start: 0, count: request.outputTokens))
    return hashes.full
  }
}
