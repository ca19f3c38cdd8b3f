import Foundation
import GRDB
import Testing

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

  @Test func thePageNamesEveryTableViewAndColumnOfTheDatabase() throws {
    let scratch = try ScratchFolder()
    try ResultDatabase.write([Samples.run], to: scratch.at("kvplan.sqlite"))
    let queue = try DatabaseQueue(path: scratch.at("kvplan.sqlite"))
    let names = try queue.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT tables.name, columns.name AS column
          FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
          WHERE tables.type IN ('table', 'view')
          """
      ).map { (table: $0["name"] as String, column: $0["column"] as String) }
    }
    try queue.close()
    #expect(Set(names.map(\.table)).count == 7)
    let missing = names.filter {
      !page.contains("`\($0.table)`") || !page.contains("`\($0.column)`")
    }
    #expect(missing.map { "\($0.table).\($0.column)" } == [])
  }

  @Test func theQueriesOfThePageRun() throws {
    let scratch = try ScratchFolder()
    try ResultDatabase.write([Samples.run, Samples.otherRun], to: scratch.at("kvplan.sqlite"))
    let queue = try DatabaseQueue(path: scratch.at("kvplan.sqlite"))
    let blocks = page.components(separatedBy: "```sql\n").dropFirst()
    let queries = blocks.map { String($0.prefix(upTo: $0.range(of: "```")!.lowerBound)) }
    #expect(queries.count == 3)
    for query in queries {
      let rows = try queue.read { try Row.fetchAll($0, sql: query) }
      #expect(!rows.isEmpty, "\(query)")
    }
    try queue.close()
  }
}
