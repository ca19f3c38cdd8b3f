import Foundation
import Messages

/// The size of the KV pool as the start-up log of vLLM states it.
package enum EngineLog {
  /// KV blocks of the pool.
  ///
  /// Looked for, anywhere in a line, thousands with or without commas:
  ///
  ///     # GPU blocks: 27, # CPU blocks: 2048        blocks (vLLM up to 0.8; also `# cuda blocks:`)
  ///     GPU KV cache size: 43,904 tokens            tokens, over `blockSize`, rounded down
  ///
  /// A log repeats the line for each process; all must agree.
  ///
  /// - Parameter name: The file, for messages.
  /// - Throws: ``UserError`` where there is no such line, sizes differ, or not one block is left.
  /// - Complexity: O(bytes).
  package static func blocks(
    in text: String, name: String, blockSize: Int
  ) throws(UserError) -> Int {
    var found: [(line: Int, blocks: Int, text: String)] = []
    // A line end of two characters is one newline.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      for mark in ["# GPU blocks: ", "# cuda blocks: ", "# CUDA blocks: "] {
        guard let count = number(after: mark, in: line) else { continue }
        found.append((index + 1, count, "\(count) blocks"))
      }
      if let tokens = number(after: "GPU KV cache size: ", in: line) {
        found.append((index + 1, tokens / blockSize, "\(tokens) tokens"))
      }
    }
    guard let first = found.first else {
      throw UserError(
        "\(name): no line says how large the KV cache is",
        hint: "vLLM writes `GPU KV cache size: 43,904 tokens` or `# GPU blocks: 2744` when it "
          + "starts; else give `--num-gpu-blocks-override`")
    }
    if let other = found.first(where: { $0.blocks != first.blocks }) {
      throw UserError(
        "\(name):\(other.line): the KV cache has \(other.text), but \(first.text) in line "
          + "\(first.line)",
        hint: "cut the log to one start of the engine, or give `--num-gpu-blocks-override`")
    }
    guard first.blocks > 0 else {
      throw UserError(
        "\(name):\(first.line): a KV cache of \(first.text) holds no block of \(blockSize) tokens")
    }
    return first.blocks
  }

  /// The integer right behind `mark`, commas between its digits left out.
  private static func number(after mark: String, in line: Substring) -> Int? {
    guard let range = line.range(of: mark) else { return nil }
    let digits = line[range.upperBound...].prefix { $0.isASCII && $0.isNumber || $0 == "," }
    return Int(digits.filter { $0 != "," })
  }
}
