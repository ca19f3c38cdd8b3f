/// A count as vLLM reads it: `8192`, `32k` (32,000), `32K` (32,768), `25.6k` (25,600).
///
/// Small letters `k`, `m` and `g` are powers of 1,000, and take decimals, of which a part of one is cut off; `K`, `M` and
/// `G` are powers of 1,024, and take none.
///
/// - Source: `human_readable_int` in vLLM 0.11.0, `vllm/engine/arg_utils.py`.
package struct ReadableCount: Equatable, Sendable {
  package var value: Int

  /// `nil` for what is no count, and for one that is too large for 64 bits.
  package init?(_ text: String) {
    if let value = Int(text) {
      self.value = value
      return
    }
    guard let match = text.wholeMatch(of: /(\d+)(\.\d+)?([kmgKMG])/),
      let power = ["k": 1, "m": 2, "g": 3][match.3.lowercased()]
    else { return nil }
    let isBinary = match.3.first?.isUppercase == true
    let unit = (0..<power).reduce(1) { unit, _ in unit * (isBinary ? 1024 : 1000) }
    if let decimals = match.2 {
      guard !isBinary, let number = Double(match.1 + decimals),
        let value = Int(exactly: (number * Double(unit)).rounded(.towardZero))
      else { return nil }
      self.value = value
    } else {
      guard let (value, overflow) = Int(match.1)?.multipliedReportingOverflow(by: unit), !overflow
      else { return nil }
      self.value = value
    }
  }
}
