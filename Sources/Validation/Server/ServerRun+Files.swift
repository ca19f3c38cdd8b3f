import Foundation
import Messages
import SimulationKernel
import TraceFiles
import Workload

/// How lengths and arrivals are made up where a result holds only their means.
package struct ServerRunReading: Sendable {
  /// Lengths are drawn evenly within so much of their mean, as a share; 0 for one length.
  package var lengthSpread = 0.0
  /// Whether requests at a rate come at even distances, and not at random ones.
  package var evenArrivals = false
  /// Names in the file for names that are read: `request_rate` ← `requested_rps`.
  package var columns: [String: String] = [:]

  package init() {}

  /// Reads the runs of a file, as ``runs(path:_:)``.
  package func runs(path: String) throws -> [ServerRun] {
    let file = try UnpackedFile(path: path)
    if let mistake = file.mistake { throw UserError("\(path): \(mistake.rawValue)") }
    return try runs(path: path, file.bytes)
  }

  /// Reads the runs of a file: a result of `vllm bench serve` or of SGLang's `bench_serving` (an object, or one a line), a
  /// report of GuideLLM, an export of AIPerf, its summary or genai-perf's, the requests of LLMServingSim or of
  /// `kvplan` itself, or a table with a run a row.
  ///
  /// - Throws: ``UserError`` that names the file and what is missing.
  func runs(path: String, _ bytes: [UInt8]) throws -> [ServerRun] {
    let first = bytes.first { !" \n\r\t".utf8.contains($0) }
    do {
      let runs =
        first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
        ? try jsonRuns(path, bytes) : try tableRuns(path)
      guard !runs.isEmpty else { throw UserError("\(path): no run of a server") }
      return runs
    } catch let error as UserError {
      // Our own requests have the columns of a trace as well.
      let isOwn = bytes.starts(with: "run,request,status,".utf8)
      throw isOwn ? error : ServerFile.mistaken(path, bytes) ?? error
    }
  }

  // MARK: JSON

  private func jsonRuns(_ path: String, _ bytes: [UInt8]) throws -> [ServerRun] {
    let objects = try JSONObjects(path: path, bytes: bytes).objects
    if let benchmarks = objects.first?["benchmarks"] as? [[String: Any]] {
      return try benchmarks.enumerated().map {
        try guideLLM(named(path, $0.offset, of: benchmarks.count), $0.element)
      }
    }
    if objects.first?["metrics"] is [String: Any] { return [try aiPerf(path, objects)] }
    if objects.first?["last_token_ts"] != nil { return [try requestTable(path)] }
    if objects.first?["experiments"] != nil {
      throw UserError(
        "\(path): genai-perf's raw export: it has no token counts",
        hint: "give `profile_export_genai_perf.json`, which genai-perf writes beside it")
    }
    return try objects.enumerated().map {
      let name = named(path, $0.offset, of: objects.count)
      return Self.isSummary($0.element)
        ? try summary(name, $0.element) : try bench(name, $0.element)
    }
  }

  func named(_ path: String, _ index: Int, of count: Int) -> String {
    let name = URL(filePath: path).lastPathComponent
    return count == 1 ? name : "\(name) #\(index + 1)"
  }

  /// A result of `vllm bench serve`, or of SGLang's `bench_serving`, which has the same keys but for a few.
  private func bench(_ name: String, _ object: [String: Any]) throws -> ServerRun {
    func number(_ keys: String...) -> Double? {
      for key in keys {
        if let value = object[columns[key] ?? key] as? NSNumber { return value.doubleValue }
        if let text = object[columns[key] ?? key] as? String, let value = Double(text) {
          return value
        }
      }
      return nil
    }
    guard let completed = number("completed", "num_prompts") else {
      throw UserError(
        "\(name): no result of a load generator: neither `completed` nor `num_prompts`",
        hint: "a result of `vllm bench serve --save-result` has them; \(found(object))")
    }
    guard completed >= 1 else {
      throw UserError(
        "\(name): \(plain(completed)) requests were completed: nothing was measured",
        hint: "leave the file out, or make the run again")
    }
    var measured: [ServerRun.Quantity: Double] = [:]
    measured[.throughput] = number("request_throughput")
    measured[.ttft] = number("mean_ttft_ms").map { $0 / 1e3 }
    measured[.tpot] = number("mean_tpot_ms").map { $0 / 1e3 }
    measured[.e2e] = number("mean_e2el_ms", "mean_e2e_latency_ms").map { $0 / 1e3 }
    let clients = try number("max_concurrency").map { try clientCount(name, $0) }
    let rate = number("request_rate") ?? .infinity
    let starts = (object["start_times"] as? [NSNumber])?.map(\.doubleValue)
    let requests: [Request]
    if let inputs = object["input_lens"] as? [NSNumber],
      let outputs = object["output_lens"] as? [NSNumber], inputs.count == outputs.count
    {
      requests = try zip(inputs, outputs).map { try request(name, $0.doubleValue, $1.doubleValue) }
    } else {
      guard let inputs = number("total_input_tokens", "input_tokens"),
        let outputs = number("total_output_tokens", "output_tokens")
      else {
        throw UserError(
          "\(name): no token counts: neither `total_input_tokens` and `total_output_tokens` nor `input_lens` "
            + "and `output_lens`",
          hint: "nothing can be said of a server without the lengths that it served")
      }
      requests = try drawn(name, completed, inputs / completed, outputs / completed)
    }
    var run = try run(
      name, requests, rate: rate, clients: clients,
      starts: starts.flatMap { $0.count == requests.count && clients == nil ? $0 : nil }, measured)
    run.model = object["model_id"] as? String
    return run
  }

  private func guideLLM(_ name: String, _ benchmark: [String: Any]) throws -> ServerRun {
    let served = (benchmark["requests"] as? [String: Any])?["successful"] as? [[String: Any]] ?? []
    let config = benchmark["config"] as? [String: Any]
    let kind = (config?["strategy"] as? [String: Any])?["type_"] as? String ?? ""
    var rows: [Recorded] = []
    for request in served {
      func number(_ keys: String...) -> Double? {
        keys.lazy.compactMap { (request[$0] as? NSNumber)?.doubleValue }.first
      }
      guard let start = number("request_start_time"), let end = number("request_end_time"),
        let first = number("time_to_first_token_ms"), let inputs = number("prompt_tokens"),
        let outputs = number("output_tokens")
      else { throw UserError("\(name): a request lacks its times or token counts") }
      rows.append((start, start + first / 1e3, end, inputs, outputs))
    }
    let isClosed = ["concurrent", "synchronous", "throughput"].contains(kind)
    return try recorded(name, rows, isClosed: isClosed)
  }

  private func aiPerf(_ path: String, _ objects: [[String: Any]]) throws -> ServerRun {
    let name = URL(filePath: path).lastPathComponent
    var rows: [Recorded] = []
    for (line, object) in objects.enumerated() {
      guard (object["error"] ?? NSNull()) is NSNull else { continue }
      let metrics = object["metrics"] as? [String: Any]
      func metric(_ key: String) -> Double? {
        ((metrics?[key] as? [String: Any])?["value"] as? NSNumber)?.doubleValue
      }
      let metadata = object["metadata"] as? [String: Any]
      guard let start = (metadata?["request_start_ns"] as? NSNumber)?.doubleValue,
        let first = metric("time_to_first_token"), let latency = metric("request_latency"),
        let inputs = metric("input_sequence_length"), let outputs = metric("output_sequence_length")
      else { throw UserError("\(name):\(line + 1): a request lacks its times or token counts") }
      let begin = start / 1e9
      rows.append((begin, begin + first / 1e3, begin + latency / 1e3, inputs, outputs))
    }
    return try recorded(name, rows, isClosed: false)
  }

  // MARK: Tables

  private func tableRuns(_ path: String) throws -> [ServerRun] {
    let table = try MeasurementTable(path: path)
    if table.has("last_token_s") || table.has("last_token_ts") { return [try requestTable(path)] }
    if table.has("first_scheduled_s") { return try ownRuns(path, table) }
    let name = URL(filePath: path).lastPathComponent
    return try (0..<table.rowCount).map { row in
      func number(_ keys: String..., scale: Double = 1) throws -> Double? {
        for key in keys {
          let column = columns[key] ?? key
          if table.has(column) {
            if let value = try table.optional(column, row) { return value * scale }
          } else if let value = Double(column) {
            return value * scale
          }
        }
        return nil
      }
      var measured: [ServerRun.Quantity: Double] = [:]
      measured[.throughput] = try number("request_throughput")
      for (quantity, key) in [
        (ServerRun.Quantity.ttft, "mean_ttft"), (.tpot, "mean_tpot"), (.e2e, "mean_e2el"),
      ] {
        measured[quantity] =
          try number("\(key)_ms", scale: 1e-3) ?? number("\(key)_s")
      }
      let completed = try number("completed", "num_prompts")
      let inputs =
        try number("mean_input_tokens")
        ?? completed.flatMap { count in try number("total_input_tokens").map { $0 / count } }
      let outputs =
        try number("mean_output_tokens")
        ?? completed.flatMap { count in try number("total_output_tokens").map { $0 / count } }
      guard let completed, completed >= 1, let inputs, let outputs else {
        throw UserError(
          "\(table.place(row)): no `completed` with `total_input_tokens` and `total_output_tokens`, or "
            + "`mean_input_tokens` and `mean_output_tokens`",
          hint:
            "the columns are \(table.columnNames.joined(separator: ", ")); say which stand for them: "
            + "`--columns completed=requests,mean_input_tokens=prompt_mean`; a number may stand for a column"
        )
      }
      let label = "\(name):\(table.line(row))"
      return try run(
        label, try drawn(label, completed, inputs, outputs),
        rate: try number("request_rate") ?? .infinity,
        clients: try number("max_concurrency").map { try clientCount(label, $0) }, starts: nil,
        measured)
    }
  }

  /// LLMServingSim's requests of a measured run, with the blocks that prompts share.
  private func requestTable(_ path: String) throws -> ServerRun {
    let replay = try RequestReplay(path: path)
    var run = try recorded(
      URL(filePath: path).lastPathComponent,
      zip(replay.served, replay.requests).map {
        ($0.arrival, $0.first, $0.last, Double($1.promptTokens), Double($1.outputTokens))
      }, isClosed: false)
    run.contents = replay.contents
    return run
  }

  // MARK: Made of either

  /// Seconds of a request's arrival, first and last token, and its tokens.
  typealias Recorded = (
    start: Double, first: Double, last: Double, inputs: Double, outputs: Double
  )

  /// Seconds since 1970 are told apart by less, and an answer of one token begins when it ends.
  private static let clockGrain = 1e-6

  func recorded(_ name: String, _ rows: [Recorded], isClosed: Bool) throws -> ServerRun {
    guard let begin = rows.map(\.start).min() else {
      throw UserError("\(name): no request was served")
    }
    let rows = rows.enumerated().sorted {
      ($0.element.start, $0.offset) < ($1.element.start, $1.offset)
    }.map(\.element)
    try requireSpan(name, (rows.last?.start ?? begin) - begin)
    let requests = try rows.map { try request(name, $0.inputs, $0.outputs) }
    var values = ServerRun.MeanValues()
    for (row, request) in zip(rows, requests) {
      guard row.start <= row.first, row.first <= row.last + Self.clockGrain else {
        throw UserError("\(name): a request ends before it begins")
      }
      values.add(
        arrival: row.start, first: row.first, last: row.last, tokens: Int(request.outputTokens))
    }
    try requirePositive(name, values.quantities)
    // Clients are as many as were ever served at once.
    var inFlight = 0
    var most = 0
    let edges = rows.flatMap { [($0.start, 1), ($0.last, -1)] }.sorted { $0 < $1 }
    for edge in edges {
      inFlight += edge.1
      most = max(most, inFlight)
    }
    var run = ServerRun(
      name: name,
      arrivals: isClosed ? .clients : .recorded(rows.map { $0.start - begin }),
      clients: isClosed ? most : nil,
      requests: requests,
      measured: values.quantities)
    run.spans = rows.map { .init(start: $0.start, first: $0.first, last: $0.last) }
    return run
  }

  func run(
    _ name: String, _ requests: [Request], rate: Double, clients: Int?, starts: [Double]?,
    _ measured: [ServerRun.Quantity: Double]
  ) throws -> ServerRun {
    guard !measured.isEmpty else {
      throw UserError(
        "\(name): nothing was measured: no \(ServerRun.Quantity.fitted.map { "`\($0.column)`" }.joined(separator: ", "))"
      )
    }
    try requirePositive(name, measured)
    guard rate > 0 else { throw UserError("\(name): `request_rate` \(rate) is not positive") }
    try requireSpan(name, rate.isFinite ? Double(requests.count) / rate : 0)
    try requireSpan(name, (starts?.max() ?? 0) - (starts?.min() ?? 0))
    let arrivals: ServerRun.Arrivals =
      if let starts, let begin = starts.min() {
        .recorded(starts.sorted().map { $0 - begin })
      } else if rate.isFinite {
        evenArrivals ? .constant(rate) : .poisson(rate)
      } else {
        .clients
      }
    return ServerRun(
      name: name, arrivals: arrivals, clients: clients, requests: requests, measured: measured)
  }

  private func requirePositive(
    _ name: String, _ measured: [ServerRun.Quantity: Double]
  ) throws(UserError) {
    for quantity in ServerRun.Quantity.allCases {
      guard let value = measured[quantity] else { continue }
      guard value.isFinite, value > 0 else {
        throw UserError(
          "\(name): the measured `\(quantity.column)` is not positive: \(quantity.shown(value))")
      }
      guard value > Self.measurable, value < 1 / Self.measurable else {
        throw UserError(
          "\(name): the measured `\(quantity.column)` is no server's: \(value) s or 1/s")
      }
    }
  }

  /// A picosecond, and as many requests in a second: errors of less or more have no percentage.
  private static let measurable = 1e-12

  private func request(_ name: String, _ inputs: Double, _ outputs: Double) throws -> Request {
    guard inputs >= 1, outputs >= 1, inputs < 1e8, outputs < 1e8 else {
      throw UserError("\(name): a request of \(inputs) and \(outputs) tokens")
    }
    return Request(promptTokens: Int32(inputs), outputTokens: Int32(outputs))
  }

  /// Three years: a clock of nanoseconds holds 292.
  private static let spanMost = 1e8

  /// - Throws: ``UserError`` for arrivals so far apart that they are no run.
  private func requireSpan(_ name: String, _ seconds: Double) throws(UserError) {
    guard seconds <= Self.spanMost else {
      throw UserError(
        "\(name): requests come over \(seconds) s, a run has at most \(Self.spanMost)")
    }
  }

  func clientCount(_ name: String, _ value: Double) throws(UserError) -> Int {
    guard value >= 1, value < 1e8 else {
      throw UserError("\(name): `max_concurrency` must be a number from 1 on, found \(value)")
    }
    return Int(value)
  }

  /// Requests of a mean length, or drawn around it.
  func drawn(
    _ name: String, _ count: Double, _ inputs: Double, _ outputs: Double
  ) throws -> [Request] {
    guard count < 1e8 else { throw UserError("\(name): \(count) requests are too many") }
    guard inputs >= 1, outputs >= 1, inputs < 1e8, outputs < 1e8 else {
      throw UserError("\(name): \(inputs) and \(outputs) tokens a request in the mean")
    }
    var draws = RandomStream(seed: 0, label: "lengths \(name)")
    func length(_ mean: Double) -> Int32 {
      let factor = lengthSpread == 0 ? 1 : 1 + lengthSpread * (2 * draws.uniform() - 1)
      return Int32(max(1, (mean * factor).rounded()))
    }
    return (0..<Int(count)).map { _ in
      Request(promptTokens: length(inputs), outputTokens: length(outputs))
    }
  }

  private func found(_ object: [String: Any]) -> String {
    object.isEmpty
      ? "it is empty" : "it has \(object.keys.sorted().prefix(12).joined(separator: ", "))"
  }
}
