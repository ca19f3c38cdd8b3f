import Foundation
import SimulationKernel
import Workload

/// Lengths of sentences to translate, prefix left out.
///
/// The paper translates the WMT16 test set from English to German, whose LLaMA token counts are not at
/// hand. Here the logarithms of both lengths are normal and tied: English 27 tokens in the mean, German
/// 40, an assumption from memory of such sets. Figure 16 compares two systems on the same sentences, so
/// that the ratio depends on it little; the absolute rates do depend on it.
enum TranslationLengths {
  static let englishTokensMean = 27.0
  static let germanTokensMean = 40.0
  /// Standard deviation of the logarithm of a length, and correlation of the two.
  private static let spread = 0.55
  private static let correlation = 0.9
  /// The ` =>` that ends a prompt.
  private static let arrowTokens = 2

  /// `count` requests; what the prefix does not fill of its last block is left to the caller, who knows
  /// the system.
  static func rows(count: Int, seed: UInt64) -> [Request] {
    var draws = RandomStream(seed: seed, label: "translation")
    return (0..<count).map { _ in
      let english = draws.normal()
      let german =
        correlation * english + (1 - correlation * correlation).squareRoot() * draws.normal()
      return Request(
        promptTokens: length(englishTokensMean, english) + Int32(arrowTokens),
        outputTokens: length(germanTokensMean, german))
    }
  }

  private static func length(_ mean: Double, _ z: Double) -> Int32 {
    let length = mean * exp(spread * z - spread * spread / 2)
    return Int32(max(1, min(500, length.rounded())))
  }
}
