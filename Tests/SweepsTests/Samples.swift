import Foundation
import Messages
import Planning
import Results
import Testing

@testable import Sweeps

/// A folder of one test, with a small trace in it.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/kvplan-sweeps-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let rows = (0..<40).map { "\(20 + $0 * 7 % 90),\(5 + $0 * 11 % 60)\n" }
    try write("trace.csv", "prompt_tokens,output_tokens\n" + rows.joined())
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
  }

  func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
  }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  /// Writes a sweep file whose results go to the folder `output`, and reads it.
  func plan(
    _ fields: String = Samples.axes, name: String = "sample", output: String = "out"
  ) throws -> SweepPlan {
    let file = "\(output).yaml"
    try write(
      file, "sweep: \(name)\ntrace: trace.csv\noutput: \(output)\n\(Samples.whole(fields))\n")
    return try SweepPlan(path: "\(path)/\(file)", isConfirmed: false)
  }
}

enum Samples {
  /// 24 runs. Devices of 2023 have prices that take no time to prepare.
  static let axes = """
    base: {num-prompts: 20, device: a100-40gb@2023}
    axes: {system: [vllm-sosp23, vllm-v1], block-size: [8, 16], request-rate: [2, 20]}
    seeds: 3
    """

  /// The fields with OPT-13B and an A100 of 40 GB at the end of their base, where they name no other: every place in what
  /// was written stays where it is.
  static func whole(_ fields: String) -> String {
    let missing = ["model: opt-13b", "device: a100-40gb"].filter { setting in
      !fields.contains("\(setting.prefix { $0 != " " }) ")
    }.joined(separator: ", ")
    guard !missing.isEmpty else { return fields }
    guard let base = fields.firstRange(of: "base: {"),
      let end = fields[base.upperBound...].firstIndex(of: "}")
    else { return "\(fields)\nbase: {\(missing)}" }
    var fields = fields
    fields.insert(contentsOf: ", \(missing)", at: end)
    return fields
  }

  /// A sweep file read from text, with what `fields` says.
  static func file(_ fields: String) throws -> SweepFile {
    try SweepReader.read("sweep: s\ntrace: t.csv\noutput: o\n\(whole(fields))\n", path: "f.yaml")
  }

  /// The message, and the hint if there is one, of the mistake in `fields`; the first line of them is
  /// line 4.
  static func mistake(_ fields: String) -> String {
    do {
      _ = try file(fields)
      return "none"
    } catch let error as UserError {
      return error.message + (error.hint.map { " | \($0)" } ?? "")
    } catch {
      return "\(error)"
    }
  }
}

extension SweepPlan {
  /// Makes all runs of a shard.
  @discardableResult
  func run(
    _ shard: Shard = .whole, isStopped: () -> Bool = { false }
  ) throws -> SweepRunner.Outcome {
    try SweepRunner(self, shard: shard, jobs: 2, checkpointSeconds: 0).run(
      isStopped: isStopped, progress: { _ in })
  }

  func merge(takesOthers: Bool = false, skipsCorrupt: Bool = false) throws -> SweepMerge.Outcome {
    try SweepMerge(self, takesOthers: takesOthers, skipsCorrupt: skipsCorrupt).write()
  }
}
