import ArgumentParser
import CostModel
import Foundation
import Kernels
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
        kvplan calibrate cpu --model toy-25m --output profile.json
      """)

  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m` or `toy-100m`.")
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
    OpenBLAS.restartWithKnownCore()
    let serving = CPUServing(model)
    var calibration = CPUCalibration(serving, stopwatch: clock)
    let (profile, _) = calibration.run(samples: quick ? 80 : 240) {
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

  @Option(help: "Profile of `kvplan calibrate cpu` (default: measure one first).")
  var profile: String?

  @Option(help: "Model that runs on the CPU: `toy-1m`, `toy-25m` or `toy-100m`.")
  var model = "toy-25m"

  @Option(help: "Workloads, comma-separated (default: all).")
  var workloads = CPUWorkload.allCases.map(\.rawValue).joined(separator: ",")

  @Option(help: "Requests in each workload.")
  var requests = 48

  @Option(help: "Times that each workload is served.")
  var repeats = 1

  @Option(help: "Clock: `wall`, or `processor` on a machine that others use.")
  var clock = Stopwatch.wall

  @Option(help: "What to print: `table` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    guard format != .json else { throw ValidationError("`validate cpu` prints `table` or `csv`") }
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
    let profile = try readProfile(serving)
    Terminal.warn(try profile.warnings(for: model.name, on: .current))
    if format == .csv {
      Terminal.write("workload,repeat,quantity,measured,simulated,relative_error\n")
    }
    var differing = 0
    for workload in workloads {
      for number in 1...max(1, repeats) {
        let comparison = try serving.compare(
          workload, requests: requests, profile: profile,
          pacing: clock == .wall ? .wallClock : .processorTime)
        differing += comparison.differing
        Terminal.write(rendered(comparison, number))
      }
    }
    if differing > 0 { ExitStatus.no.exit() }
  }

  private func readProfile(_ serving: CPUServing) throws -> CPUProfile {
    guard let profile else {
      var calibration = CPUCalibration(serving, stopwatch: clock)
      return calibration.run(samples: 240) { Terminal.progress($0, of: $1) }.profile
    }
    guard let data = FileManager.default.contents(atPath: profile) else {
      throw UserError("cannot read `\(profile)`")
    }
    return try CPUProfile.decode(data, path: profile)
  }

  private func rendered(_ comparison: CPUComparison, _ number: Int) -> String {
    func text(_ value: Double) -> String { Digits.fixed(value, decimals: 3) }
    let name = comparison.workload.rawValue
    guard format == .table else {
      return comparison.rows.map { row in
        "\(name),\(number),\"\(row.name)\",\(text(row.measured)),\(text(row.simulated)),"
          + "\(row.error.map(text) ?? "")\n"
      }.joined()
    }
    var table = TextTable([
      .init(name, .left), .init("measured"), .init("simulated"), .init("error %"),
    ])
    table.rows = comparison.rows.map { row in
      [
        row.name, text(row.measured), text(row.simulated),
        row.error.map { Digits.fixed($0 * 100, decimals: 1) } ?? "",
      ]
    }
    return table.rendered(maxWidth: Terminal.width)
      + "\(comparison.sequences - comparison.differing) of \(comparison.sequences) sequences as "
      + "generated alone\n\n"
  }
}
