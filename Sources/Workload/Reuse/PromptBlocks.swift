/// The blocks of one prompt, each told by a hash of all tokens up to its end, and those that its request leaves behind.
///
///     prompt   |b0|b1|p|         two full blocks and a partial one
///     left     |b0|b1|b2|q|      where prompts quote outputs: the tokens that were generated fill p up
///
/// One value reads prompt after prompt and keeps its storage.
struct PromptBlocks {
  /// All blocks of the prompt, first to last.
  private(set) var prompt: [UInt64] = []
  /// The last block of the prompt where it is not full.
  private(set) var partial: UInt64?
  /// All blocks that are left behind, first to last.
  private(set) var left: [UInt64] = []
  /// The last block that is left behind where it is not full.
  private(set) var leftPartial: UInt64?
  private var hashes: BlockHashes

  init(blockTokens: Int) { hashes = BlockHashes(blockTokens: blockTokens) }

  /// - Parameter keepsOutput: Whether generated tokens are left behind too.
  /// - Complexity: O(pieces + blocks).
  mutating func read(
    _ contents: PromptContents, of id: Int, _ request: Request, keepsOutput: Bool
  ) {
    hashes.restart()
    for piece in contents.pieces(of: id) { hashes.take(piece) }
    partial = hashes.copyAll(into: &prompt)
    if keepsOutput {
      hashes.take(
        TokenPiece(
          stream: PromptContents.outputStream(of: id), start: 0, count: request.outputTokens))
    }
    leftPartial = hashes.copyAll(into: &left)
  }
}
