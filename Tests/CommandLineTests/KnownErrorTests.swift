import CostModel
import Foundation
import Statistics
import Testing

/// The error that `catalog fit` states is the one that `validate kv` finds.
@Suite struct KnownErrorTests {
  private static let data = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "../shared/data").standardizedFileURL
  private static let logs = data.appending(path: "measured/kv_budget_logs.csv").path

  @Test(.enabled(if: FileManager.default.fileExists(atPath: logs)))
  func theCacheIsOffAsStated() throws {
    let run = try Tool.run([
      "validate", "kv", Self.logs, "--configurations",
      Self.data.appending(path: "model-configs").path, "--format", "csv",
    ])
    let rows = run.output.split(separator: "\n").map { $0.split(separator: ",") }
    #expect(rows[0].suffix(2) == ["error_without_source_percent", "scored"])
    // A name may hold a comma: columns count from the right.
    let errors = rows.filter { $0.last == "yes" }.compactMap { Double($0[$0.count - 2]).map(abs) }
    let known = VLLMMemory.KnownError.ofCache
    #expect(errors.count == known.logs)
    func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
    #expect(tenths(Quantile.median(ofSorted: errors.sorted())) == known.medianPercent)
    #expect(tenths(Quantile.linear(0.9, ofSorted: errors.sorted())) == known.percentile90)
  }
}
