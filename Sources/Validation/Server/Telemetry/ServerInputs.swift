import Foundation
import Messages
import Planning
import TraceFiles

/// What people have of a server: results of load generators, pages of its metrics, and its log.
package struct ServerInputs {
  package var runs: [ServerRun] = []
  /// Whose metrics or log were read, and in which file; `nil` where results are all.
  package var engine: (engine: ServerEngine, file: String)?
  /// What is to be said of them.
  package var notes: [String] = []

  /// As servers call their models, once each, and the first file that says so.
  package var models: [(name: String, file: String)] {
    var models: [(name: String, file: String)] = []
    for (name, file) in runs.map({ ($0.model, $0.name) }) + pageModels {
      if let name, !models.contains(where: { $0.name == name }) { models.append((name, file)) }
    }
    return models
  }
  /// Those of metrics pages.
  var pageModels: [(String?, String)] = []

  /// - Throws: ``UserError`` for metrics or a log of another engine than the system has the rules of.
  package func requireEngine(of system: String) throws(UserError) {
    guard let engine, !engine.engine.isSimulated(by: system) else { return }
    throw UserError(
      "`\(engine.file)` is of \(engine.engine.title), `--system` is `\(system)`",
      hint: "give the system of the server that was measured; `kvplan catalog systems` lists them")
  }
}

extension ServerRunReading {
  /// Reads files of one server: each result is a run; without results each pair of metrics pages is one, or a log. Beside
  /// results, pages and logs are held against them.
  ///
  /// - Throws: ``UserError`` for files that cannot be read, that are of several servers, and that contradict each other.
  package func inputs(paths: [String]) throws -> ServerInputs {
    var inputs = ServerInputs()
    var pages: [MetricsPage] = []
    var logs: [ServingLog] = []
    for path in paths {
      let file = try UnpackedFile(path: path)
      if let mistake = file.mistake { throw UserError("\(path): \(mistake.rawValue)") }
      let name = URL(filePath: path).lastPathComponent
      let text = String(decoding: file.bytes, as: UTF8.self)
      let head = text.drop(while: \.isWhitespace)
      if head.first != "{", ServingLog.isLog(text) {
        logs.append(try ServingLog(text, name: name))
      } else if MetricsPage.isPage(head) {
        pages.append(try MetricsPage(text, name: name))
      } else {
        inputs.runs += try runs(path: path, file.bytes)
      }
    }
    try Self.requireOneEngine(pages, logs, &inputs)
    inputs.pageModels = pages.map { ($0.model, $0.name) }
    let windows = try Self.windows(pages)
    for window in windows { inputs.notes += Self.notes(window) }
    if inputs.runs.isEmpty {
      inputs.runs = try windows.map { try run($0) }
    } else {
      for window in windows { try window.requireRun(inputs.runs) }
    }
    for log in logs { inputs.notes.append(log.summary) }
    if inputs.runs.isEmpty {
      inputs.runs = try logs.map { try run($0) }
    } else {
      for log in logs { try log.requireRuns(inputs.runs) }
    }
    attach(logs, &inputs)
    return inputs
  }

  private static func requireOneEngine(
    _ pages: [MetricsPage], _ logs: [ServingLog], _ inputs: inout ServerInputs
  ) throws(UserError) {
    for (engine, file) in pages.map({ ($0.engine, $0.name) }) + logs.map({ ($0.engine, $0.name) }) {
      if let first = inputs.engine, first.engine != engine {
        throw UserError(
          "`\(first.file)` is of \(first.engine.title), `\(file)` of \(engine.title)",
          hint: "give files of one server")
      }
      inputs.engine = inputs.engine ?? (engine, file)
    }
  }

  /// Each page with the one before it; one alone counts from the start of the server.
  private static func windows(_ pages: [MetricsPage]) throws(UserError) -> [MetricsWindow] {
    if pages.count == 1 { return [try MetricsWindow(before: nil, after: pages[0])] }
    var windows: [MetricsWindow] = []
    for (before, after) in zip(pages, pages.dropFirst()) {
      windows.append(try MetricsWindow(before: before, after: after))
    }
    return windows
  }

  private static func notes(_ window: MetricsWindow) -> [String] {
    var notes: [String] = []
    if window.before == nil {
      notes.append(
        "\(window.name): counted since the server started, warm-up included; a page from before the run, "
          + "given before it, leaves that out")
    }
    let ranks = window.after.ranks
    if ranks.count > 1 {
      notes.append(
        "\(window.name): \(ranks.count) engines are counted together (`engine` \(ranks.joined(separator: ", "))); the "
          + "simulation is of one, unless `--data-parallel-size \(ranks.count)` says so: else give the lines of one "
          + "engine, and its share of the clients")
    }
    let lacking = [
      ("TTFT", window.ttft), ("TPOT", window.tpot), ("end-to-end latency", window.e2e),
    ]
    .filter { $0.1 == nil }.map(\.0)
    if !lacking.isEmpty { notes.append("\(window.name): no \(lacking.joined(separator: ", no "))") }
    notes.append(
      "\(window.name): latencies by the server's clock; what passes between it and a client is not in them"
    )
    return notes
  }

  // MARK: Runs

  /// A number that the user says in place of a name (`--columns max_concurrency=64`).
  func given(_ name: String) -> Double? { columns[name].flatMap { Double($0) } }

  /// How requests came, which neither metrics nor logs say.
  private func load(
    _ name: String, rate: Double?
  ) throws(UserError) -> (clients: Int?, rate: Double) {
    let clients: Int? =
      if let value = given("max_concurrency") { try clientCount(name, value) } else { nil }
    guard let rate = given("request_rate") ?? (clients == nil ? rate : .infinity) else {
      throw UserError(
        "\(name): how requests came is not known",
        hint:
          "add `--columns max_concurrency=64` for so many clients, `request_rate=5`, or `duration=60` for "
          + "requests at random times over so many seconds")
    }
    return (clients, rate)
  }

  private func run(_ window: MetricsWindow) throws -> ServerRun {
    let seconds = given("duration") ?? window.seconds
    var measured: [ServerRun.Quantity: Double] = [:]
    measured[.ttft] = window.ttft
    measured[.tpot] = window.tpot
    measured[.e2e] = window.e2e
    measured[.throughput] = seconds.map { window.finished / $0 }
    let load = try load(window.name, rate: measured[.throughput])
    return try run(
      window.name,
      try drawn(window.name, window.finished, window.promptTokens, window.outputTokens),
      rate: load.rate, clients: load.clients, starts: nil, measured)
  }

  private func run(_ log: ServingLog) throws -> ServerRun {
    guard let inputs = given("mean_input_tokens"), let outputs = given("mean_output_tokens") else {
      throw UserError(
        "\(log.name): a log has no lengths of requests",
        hint: "give a result or metrics pages of the run beside it, or "
          + "`--columns mean_input_tokens=1024,mean_output_tokens=128,max_concurrency=64`")
    }
    guard let count = given("completed") ?? log.tokens.map({ ($0.count / outputs).rounded() }),
      count >= 1
    else {
      throw UserError(
        "\(log.name): a log does not say how many requests were answered",
        hint: "add `completed=640` to `--columns`")
    }
    let rate = log.outputRate / outputs
    let load = try load(log.name, rate: rate)
    return try run(
      log.name, try drawn(log.name, count, inputs, outputs), rate: load.rate, clients: load.clients,
      starts: nil, [.throughput: rate])
  }

  /// What logs measure of a run, where it is known of which.
  private func attach(_ logs: [ServingLog], _ inputs: inout ServerInputs) {
    guard logs.count == 1, let log = logs.first, inputs.runs.count == 1 else {
      if !logs.isEmpty {
        inputs.notes.append(
          "requests that run and KV cache that is held are compared where there are one run and one log"
        )
      }
      return
    }
    inputs.runs[0].measured[.running] = log.running
    inputs.runs[0].measured[.kvUse] = log.kvUse.flatMap { $0 > 0 ? $0 : nil }
  }
}
