import ArgumentParser
import CostModel
import Foundation
import Kernels
import Messages
import Results
import SimulationKernel
import Validation

/// `kvplan calibrate cpu`.
struct CalibrateCPUCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpu",
    abstract: "Measure this machine's processor and fit a cost profile.",
    discussion: """
      EXAMPLE
        kvplan calibrate cpu --model toy-1m --output profile.json
      """)

  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m`, `toy-100m` or `toy-opt-1m`.")
  var model = "toy-25m"

  @Option(help: "Profile to write.")
  var output: String

  @Option(help: "Clock: `wall`, or `processor` on a machine that others use.")
  var clock = Stopwatch.wall

  @Flag(help: "A third of the measurements.")
  var quick = false

  @Option(help: "Folder for the page on block sizes (default: not measured).")
  var report: String?

  func run() throws {
    let model = try ToyModels.find(model)
    // Better now than after some minutes of measuring.
    let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
    guard FileManager.default.isWritableFile(atPath: folder) else {
      throw UserError(
        "cannot write `\(output)`: `\(folder)` is not a folder that can be written to",
        hint: "make it first, or give another `--output`")
    }
    OpenBLAS.restartWithKnownCore()
    let serving = CPUServing(model)
    var calibration = CPUCalibration(serving, stopwatch: clock)
    let (profile, _) = calibration.run(
      samples: quick ? CPUCalibration.samples / 3 : CPUCalibration.samples
    ) {
      Terminal.progress($0, of: $1)
    }
    try write(try profile.encoded() + Data("\n".utf8), to: output)
    Terminal.write(
      "\(profile.samples) iterations measured, \(profile.heldOut) held out: mean error "
        + "\(Digits.fixed(profile.meanError * 100, decimals: 1)) %, p90 "
        + "\(Digits.fixed(profile.p90Error * 100, decimals: 1)) %\n")
    if let report { try writeReport(to: report) }
  }

  private func writeReport(to folder: String) throws {
    let model = try ToyModels.find(model)
    let points = BlockSizeStudy(model).run { Terminal.progress($0, of: $1) }
    let figure = BlockSizeFigure(points, model: model.name, machine: .current)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try write(Data(figure.csv.utf8), to: "\(folder)/block-size.csv")
    try write(Data(figure.svg.utf8), to: "\(folder)/block-size.svg")
    try write(Data(figure.page.utf8), to: "\(folder)/BLOCK_SIZE.md")
    Terminal.say("the page on block sizes is in `\(folder)`")
  }

  private func write(_ data: Data, to path: String) throws {
    try OutputFile.write(to: path) { append throws(UserError) in try append(Array(data)) }
  }
}

extension Stopwatch: ExpressibleByArgument {}

/// `kvplan validate cpu`.
struct ValidateCPUCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cpu",
    abstract: "Serve workloads for real, simulate the same, and print both.",
    discussion: """
      Exit status 1 if a generated token is not the one that the model generates alone.

      EXAMPLE
        kvplan validate cpu --profile profile.json --clock processor
      """)

  @Option(help: "Profile of `kvplan calibrate cpu` (default: measured anew before each repeat).")
  var profile: String?

  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m`, `toy-100m` or `toy-opt-1m`.")
  var model = "toy-25m"

  @Option(help: "Workloads, comma-separated (default: all).")
  var workloads = CPUWorkload.allCases.map(\.rawValue).joined(separator: ",")

  @Option(help: "Requests in each workload.")
  var requests = 48

  @Option(help: "Times that each workload is served.")
  var repeats = 1

  @Option(help: "Clock: `wall`, or `processor` on a machine that others use.")
  var clock = Stopwatch.wall

  @Option(help: "File for every iteration that was served, with its price (default: none).")
  var iterations: String?

  @Option(help: "What to print: `table` (medians of the repeats) or `csv` (each repeat).")
  var format = Format.table

  enum Format: String, CaseIterable, ExpressibleByArgument { case table, csv }

  func run() throws {
    for (flag, value) in [("--requests", requests), ("--repeats", repeats)] where value < 1 {
      throw UserError("`\(flag)` must be at least 1, found `\(value)`")
    }
    let model = try ToyModels.find(model)
    OpenBLAS.restartWithKnownCore()
    let workloads = try workloads.split(separator: ",").map { name in
      guard let workload = CPUWorkload(rawValue: String(name)) else {
        throw UserError.unknown(
          "workload", String(name), among: CPUWorkload.allCases.map(\.rawValue),
          listedBy: "kvplan validate cpu --help")
      }
      return workload
    }
    let serving = CPUServing(model)
    let given = try readProfile(model: model.name)
    if format == .csv {
      Terminal.write("workload,repeat,quantity,measured,simulated,relative_error\n")
    }
    var studies = workloads.map { (workload: $0, repeats: CPURepeats()) }
    for number in 1...repeats {
      let profile = given ?? measuredProfile(serving)
      for index in studies.indices {
        let comparison = try serving.compare(
          studies[index].workload, requests: requests, profile: profile,
          pacing: clock == .wall ? .wallClock : .processorTime)
        studies[index].repeats.append(comparison)
        if format == .csv { Terminal.write(csv(comparison, number)) }
        Terminal.progress((number - 1) * studies.count + index + 1, of: repeats * studies.count)
      }
    }
    if format == .table {
      for study in studies { Terminal.write(table(study.workload, study.repeats)) }
    }
    if let iterations { try write(studies.map(\.repeats), to: iterations) }
    let comparisons = studies.flatMap(\.repeats.comparisons)
    if comparisons.contains(where: { $0.differing > 0 }) { ExitStatus.no.exit() }
  }

  private func readProfile(model: String) throws -> CPUProfile? {
    guard let profile else { return nil }
    guard let data = FileManager.default.contents(atPath: profile) else {
      throw UserError("cannot read `\(profile)`")
    }
    let read = try CPUProfile.decode(data, path: profile)
    Terminal.warn(try read.warnings(for: model, on: .current))
    return read
  }

  private func measuredProfile(_ serving: CPUServing) -> CPUProfile {
    var calibration = CPUCalibration(serving, stopwatch: clock)
    return calibration.run(samples: CPUCalibration.samples) { Terminal.progress($0, of: $1) }
      .profile
  }

  private func text(_ value: Double) -> String { Digits.fixed(value, decimals: 3) }

  private func percent(_ share: Double) -> String { Digits.fixed(share * 100, decimals: 1) }

  private func csv(_ comparison: CPUComparison, _ number: Int) -> String {
    comparison.rows.map { row in
      "\(comparison.workload.rawValue),\(number),\"\(row.name)\",\(text(row.measured)),"
        + "\(text(row.simulated)),\(row.error.map(text) ?? "")\n"
    }.joined()
  }

  /// Medians of the repeats with the quartiles of the error, and how noisy the measurement itself is.
  private func table(_ workload: CPUWorkload, _ repeats: CPURepeats) -> String {
    var table = TextTable([
      .init(workload.rawValue, .left), .init("measured"), .init("simulated"), .init("error %"),
      .init("quartiles %"), .init("noise %"),
    ])
    table.rows = repeats.rows.map { row in
      [
        row.name, text(row.measured), text(row.simulated),
        row.error.map { percent($0.median) } ?? "",
        row.error.map { "\(percent($0.lowerQuartile)) to \(percent($0.upperQuartile))" } ?? "",
        row.noise.map(percent) ?? "",
      ]
    }
    let sequences = repeats.comparisons.reduce(0) { $0 + $1.sequences }
    let differing = repeats.comparisons.reduce(0) { $0 + $1.differing }
    return table.rendered(maxWidth: Terminal.width)
      + "\(sequences - differing) of \(sequences) sequences as generated alone\n\n"
  }

  private func write(_ repeats: [CPURepeats], to path: String) throws {
    var lines =
      "workload,repeat,prefill_tokens,decode_sequences,decode_context_tokens,shared_context_tokens,"
      + "sampled_sequences,copied_blocks,swapped_blocks,measured_us,priced_us\n"
    for repeats in repeats {
      for (number, comparison) in repeats.comparisons.enumerated() {
        for (iteration, measured, priced) in comparison.iterations {
          let work = iteration.work
          lines +=
            "\(comparison.workload.rawValue),\(number + 1),"
            + "\(work.batchedTokens - work.decodeSequences),\(work.decodeSequences),"
            + "\(work.decodeContextTokens),\(iteration.sharedContextTokens),"
            + "\(work.sampledSequences),\(work.copiedBlocks),"
            + "\(work.swappedInBlocks + work.swappedOutBlocks),"
            + "\(Int(measured * 1e6)),\(Int(priced * 1e6))\n"
        }
      }
    }
    try OutputFile.write(to: path) { append throws(UserError) in try append(Array(lines.utf8)) }
  }
}
