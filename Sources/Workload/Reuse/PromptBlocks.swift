/// The blocks of one prompt, each told by a hash of all tokens up to its end, and those that its request leaves behind.
///
///     prompt   |b0|b1|p|         two full blocks and a partial one
///     left     |b0|b1|b2|q|      where prompts quote outputs: the tokens that were generated fill p up
struct PromptBlocks {
  /// All blocks of the prompt, first to last.
  let prompt: [UInt64]
  /// The last block of the prompt where it is not full.
  let partial: UInt64?
  /// All blocks that are left behind, first to last.
  let left: [UInt64]
  /// The last block that is left behind where it is not full.
  let leftPartial: UInt64?

  /// - Parameter keepsOutput: Whether generated tokens are left behind too.
  /// - Complexity: O(pieces + blocks).
  init(
    _ contents: PromptContents, of id: Int, _ request: Request, blockTokens: Int, keepsOutput: Bool
  ) {
    var hashes = BlockHashes(blockTokens: blockTokens)
    for piece in contents.pieces(of: id) { hashes.take(piece) }
    partial = hashes.partial
    prompt = hashes.all
    guard keepsOutput else {
      (left, leftPartial) = (prompt, partial)
      return
    }
    hashes.take(
      TokenPiece(
        stream: PromptContents.outputStream(of: id), start: 0, count: request.outputTokens))
    (left, leftPartial) = (hashes.all, hashes.partial)
  }
}
