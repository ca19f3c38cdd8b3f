import Messages
import Serving
import SimulationKernel
import Workload

/// The format of the vLLM 0.2 goldens: `vllm-golden/1` with the target `v0`.
struct VLLM02Golden {
  static let format = "vllm-golden/1"
  static let target = "v0"

  private static let headerFields: Set<String> = [
    "type", "format", "target", "case", "engine", "engine_version", "policy", "block_size",
    "num_gpu_blocks", "num_cpu_blocks", "max_num_seqs", "max_num_batched_tokens", "max_model_len",
    "max_paddings", "watermark", "watermark_blocks", "prompt_limit", "prefix_caching",
    "chunked_prefill", "preemption", "note",
  ]
  private static let requestFields: Set<String> = [
    "type", "id", "arrival_step", "prompt_tokens", "output_tokens", "n", "beam_width",
  ]

  let name: String
  let settings: EngineSettings
  let watermarkBlocks: Int
  /// By arrival; requests of one step in the order of the file. Steps stand in for nanoseconds.
  let requests: [Request]
  /// What the golden calls each request.
  let names: [String]
  let sampleTargets: [RequestID: [Int32]]
  let steps: [GoldenRecord]
  let summary: GoldenRecord

  /// Some request searches beams: then the numbers of forked sequences depend on model scores.
  var hasBeams: Bool { requests.contains { $0.beamWidth > 0 } }

  init(_ golden: GoldenFile) throws {
    let header = golden.header
    try header.requireOnly(Self.headerFields)
    let version = try header.string("engine_version")
    name = try "\(version)/" + header.string("case")
    settings = try Self.settings(header)
    watermarkBlocks = try header.count("watermark_blocks", atLeast: 0)
    let sections = try Self.sections(golden)
    let arrivals = try sections.requests.map { try Self.request($0) }
    let order = arrivals.indices.sorted {
      (arrivals[$0].request.arrival, $0) < (arrivals[$1].request.arrival, $1)
    }
    requests = order.map { arrivals[$0].request }
    names = try order.map { try sections.requests[$0].string("id") }
    var targets: [RequestID: [Int32]] = [:]
    for (id, index) in order.enumerated() { targets[RequestID(id)] = arrivals[index].targets }
    sampleTargets = targets
    steps = sections.steps
    summary = sections.summary
    try Self.requireDistinct(sections.requests)
  }

  // MARK: The header

  private static func settings(_ header: GoldenRecord) throws -> EngineSettings {
    for (field, wanted) in [("engine", "vllm"), ("policy", "fcfs")]
    where try header.string(field) != wanted {
      throw header.failure("unknown `\(field)` `\(try header.string(field))`, expected `\(wanted)`")
    }
    for field in ["prefix_caching", "chunked_prefill"] where try header.boolean(field) {
      throw header.failure("vLLM 0.2 has no `\(field)`")
    }
    func positive(_ field: String) throws -> Int { try header.count(field, atLeast: 1) }
    var settings = EngineSettings(
      blockSize: try positive("block_size"), deviceBlocks: try positive("num_gpu_blocks"),
      hostBlocks: try header.count("num_cpu_blocks", atLeast: 0),
      maxSequences: try positive("max_num_seqs"),
      maxBatchedTokens: try positive("max_num_batched_tokens"),
      maxModelLength: try positive("max_model_len"))
    settings.vllm02 = try options(header)
    settings.repeatsEngineDefects = true
    let limit = min(settings.maxModelLength, settings.maxBatchedTokens)
    guard try header.integer("prompt_limit") == limit else {
      throw header.failure(
        "`prompt_limit` is \(try header.integer("prompt_limit")), but the smaller of "
          + "`max_model_len` and `max_num_batched_tokens` is \(limit)")
    }
    return settings
  }

  private static func options(_ header: GoldenRecord) throws -> VLLM02Options {
    let version = try header.string("engine_version")
    guard let release = VLLM02Release(rawValue: version) else {
      let known = VLLM02Release.allCases.map { "`\($0.rawValue)`" }.joined(separator: " and ")
      throw header.failure("unknown `engine_version` `\(version)`; \(known) are known")
    }
    var options = VLLM02Options(release)
    switch release {
    case .v020:
      if header.has("max_paddings") { throw header.failure("vLLM 0.2.0 has no `max_paddings`") }
    case .v027:
      let maxPaddings = try header.count("max_paddings", atLeast: 0)
      options.promptBudget = .padded(maxPaddings: maxPaddings)
    }
    return options
  }

  // MARK: The records

  /// Sorts the records by what they are: requests, then steps, then one summary.
  private static func sections(
    _ golden: GoldenFile
  ) throws -> (requests: [GoldenRecord], steps: [GoldenRecord], summary: GoldenRecord) {
    var requests: [GoldenRecord] = []
    var steps: [GoldenRecord] = []
    var summary: GoldenRecord?
    for record in golden.records.dropFirst() {
      let type = try record.string("type")
      if let summary {
        throw record.failure("a `\(type)` after the summary in line \(summary.line)")
      }
      switch type {
      case "request":
        if let step = steps.first {
          throw record.failure("a `request` after the first step in line \(step.line)")
        }
        requests.append(record)
      case "step":
        try requireLater(record, than: steps.last)
        steps.append(record)
      case "summary": summary = record
      default: throw record.failure("unknown record type `\(type)`")
      }
    }
    guard let summary else {
      let line = golden.records.last?.line ?? 1
      throw UserError("\(golden.name):\(line): the golden ends without a `summary` record")
    }
    return (requests, steps, summary)
  }

  private static func requireLater(_ record: GoldenRecord, than last: GoldenRecord?) throws {
    guard let last else { return }
    let times = (try last.integer("t"), try record.integer("t"))
    guard times.0 < times.1 else {
      throw record.failure(
        "step t = \(times.1) out of order, line \(last.line) has t = \(times.0)")
    }
    if last.has("error") { throw record.failure("a `step` after the error in line \(last.line)") }
  }

  private static func requireDistinct(_ records: [GoldenRecord]) throws {
    var seen: Set<String> = []
    for record in records where !seen.insert(try record.string("id")).inserted {
      throw record.failure("a second request `\(try record.string("id"))`")
    }
  }

  private static func request(
    _ record: GoldenRecord
  ) throws -> (request: Request, targets: [Int32]?) {
    try record.requireOnly(requestFields)
    func positive(_ field: String) throws -> Int32 {
      Int32(try record.count(field, atLeast: 1))
    }
    let samples = record.has("n") ? try positive("n") : 1
    let width = record.has("beam_width") ? try positive("beam_width") : 0
    guard samples == 1 || width == 0 else {
      throw record.failure("a request has `n` or `beam_width`, not both")
    }
    var targets: [Int32]?
    if record.fields["output_tokens"] is [Any] {
      let list = try record.integers("output_tokens").map {
        Int32(try record.checked($0, "output_tokens", atLeast: 1))
      }
      guard list.count == Int(samples), width == 0 else {
        throw record.failure("\(list.count) `output_tokens` for \(max(samples, width)) sequences")
      }
      targets = list
    }
    let output = try targets?.max() ?? positive("output_tokens")
    let arrival = try record.count("arrival_step", atLeast: 0)
    let request = Request(
      arrival: SimInstant(nanoseconds: Int64(arrival)),
      promptTokens: try positive("prompt_tokens"), outputTokens: output, samples: samples,
      beamWidth: width)
    return (request, targets)
  }
}
