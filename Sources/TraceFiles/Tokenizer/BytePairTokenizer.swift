import Foundation
import SimulationKernel

/// Counts the tokens that a byte-level BPE tokenizer makes of a text, as GPT-2, OPT, Llama 3 and
/// Qwen have them.
///
/// Only counts: ids are not handed out, special tokens are neither added nor recognised, and a
/// normalizer other than NFC is refused.
///
/// - Source: Hugging Face `tokenizers`, model `BPE` with `ByteLevel`; Sennrich et al., "Neural
///   machine translation of rare words with subword units" (2016).
package struct BytePairTokenizer: Sendable {
  /// Two neighbouring tokens that may become one.
  struct Pair: Hashable, Sendable {
    var left: Int32
    var right: Int32
  }

  let split: WordSplit
  /// Whether text is composed (NFC) first.
  let composes: Bool
  /// Whether a word that is in the vocabulary is one token, whatever the merges say.
  let ignoresMerges: Bool
  /// The token of each byte.
  let bytes: [Int32]
  /// How early a pair merges, lowest first, and what it becomes.
  let merges: [Pair: (rank: Int32, token: Int32)]
  /// The words that are one token, by their bytes; empty unless ``ignoresMerges``.
  let words: Set<[UInt8]>

  /// The tokens of `text`, which is UTF-8.
  ///
  /// - Complexity: O(bytes), and for each new word of n bytes O(n) for every merge that it meets.
  func countTokens(in text: Span<UInt8>, scratch: inout TokenizerScratch) -> Int {
    scratch.take(text, composes: composes)
    var count = 0
    var start = 0
    let end = scratch.kinds.count
    while start < end {
      let next = split.endOfWord(from: start, scratch.kinds, scratch.ascii)
      count += scratch.tokens(of: start..<next) { countTokens(inWord: $0) }
      start = next
    }
    return count
  }

  /// The tokens of one word: while some neighbours may merge, all occurrences of the pair that
  /// merges earliest do, from left to right.
  private func countTokens(inWord word: [UInt8]) -> Int {
    if ignoresMerges, words.contains(word) { return 1 }
    var tokens = word.map { bytes[Int($0)] }
    while tokens.count > 1 {
      var best: (pair: Pair, rank: Int32, token: Int32)?
      for (left, right) in zip(tokens, tokens.dropFirst()) {
        let pair = Pair(left: left, right: right)
        if let merge = merges[pair], merge.rank < best?.rank ?? .max {
          best = (pair, merge.rank, merge.token)
        }
      }
      guard let best else { break }
      var kept = 0
      var index = 0
      while index < tokens.count {
        if index + 1 < tokens.count, tokens[index] == best.pair.left,
          tokens[index + 1] == best.pair.right
        {
          tokens[kept] = best.token
          index += 2
        } else {
          tokens[kept] = tokens[index]
          index += 1
        }
        kept += 1
      }
      tokens.removeLast(tokens.count - kept)
    }
    return tokens.count
  }
}
