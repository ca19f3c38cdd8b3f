/// Seconds to compute the first tokens of a prompt, from the ends of equal chunks.
///
///     tokens    0            chunk          2 × chunk
///     seconds   |────────────|──────────────|         even within a chunk
package struct PrefillTable: Equatable, Sendable {
  package let chunkTokens: Int
  /// Seconds up to the end of so many chunks, from 0.
  package let ends: [Double]

  /// - Parameters:
  ///   - tokens: The longest prompt that it is asked for.
  ///   - seconds: What a chunk of ``chunkTokens`` behind `context` tokens takes.
  package init(
    chunkTokens: Int, upTo tokens: Int, _ seconds: (_ context: Int) -> Double
  ) {
    precondition(chunkTokens > 0, "PrefillTable: chunks of \(chunkTokens) tokens")
    self.chunkTokens = chunkTokens
    var ends = [0.0]
    for start in stride(from: 0, to: max(tokens, 1), by: chunkTokens) {
      ends.append(ends[ends.count - 1] + seconds(start))
    }
    self.ends = ends
  }

  package func seconds(_ tokens: Int) -> Double {
    let chunk = min(tokens / chunkTokens, ends.count - 2)
    let inside = Double(tokens - chunk * chunkTokens) / Double(chunkTokens)
    return ends[chunk] + inside * (ends[chunk + 1] - ends[chunk])
  }
}
