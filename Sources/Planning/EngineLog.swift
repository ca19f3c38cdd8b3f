import CostModel
import Foundation
import Messages

/// What the start-up log of an engine, or its metrics, state of the KV pool.
///
/// Looked for, anywhere in a line, thousands with or without commas:
///
///     # GPU blocks: 27, # CPU blocks: 2048                 blocks (vLLM up to 0.8; also `# cuda blocks:`)
///     vllm:cache_config_info{…num_gpu_blocks="7162",…}     blocks
///     GPU KV cache size: 43,904 tokens                     tokens
///     max_total_num_tokens=367404                          tokens (SGLang)
///     Available KV cache memory: 51.38 GiB                 bytes, to two decimals
///
/// Each rank writes its own; the smallest pool counts, as in the engine.
package struct EngineLog {
  /// What the lines of one kind say.
  private struct Sizes {
    var least: Int
    var most: Int
    /// Where the least stands, 1-based.
    var line: Int

    mutating func add(_ other: Sizes) {
      if other.least < least { (least, line) = (other.least, other.line) }
      most = max(most, other.most)
    }
  }

  /// What stands before a number of blocks, and of tokens.
  private static let blockMarks = [
    "# GPU blocks: ", "# cuda blocks: ", "# CUDA blocks: ", "num_gpu_blocks=\"",
  ]
  private static let tokenMarks = ["GPU KV cache size: ", "max_total_num_tokens="]

  private let name: String
  private var blocks: Sizes?
  private var tokens: Sizes?
  /// In hundredths of a GiB.
  private var memory: Sizes?

  /// - Parameter name: The file, for messages.
  /// - Throws: ``UserError`` where no line says how large the pool is.
  /// - Complexity: O(bytes).
  package init(_ text: String, name: String) throws(UserError) {
    self.name = name
    // A line end of two characters is one newline.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (index, line) in lines.enumerated() {
      for mark in Self.blockMarks {
        if let size = Self.number(after: mark, in: line) { Self.add(size, index + 1, to: &blocks) }
      }
      for mark in Self.tokenMarks {
        if let size = Self.number(after: mark, in: line) { Self.add(size, index + 1, to: &tokens) }
      }
      if let hundredths = Self.hundredths(after: "Available KV cache memory: ", in: line) {
        Self.add(hundredths, index + 1, to: &memory)
      }
    }
    guard blocks != nil || tokens != nil || memory != nil else {
      throw UserError(
        "\(name): no line says how large the KV cache is",
        hint: "vLLM writes `GPU KV cache size: 43,904 tokens` or `# GPU blocks: 2744` when it "
          + "starts; else give `--num-gpu-blocks-override`")
    }
  }

  private static func add(_ size: Int, _ line: Int, to sizes: inout Sizes?) {
    let found = Sizes(least: size, most: size, line: line)
    if sizes == nil { sizes = found } else { sizes?.add(found) }
  }

  /// Blocks of the pool, and what to tell users of how they were found.
  ///
  /// Blocks count as they are. Tokens are blocks where layers share one block table; those of several groups are not, so
  /// that bytes are taken there.
  ///
  /// - Parameter cache: What a sequence keeps in the pool.
  /// - Throws: ``UserError`` where lines contradict each other, what is said are no blocks, or not one is left.
  package func blocks(
    of cache: KVCacheSpec
  ) throws(UserError) -> (blocks: Int, warnings: [String]) {
    let sharesTokens = !cache.countsNullBlock
    if let blocks, let tokens, sharesTokens, tokens.least / cache.blockTokens != blocks.least {
      throw UserError(
        "\(name):\(tokens.line): the KV cache has \(tokens.least) tokens, but \(blocks.least) blocks "
          + "in line \(blocks.line)",
        hint: "cut the log to one start of the engine, or give `--num-gpu-blocks-override`")
    }
    if let blocks { return try pool(blocks.least, blocks, "\(blocks.least) blocks", cache) }
    if let tokens, sharesTokens {
      return try pool(
        tokens.least / cache.blockTokens, tokens, "\(tokens.least) tokens", cache)
    }
    if let memory {
      let gibibytes = Double(memory.least) / 100
      let bytes = gibibytes * Double(1 << 30)
      var (blocks, warnings) = try pool(
        Int(bytes) / cache.blockBytes, memory, "\(gibibytes) GiB", cache)
      let rounding = Int((0.005 * Double(1 << 30) / Double(cache.blockBytes)).rounded(.up))
      warnings.append(
        "\(name): \(gibibytes) GiB are rounded, so that blocks may be off by \(rounding)")
      return (blocks, warnings)
    }
    throw UserError(
      "\(name):\(tokens?.line ?? 0): the tokens of a model with several KV groups are no blocks",
      hint: "give a log with `Available KV cache memory`, the metric `vllm:cache_config_info`, or "
        + "`--num-gpu-blocks-override`")
  }

  private func pool(
    _ blocks: Int, _ sizes: Sizes, _ text: String, _ cache: KVCacheSpec
  ) throws(UserError) -> (blocks: Int, warnings: [String]) {
    guard blocks > 0 else {
      throw UserError(
        "\(name):\(sizes.line): a KV cache of \(text) holds no block of \(cache.blockTokens) tokens"
      )
    }
    guard sizes.most > sizes.least else { return (blocks, []) }
    return (
      blocks,
      [
        "\(name): ranks have KV caches of unlike size; the smallest counts, \(text) in line \(sizes.line)"
      ]
    )
  }

  /// The integer right behind `mark`, commas between its digits left out.
  private static func number(after mark: String, in line: Substring) -> Int? {
    guard let range = line.range(of: mark) else { return nil }
    let digits = line[range.upperBound...].prefix { $0.isASCII && $0.isNumber || $0 == "," }
    return Int(digits.filter { $0 != "," })
  }

  /// A number of GiB right behind `mark`, in hundredths.
  private static func hundredths(after mark: String, in line: Substring) -> Int? {
    guard let range = line.range(of: mark) else { return nil }
    let rest = line[range.upperBound...]
    let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    guard rest[digits.endIndex...].hasPrefix(" GiB"), let value = Double(digits), value < 1e6 else {
      return nil
    }
    return Int((value * 100).rounded())
  }
}
