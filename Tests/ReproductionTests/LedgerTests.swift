import Results
import Testing

@testable import Reproduction

/// The ledger of every engine, on a fifth of the protocol's time.
@Suite struct LedgerTests {
  private func rows() throws -> [String: [String: Double]] {
    var setting = try #require(PaperFigureTests.setting)
    setting.timeScale = 0.2
    let report = try LedgerReport.report(setting)
    #expect(report.figure?.svg().hasPrefix("<svg") == true && report.claims.isEmpty)
    let columns = report.data.columns.dropFirst()
    return Dictionary(
      uniqueKeysWithValues: report.data.rows.map { row in
        let numbers = row.dropFirst().map { Double($0)! }
        return (row[0], Dictionary(uniqueKeysWithValues: zip(columns, numbers)))
      })
  }

  /// Shares add up, and a reservation of the longest answer holds as many requests whether memory is paged or not.
  @Test func whatTheFigureSays() throws {
    let rows = try rows()
    #expect(rows.count == 13)
    let classes = ["token states", "reserved", "internal", "external", "cached", "free"]
    for (engine, row) in rows {
      let sum = classes.reduce(0) { $0 + (row[$1] ?? 0) }
      #expect(abs(sum - 100) < 0.04, "\(engine): \(sum)")
    }
    let paged = try #require(rows["TRT-LLM no evict no limit"])
    let contiguous = try #require(rows["Orca (Max)"])
    #expect(abs(paged["requests running"]! - contiguous["requests running"]!) < 0.5)
    #expect(abs(paged["internal"]! - contiguous["internal"]!) < 3)
    #expect(paged["external"] == 0 && paged["preemptions"] == 0)
    let most = try #require(rows["TRT-LLM max utilization"])
    #expect(most["token states"]! > 90 && most["preemptions"]! > 0)
    let batch = try #require(rows["TRT-LLM static batch"])
    #expect(batch["preemptions"] == 0 && batch["token states"]! < 50)
  }
}
