import ArgumentParser
import CostModel
import Foundation
import Messages
import Results
import Validation

/// `kvplan calibrate`: measured kernels to a profile; from tables unless asked to measure this machine.
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Fit a profile to measured kernels, or to a server of your own.",
    subcommands: [
      CalibrateTablesCommand.self, CalibrateServerCommand.self, CalibrateCPUCommand.self,
      CalibrateLinkCommand.self,
    ],
    defaultSubcommand: CalibrateTablesCommand.self)
}

/// `kvplan calibrate [tables]`: measured kernels to a device profile, with its error.
struct CalibrateTablesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tables",
    abstract: "Fit a device profile to measured kernels and say how far it can be trusted.",
    discussion: """
      Errors are those on rows held out of the fit: a random fifth (interpolation), and the rows \
      in the largest fifth of the tokens or contexts measured (extrapolation).

      EXAMPLE
        kvplan calibrate --from kvplan measurements/ --device l40s --name my-l40s \\
          --output my-l40s.json
        kvplan simulate traces/sharegpt.csv --model llama-3.1-8b --device l40s \\
          --device-profile my-l40s.json --request-rate 5
      """)

  @Option(help: "Layout of the tables: `aiconfigurator`, `llmservingsim`, `vidur` or `kvplan`.")
  var from: KernelTables.Layout

  @Argument(help: "Folder with the tables.")
  var folder: String

  @Option(help: "Name of the profile, which every result repeats.")
  var name: String

  @Option(help: "Device that was measured (default: what the folder or its files are called).")
  var device: String?

  @Option(help: "Where the measurements are from, with version (default: the folder).")
  var source: String?

  @Option(help: "Profile to write (default: none, only the report).")
  var output: String?

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    guard !name.isEmpty else {
      throw UserError("`--name` is empty", hint: "give the profile a name: results repeat it")
    }
    let tables = try KernelTables(layout: from, folder: folder)
    Terminal.warn(tables.warnings)
    let device = try measuredDevice(tables)
    if let found = tables.deviceName.flatMap({ try? DeviceCatalogue.find($0) }),
      found.name != device.name
    {
      Terminal.warn([
        "the tables are called after `\(found.name)`, the profile is for `\(device.name)`"
      ])
    }
    let calibrator = Calibrator(device: device)
    var profile = DeviceProfile(
      name: name, device: device.name, source: source ?? "\(from.rawValue) tables in \(folder)",
      operators: [])
    var reports: [FormReport] = []
    for (index, rows) in tables.operators.enumerated() {
      Terminal.progress(index, of: tables.operators.count)
      let (fitted, report) = calibrator.calibrate(rows)
      profile.operators.append(fitted)
      reports += report
    }
    Terminal.progress(tables.operators.count, of: tables.operators.count)
    if let output { try ProfileFile.write(profile, to: output) }
    Terminal.write(CalibrationTable.rendered(reports, format))
    Terminal.say("\(profile.name) on \(device.name): \(profile.errorText)")
  }

  private func measuredDevice(_ tables: KernelTables) throws -> DeviceSpec {
    if let device { return try DeviceCatalogue.find(device) }
    guard let found = tables.deviceName else {
      throw UserError(
        "`\(folder)` does not tell which device was measured", hint: "give `--device`")
    }
    do {
      return try DeviceCatalogue.find(found)
    } catch let error as UserError {
      throw UserError(
        "\(error.message), which `\(folder)` is named after",
        hint: "give `--device`; `kvplan catalog devices` lists all")
    }
  }
}

extension KernelTables.Layout: ExpressibleByArgument {}

/// The report of a calibration: one line for each operator and form.
enum CalibrationTable {
  static func rendered(_ reports: [FormReport], _ format: OutputFormat) -> String {
    switch format {
    case .table: table(reports)
    case .csv: csv(reports)
    case .json: json(reports)
    }
  }

  private static let columns = [
    "operator", "rows", "form", "interpolation_mape", "extrapolation_mape", "median", "p99",
  ]

  private static func table(_ reports: [FormReport]) -> String {
    var table = TextTable([
      .init("operator", .left), .init("rows"), .init("form", .left), .init("interpolation %"),
      .init("extrapolation %"), .init("median %"), .init("p99 %"),
    ])
    func percent(_ value: Double?) -> String {
      value.map { Digits.fixed($0 * 100, decimals: 1) } ?? "–"
    }
    for report in reports {
      table.rows.append([
        report.op.name, "\(report.rows)", report.form.rawValue, percent(report.interpolationMAPE),
        percent(report.extrapolationMAPE), percent(report.median), percent(report.p99),
      ])
    }
    return table.rendered(maxWidth: Terminal.width)
  }

  private static func csv(_ reports: [FormReport]) -> String {
    func share(_ value: Double?) -> String { value.map { Digits.fixed($0, decimals: 5) } ?? "" }
    let lines = reports.map { report in
      [
        report.op.name, "\(report.rows)", report.form.rawValue, share(report.interpolationMAPE),
        share(report.extrapolationMAPE), share(report.median), share(report.p99),
      ].joined(separator: ",")
    }
    return ([columns.joined(separator: ",")] + lines).map { $0 + "\n" }.joined()
  }

  private static func json(_ reports: [FormReport]) -> String {
    func share(_ value: Double?) -> JSONValue { value.map { .real($0) } ?? .null }
    let objects = reports.map { report in
      JSONValue.object([
        .init("operator", .text(report.op.name)), .init("rows", .integer(report.rows)),
        .init("form", .text(report.form.rawValue)),
        .init("interpolation_mape", share(report.interpolationMAPE)),
        .init("extrapolation_mape", share(report.extrapolationMAPE)),
        .init("median", share(report.median)), .init("p99", share(report.p99)),
      ])
    }
    return JSONValue.array(objects).recorded.indented + "\n"
  }
}

/// Profiles as files.
enum ProfileFile {
  static func write(_ profile: DeviceProfile, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var bytes = Array(try encoder.encode(profile))
    bytes.append(UInt8(ascii: "\n"))
    try OutputFile.write(to: path) { append throws(UserError) in try append(bytes) }
  }

  /// - Throws: ``UserError`` for a file that cannot be read or is no profile of this version.
  static func read(_ path: String) throws -> DeviceProfile {
    try DeviceProfile.read(path: path)
  }
}
