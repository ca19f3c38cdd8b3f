import Database
import Foundation
import Testing

@testable import Metrics
@testable import Results

/// `docs/SCHEMA.md` is held to the code, so that the page cannot promise other columns.
@Suite struct SchemaPageTests {
  private let page: String

  init() throws {
    let package = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    page = try String(contentsOf: package.appendingPathComponent("docs/SCHEMA.md"), encoding: .utf8)
  }

  /// The row of a column in the page.
  private func row(_ key: String, _ unit: String, _ meaning: String) -> String {
    "| `\(key)` | \(unit) | \(meaning) |"
  }

  @Test func thePageListsTheColumnsOfTheSummaryInOrder() {
    let rows = SummaryColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(rows.filter { !page.contains($0) } == [])
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageListsTheColumnsOfTheRequestsInOrder() {
    let rows = RequestColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(rows.filter { !page.contains($0) } == [])
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageListsTheColumnsOfTheHandOffsInOrder() {
    let rows = HandOffColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageListsTheColumnsOfTheReplicasInOrder() {
    let rows = ReplicaColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(rows.filter { !page.contains($0) } == [])
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageListsTheColumnsOfTheFailuresInOrder() {
    let rows = FailureColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageListsTheColumnsOfTheTiersInOrder() {
    let rows = TierColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(rows.filter { !page.contains($0) } == [])
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
    for own in [RequestColumn.tier, RequestColumn.disk] {
      #expect(page.contains(row(own.key, own.unit, own.meaning)))
    }
  }

  @Test func thePageListsTheColumnsOfTheTimelineInOrder() {
    let rows = TimelineColumn.all.map { row($0.key, $0.unit, $0.meaning) }
    #expect(rows.filter { !page.contains($0) } == [])
    #expect(page.ranges(of: rows.joined(separator: "\n")).count == 1)
  }

  @Test func thePageNamesEveryTableViewAndColumnOfTheDatabase() throws {
    let scratch = try ScratchFolder()
    try ResultDatabase.write(
      [Samples.fleetRun, Samples.handedOffRun], to: scratch.at("kvplan.sqlite"))
    let names = try DatabaseFile(scratch.at("kvplan.sqlite"), .reading).use { database in
      let rows = try database.rows(
        """
        SELECT tables.name, columns.name AS column
        FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type IN ('table', 'view')
        """)
      var names: [(table: String, column: String)] = []
      while let row = try rows.next() { names.append((row.text(0), row.text(1))) }
      return names
    }
    #expect(Set(names.map(\.table)).count == 12)
    let missing = names.filter {
      !page.contains("`\($0.table)`") || !page.contains("`\($0.column)`")
    }
    #expect(missing.map { "\($0.table).\($0.column)" } == [])
  }

  @Test func theQueriesOfThePageRun() throws {
    let scratch = try ScratchFolder()
    try ResultDatabase.write([Samples.run, Samples.otherRun], to: scratch.at("kvplan.sqlite"))
    let file = try DatabaseFile(scratch.at("kvplan.sqlite"), .reading)
    let queries = Self.queries(of: page)
    #expect(queries.count == 4)
    for query in queries {
      #expect(try file.use { try $0.rows(query).next() != nil }, "\(query)")
    }
  }

  /// Two seeds: means of 120.5 and 124.5 ms are 122.5 ± 12.706 · √8 ⁄ √2 ms.
  @Test func theQueriesOfTheAnalysisPageRun() throws {
    let scratch = try ScratchFolder()
    var (first, second) = (Samples.run, Samples.run)
    first.summary.provenance.seed = 0
    second.summary.provenance.seed = 1
    second.summary.ttft.mean = 124.5
    try ResultDatabase.write([first, second], to: scratch.at("kvplan.sqlite"))
    let file = try DatabaseFile(scratch.at("kvplan.sqlite"), .reading)
    let analysis = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/ANALYSIS.md")
    let queries = Self.queries(of: try String(contentsOf: analysis, encoding: .utf8))
    #expect(queries.count == 3)
    for query in queries {
      #expect(try file.use { try $0.rows(query).next() != nil }, "\(query)")
    }
    try file.use { database in
      let rows = try database.rows(queries[0])
      let row = try #require(try rows.next())
      #expect(row.real(3) == 122.5 && abs(row.real(4) - 25.412) < 1e-9)
    }
  }

  private static func queries(of page: String) -> [String] {
    page.components(separatedBy: "```sql\n").dropFirst()
      .map { String($0.prefix(upTo: $0.range(of: "```")!.lowerBound)) }
  }
}
