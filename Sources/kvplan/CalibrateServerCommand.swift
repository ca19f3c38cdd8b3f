import ArgumentParser
import CostModel
import Foundation
import Messages
import ModelFiles
import Planning
import Results
import Serving
import Validation

/// Results of load generators, and how they are read.
struct ServerResultOptions: ParsableArguments {
  @Argument(
    help: """
      Results: of `vllm bench serve --save-result` or SGLang's `bench_serving`, reports of GuideLLM, exports of \
      AIPerf, requests of LLMServingSim, or tables with a run a row. Pages of `/metrics` of vLLM or SGLang, before \
      and after a run, and logs of vLLM, SGLang or TensorRT-LLM: beside results to hold against them, else as a run.
      """)
  var results: [String]

  @Option(
    help: ArgumentHelp(
      "What stands in the file for a name that is read, `request_rate=requested_rps`, comma-separated; a number stands for itself, and says of metrics and logs what they lack.",
      valueName: "name=column"))
  var columns: String?

  @Option(
    help: """
      Where only mean lengths are known: lengths are drawn evenly within so much of them, as `0.1`.
      """)
  var lengthSpread = 0.0

  @Flag(help: "Requests at a rate came at even distances, not at random ones.")
  var evenArrivals = false

  @Option(
    help: ArgumentHelp(
      "Requests to score of results that hold single ones, `0-150` or `150-`; all are served.",
      valueName: "from-to"))
  var requests: String?

  @Option(
    help: ArgumentHelp(
      "Runs to take, counted from 1 over all files, `1,3-5`.", valueName: "numbers"))
  var runs: String?

  /// - Throws: ``UserError`` for what cannot be read, and for files of another engine than the system's.
  func read(of scenario: Scenario) throws -> [ServerRun] {
    guard (0..<1).contains(lengthSpread) else {
      throw UserError("`--length-spread` must lie in [0, 1), found `\(lengthSpread)`")
    }
    var reading = ServerRunReading()
    reading.lengthSpread = lengthSpread
    reading.evenArrivals = evenArrivals
    reading.columns = try mapping()
    let inputs = try reading.inputs(paths: results)
    try inputs.requireEngine(of: scenario.system.name)
    Terminal.warn(Self.otherModels(inputs, scenario.model))
    for note in inputs.notes { Terminal.say(note) }
    var all = inputs.runs
    if let runs { all = try RunNumbers(runs, of: all.count).indices.map { all[$0] } }
    guard let requests else { return all }
    return try all.map { try $0.scoring(try Self.range(requests, of: $0.spans.count)) }
  }

  /// Servers may call a model as they like: only names of other models that are known are said.
  private static func otherModels(_ inputs: ServerInputs, _ model: ModelSpec) -> [String] {
    inputs.models.compactMap { name, file in
      guard let known = try? ModelFile.named(name).model, known.name != model.name else {
        return nil
      }
      return "`\(file)` is of the model `\(name)`, `--model` is `\(model.name)`"
    }
  }

  private func mapping() throws -> [String: String] {
    var names: [String: String] = [:]
    for item in columns?.split(separator: ",") ?? [] {
      let words = item.split(separator: "=", maxSplits: 1).map(String.init)
      guard words.count == 2, names[words[0]] == nil else {
        throw UserError(
          "`--columns` must be NAME=COLUMN, each name once, found `\(item)`",
          hint: "such as `--columns request_rate=requested_rps,mean_output_tokens=64`")
      }
      names[words[0]] = words[1]
    }
    return names
  }

  private static func range(_ text: String, of count: Int) throws -> Range<Int> {
    let words = text.split(separator: "-", omittingEmptySubsequences: false)
    guard words.count == 2, let from = Int(words[0]), from >= 0,
      let to = words[1].isEmpty ? max(count, from + 1) : Int(words[1]), to > from
    else {
      throw UserError("`--requests` must be `0-150` or `150-`, found `\(text)`")
    }
    return from..<to
  }
}

/// Numbers of runs, from 1, singly and in ranges.
struct RunNumbers {
  var indices: [Int]

  /// - Throws: ``UserError`` for a number that is none of `count`.
  init(_ text: String, of count: Int) throws {
    indices = try text.split(separator: ",").flatMap { item in
      let ends = item.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
        1...count ~= first, 1...count ~= last, first <= last
      else {
        throw UserError("`--runs` must be numbers from 1 to \(count), as `1,3-5`, found `\(item)`")
      }
      return Array(first - 1...last - 1)
    }
  }
}

/// `kvplan calibrate server`.
struct CalibrateServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Fit what a server of your own adds to its kernels, from its benchmark results.",
    discussion: """
      Two to four residuals are fitted on top of the device's profile: the time of an iteration, of a \
      sequence, of an answer outside of the engine, and the scale of prompts; on a device without a profile \
      the scale of all kernels. Each run is also predicted by what the others teach: that is the error to \
      expect. The profile is taken by `--engine-overheads` of every command.

      EXAMPLE
        kvplan calibrate server c4.json c64.json --model gpt-oss-120b --device h200-sxm \\
          --engine-release 0.22 --name my-server --output my-server.json
        kvplan simulate traces/sharegpt.csv --model gpt-oss-120b --device h200-sxm \\
          --engine-overheads my-server.json --request-rate 5
      """)

  @OptionGroup var files: ServerResultOptions

  @Option(help: "Serving system; `kvplan catalog systems` lists them.")
  var system = ServingSystem.today.name

  @Option(help: "Name of the profile, which every result repeats.")
  var name: String

  @Option(help: "Profile to write (default: none, only the report).")
  var output: String?

  @OptionGroup var engine: EngineOptions

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    guard !name.isEmpty else {
      throw UserError("`--name` is empty", hint: "give the profile a name: results repeat it")
    }
    let scenario = try engine.scenario(
      system: try ServingSystem.find(system), requestRate: nil)
    let runs = try files.read(of: scenario)
    let calibration = ServerCalibration(scenario, runs: runs, name: name)
    let progress = ProgressLine(simulations: calibration.simulationsExpected)
    let answer = try calibration.run()
    progress.finish()
    if let output {
      try OutputFile.write(to: output) { append throws(UserError) in
        try append(answer.profile.file)
      }
    }
    Terminal.write(ServerTable(answer).rendered(format))
    for line in lines(answer) { Terminal.say(line) }
  }

  private func lines(_ answer: ServerCalibration.Answer) -> [String] {
    let residuals = answer.fitted.map {
      "\($0.rawValue) \(Digits.fixed($0.shown(in: answer.profile.residuals), decimals: 3))"
    }
    var lines = ["fitted: \(residuals.joined(separator: ", "))"]
    if answer.leftOut.isEmpty {
      lines.append(
        "with fewer than three runs none can be left out: the error elsewhere is not known")
    }
    if let clients = answer.nextClients {
      lines.append(
        "most would be learned from a run with about \(clients) requests in flight: "
          + "vllm bench serve … --max-concurrency \(clients) --num-prompts \(clients * 10)")
    }
    return lines
  }
}

/// `kvplan validate server`.
struct ValidateServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "server",
    abstract: "Hold predictions against benchmark results of a server of your own.",
    discussion: """
      Every run is simulated with its lengths, arrivals or clients; the settings are those of the server.

      EXAMPLE
        kvplan validate server c1.json c16.json --model gpt-oss-120b --device h200-sxm \\
          --engine-release 0.22 --engine-overheads my-server.json
      """)

  @OptionGroup var files: ServerResultOptions

  @Option(help: "Serving system; `kvplan catalog systems` lists them.")
  var system = ServingSystem.today.name

  @OptionGroup var engine: EngineOptions

  @Option(help: "What to print: `table`, `json` or `csv`.")
  var format = OutputFormat.table

  func run() throws {
    let scenario = try engine.scenario(
      system: try ServingSystem.find(system), requestRate: nil)
    let runs = try files.read(of: scenario)
    let predictions = try ServerCalibration.predictions(
      runs, by: scenario, prices: .shared(PreparedPrices()))
    Terminal.write(ServerTable(predictions).rendered(format))
  }
}

/// Predictions beside what was measured, a line a run and quantity.
struct ServerTable {
  private let predictions: [ServerCalibration.Prediction]
  private let before: [ServerCalibration.Prediction]
  private let leftOut: [ServerCalibration.Prediction]

  init(_ predictions: [ServerCalibration.Prediction]) {
    self.predictions = predictions
    before = []
    leftOut = []
  }

  init(_ answer: ServerCalibration.Answer) {
    predictions = answer.after
    before = answer.before
    leftOut = answer.leftOut
  }

  func rendered(_ format: OutputFormat) -> String {
    format == .table
      ? rows.rendered(.table) + "\n" + means.rendered(maxWidth: Terminal.width)
      : rows.rendered(format)
  }

  private var rows: CatalogTable {
    var columns: [(key: String, kind: CatalogTable.Kind)] = [
      ("run", .name), ("load", .name), ("quantity", .name), ("measured", .count),
      ("predicted", .count), ("error_percent", .count),
    ]
    if !before.isEmpty { columns.append(("error_without_fit_percent", .count)) }
    if !leftOut.isEmpty { columns.append(("error_left_out_percent", .count)) }
    var rows: [[String]] = []
    for index in predictions.indices {
      let prediction = predictions[index]
      for quantity in ServerRun.Quantity.allCases {
        guard let measured = prediction.run.measured[quantity],
          let predicted = prediction.values[quantity]
        else { continue }
        var row = [
          prediction.run.name, prediction.run.load, quantity.column,
          Digits.fixed(quantity.shown(measured), decimals: 3),
          Digits.fixed(quantity.shown(predicted), decimals: 3), percent(prediction.error(quantity)),
        ]
        if !before.isEmpty { row.append(percent(before[index].error(quantity))) }
        if !leftOut.isEmpty { row.append(percent(leftOut[index].error(quantity))) }
        rows.append(row)
      }
    }
    return CatalogTable(columns: columns, rows: rows)
  }

  private var means: TextTable {
    var table = TextTable([.init("mean |error| %", .left)])
    let sets = [("as fitted", predictions), ("without the fit", before), ("left out", leftOut)]
      .filter { !$0.1.isEmpty }
    for (name, _) in sets {
      table.columns.append(.init(before.isEmpty ? "predicted" : name))
    }
    for quantity in ServerRun.Quantity.allCases {
      let errors = sets.map { ServerCalibration.meanErrors($0.1)[quantity.column] }
      guard errors.contains(where: { $0 != nil }) else { continue }
      table.rows.append([quantity.column] + errors.map(percent))
    }
    return table
  }

  private func percent(_ error: Double?) -> String {
    error.map { Digits.fixed($0 * 100, decimals: 1) } ?? ""
  }
}
