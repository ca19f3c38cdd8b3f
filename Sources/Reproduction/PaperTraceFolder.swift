import Foundation
import Messages
import Planning
import TraceFiles
import Workload

/// The folder of length lists that the experiments draw from: `sharegpt.csv`, `alpaca.csv` and, for the
/// chatbot, `turns.csv`; each may be `.csv.gz`.
package struct PaperTraceFolder: Sendable {
  package let traces: PaperTraces
  /// Whether `sharegpt.csv` is the list that the artifact published, told by its means.
  package let hasOriginalShareGPT: Bool

  /// Reads the lists.
  ///
  /// - Throws: ``UserError`` where a list is missing or broken.
  package init(_ folder: String) throws {
    let sharegpt = try Self.required("sharegpt", in: folder)
    let alpaca = try Self.required("alpaca", in: folder)
    let turns = try Self.path("turns", in: folder).map { try TraceReader.read(path: $0).trace }
    traces = PaperTraces(sharegpt: sharegpt, alpaca: alpaca, turns: turns)
    let fitting = sharegpt.requests.filter { $0.promptTokens + $0.outputTokens <= 2048 }
    hasOriginalShareGPT = fitting.count == Self.originalCount
  }

  /// Pairs of at most 2,048 tokens in the artifact's list.
  private static let originalCount = 79_731

  private static func path(_ name: String, in folder: String) -> String? {
    ["csv", "csv.gz"].map { "\(folder)/\(name).\($0)" }
      .first { FileManager.default.fileExists(atPath: $0) }
  }

  private static func required(_ name: String, in folder: String) throws -> Trace {
    guard let path = path(name, in: folder) else {
      throw UserError(
        "no `\(name).csv` or `\(name).csv.gz` in `\(folder)`",
        hint: "give the folder of the length lists with `--trace-folder`")
    }
    return try TraceReader.read(path: path).trace
  }

  /// Where the lengths of ShareGPT come from, a sentence.
  package var shareGPTSource: String {
    hasOriginalShareGPT
      ? "ShareGPT: the artifact's own list of lengths."
      : "ShareGPT: the generated stand-in of `traces/`; the artifact's list is not in this "
        + "repository."
  }

  /// What a reader has to know about the lists, in a few sentences.
  package var preamble: [String] {
    [
      shareGPTSource,
      "Alpaca: \(traces.alpaca.requests.count) pairs, scaled or generated to the paper's means; the "
        + "paper's own list is not public.",
      traces.turns == nil
        ? "Chatbot: conversations made up of ShareGPT pairs."
        : "Chatbot: turns of real conversations.",
      "Prices: `a100-40gb@2023` and `a100-80gb@2023`, the same for every figure; "
        + "`docs/REPRODUCTION.md` derives them. The host's time per sequence is inferred from the "
        + "paper's vLLM batches in Figure 13, so those two numbers are no independent checks.",
    ]
  }
}
