import Foundation
import SimulationKernel

/// Whether the simulator did, step for step, what a recorded engine did.
package struct ConformanceReport: Equatable, Sendable {
  package enum Outcome: Equatable, Sendable {
    case passes
    case diverges(Divergence)
  }

  /// What a golden has many of.
  package enum Unit: String, Equatable, Sendable { case step, configuration }

  package var caseName: String
  /// Step records, or configurations, that were compared.
  package var steps: Int
  package var unit = Unit.step
  package var outcome: Outcome

  package var passes: Bool { outcome == .passes }

  /// The line that `kvplan conform` prints.
  package var line: String {
    switch outcome {
    case .passes: "PASS \(caseName) \(steps) \(unit.rawValue)s"
    case .diverges(let divergence):
      "DIVERGES \(caseName) \(unit.rawValue) \(divergence.step): \(divergence.field) "
        + "expected \(divergence.expected), got \(divergence.got)"
    }
  }
}

/// The first field in which a replay differs from its record.
package struct Divergence: Error, Equatable, Sendable {
  package var step: Int
  package var field: String
  package var expected: String
  package var got: String
}

/// Compares the fields of one record and stops at the first that differs.
struct StepComparison {
  let record: GoldenRecord
  let step: Int

  func compare<T: Equatable>(_ field: String, _ expected: T, _ got: T) throws {
    guard expected != got else { return }
    throw Divergence(
      step: step, field: field, expected: Self.text(expected), got: Self.text(got))
  }

  func integer(_ field: String, _ got: Int) throws {
    try compare(field, try record.integer(field), got)
  }

  func integers(_ field: String, _ got: [Int]) throws {
    try compare(field, try record.integers(field), got)
  }

  func lists(_ field: String, _ got: [[Int]]) throws {
    try compare(field, try record.integerLists(field), got)
  }

  /// Long values are cut, so that a line stays a line.
  private static func text(_ value: some Any) -> String {
    let text = "\(value)".replacingOccurrences(of: "\"", with: "")
    return text.count <= 200 ? text : text.prefix(200) + "…"
  }
}

/// Replays the golden of that path: a JSON list of sizing records, or a step trace.
///
/// - Throws: ``UserError`` for a golden that cannot be read or is of an unknown kind.
package func replay(path: String) throws -> ConformanceReport {
  try V1SizingGolden.recognizes(path: path)
    ? try V1SizingGolden(path: path).report() : try replay(try GoldenFile(path: path))
}

/// Replays one golden through the schedulers and memories that simulate.
///
/// - Throws: ``UserError`` for a golden that cannot be read or is of an unknown kind.
package func replay(_ golden: GoldenFile) throws -> ConformanceReport {
  let header = golden.header
  if HybridManagerReplay.recognizes(header) { return try HybridManagerReplay.run(golden) }
  if header.has("a_ns") { return try SOSP23Golden.replay(golden) }
  if try V1Golden.hasGroups(header) { return try V1Golden(golden).replay() }
  if header.has("format"), try header.string("format") == VLLM02Golden.format,
    try header.string("target") == VLLM02Golden.target
  {
    return try VLLM02Replay.run(golden)
  }
  if try V1Golden.recognizes(header) { return try V1Golden(golden).replay() }
  if try SGLangGolden.recognizes(header) { return try SGLangReplay.run(SGLangGolden(golden)) }
  throw header.failure("not a golden of a known engine")
}
