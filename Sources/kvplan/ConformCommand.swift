import ArgumentParser
import Conformance
import Foundation
import Messages
import Results

/// `kvplan conform`: the simulator against step traces recorded from real engines.
struct ConformCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conform",
    abstract: "Replay step traces recorded from real engines and compare every field.",
    discussion: """
      Exit status 0 if all pass, 1 if one diverges, 2 if one cannot be read.

      EXAMPLE
        kvplan conform Tests/Goldens
      """)

  @Argument(help: "Goldens (.jsonl, .json, .gz of either), folders of them, or patterns (`sg-0*`).")
  var paths: [String]

  @Option(help: "What to print: `table` (one line a file) or `json`.")
  var format = OutputFormat.table

  func validate() throws {
    guard format != .csv else { throw ValidationError("`conform` prints `table` or `json`") }
  }

  func run() throws {
    let reports = try files().map { path in
      let report = try replay(path: path)
      if format == .table { Terminal.write(report.line + "\n") }
      return report
    }
    let passed = reports.count { $0.passes }
    if format == .table {
      Terminal.write("\(passed) of \(reports.count) pass\n")
    } else {
      Terminal.write(json(reports))
    }
    if passed < reports.count { ExitStatus.no.exit() }
  }

  /// The files named, and those in the folders named, in order of name.
  private func files() throws -> [String] {
    let files = try paths.flatMap(Self.matches).flatMap { path -> [String] in
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        isFolder.boolValue
      else { return [path] }
      return try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
        .filter { name in
          [".jsonl", ".jsonl.gz", ".json", ".json.gz"].contains { name.hasSuffix($0) }
        }
        .map { "\(path)/\($0)" }
    }
    guard !files.isEmpty else {
      throw UserError(
        "no goldens in \(paths.map { "`\($0)`" }.joined(separator: ", "))",
        hint: "goldens are named `*.jsonl` or `*.json`, or `*.gz` of these")
    }
    return files
  }

  /// What a pattern stands for, in order of name; a path that exists stands for itself, as does one that matches nothing.
  private static func matches(_ path: String) -> [String] {
    guard !FileManager.default.fileExists(atPath: path) else { return [path] }
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(path, 0, nil, &found) == 0 else { return [path] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
  }

  private func json(_ reports: [ConformanceReport]) -> String {
    let cases = reports.map { report -> JSONValue in
      var members: [JSONValue.Member] = [
        .init("case", .text(report.caseName)), .init("passes", .boolean(report.passes)),
        .init("steps", .integer(report.steps)),
      ]
      if case .diverges(let divergence) = report.outcome {
        members += [
          .init("step", .integer(divergence.step)), .init("field", .text(divergence.field)),
          .init("expected", .text(divergence.expected)), .init("got", .text(divergence.got)),
        ]
      }
      return .object(members)
    }
    let passed = reports.count { $0.passes }
    let summary: [JSONValue.Member] = [
      .init("cases", .array(cases)), .init("passed", .integer(passed)),
      .init("total", .integer(reports.count)),
    ]
    return JSONValue.object(summary).recorded.indented + "\n"
  }
}
