import KVMemory
import Serving
import SimulationKernel
import Workload

/// What a memory has to show to be compared with a record of the SOSP'23 artifact.
protocol RecordedMemory: GroupMemory {
  /// The blocks that hold the first `length` tokens of a sequence.
  func recordedBlocks(of sequence: Int, length: Int) -> [BlockID]
  var freeDeviceBlocks: Int { get }
  /// Whether the artifact counts reserved and never-used slots for it.
  var countsReservation: Bool { get }
  var hasHost: Bool { get }
}

extension PagedMemory: RecordedMemory {
  func recordedBlocks(of sequence: Int, length: Int) -> [BlockID] {
    Array(tables.blocks(of: sequence))
  }
  var freeDeviceBlocks: Int { device.freeCount }
  var countsReservation: Bool { false }
  var hasHost: Bool { true }
}

extension OrcaMemory: RecordedMemory {
  func recordedBlocks(of sequence: Int, length: Int) -> [BlockID] {
    let count = (length + memory.blockSize - 1) / memory.blockSize
    return (0..<Int32(count)).map { memory[sequence].address + $0 }
  }
  var freeDeviceBlocks: Int { memory.buddies.freeCount }
  var countsReservation: Bool { true }
  /// The artifact's Orca has a host pool that nothing ever uses.
  var hasHost: Bool { false }
}

/// The format of the SOSP'23 goldens.
enum SOSP23Golden {
  static let headerFields: Set<String> = [
    "type", "block_size", "num_gpu_blocks", "num_cpu_blocks", "max_num_batched_tokens",
    "max_num_sequences", "a_ns", "b_ns", "c_ns", "beam_seed", "beam_q", "always_swap", "system",
    "case", "source", "num_requests", "watermark_blocks",
  ]
  static let requestFields: Set<String> = [
    "type", "id", "arrival_ns", "prompt", "output", "n", "beam",
  ]
  static let stepFields: Set<String> = [
    "type", "i", "t", "dt", "P", "D", "tok", "ctx", "pre", "sin", "cow", "forks", "R", "W", "S",
    "lb", "lt", "pb", "pt", "rsv", "int", "sl", "free", "freec", "crc", "fa", "fin",
  ]
  static let endFields: Set<String> = [
    "type", "end_ns", "finished", "deadlock", "mean_norm_latency_s", "recompute", "swap", "cow",
    "steps",
  ]
  /// The artifact's longest sequence, which sizes Orca's chunks.
  static let maxModelLength = 2048

  static func settings(_ header: GoldenRecord) throws -> EngineSettings {
    var settings = EngineSettings(
      blockSize: try header.count("block_size", atLeast: 1),
      deviceBlocks: try header.count("num_gpu_blocks", atLeast: 1),
      hostBlocks: try header.count("num_cpu_blocks", atLeast: 0),
      maxSequences: try header.count("max_num_sequences", atLeast: 1),
      maxBatchedTokens: try header.count("max_num_batched_tokens", atLeast: 1),
      maxModelLength: maxModelLength)
    let watermark = settings.deviceBlocks / 100
    // The Orcas have none.
    if header.has("watermark_blocks"), try header.integer("watermark_blocks") != watermark {
      throw header.failure(
        "`watermark_blocks` is \(try header.integer("watermark_blocks")), but 1 % of "
          + "\(settings.deviceBlocks) blocks are \(watermark)")
    }
    settings.preemptionMode = try header.boolean("always_swap") ? .swap : .automatic
    settings.repeatsEngineDefects = true
    return settings
  }

  static func requests(_ golden: GoldenFile) throws -> [Request] {
    let records = try golden.records.dropFirst().prefix { try $0.string("type") == "req" }
    guard try golden.header.integer("num_requests") == records.count else {
      throw golden.header.failure(
        "`num_requests` is \(try golden.header.integer("num_requests")), but \(records.count) follow"
      )
    }
    var last = 0
    return try records.enumerated().map { index, record in
      try record.requireOnly(requestFields)
      guard try record.integer("id") == index else {
        throw record.failure("request \(try record.integer("id")) out of order, expected \(index)")
      }
      let arrival = try record.integer("arrival_ns")
      guard arrival >= last else {
        throw record.failure("request \(index) arrives at \(arrival), the one before it at \(last)")
      }
      last = arrival
      let width = Int32(try record.count("n", atLeast: 1))
      let isBeam = try record.integer("beam") != 0
      return Request(
        arrival: SimInstant(nanoseconds: Int64(arrival)),
        promptTokens: Int32(try record.count("prompt", atLeast: 1)),
        outputTokens: Int32(try record.count("output", atLeast: 1)), samples: isBeam ? 1 : width,
        beamWidth: isBeam ? width : 0)
    }
  }

  /// Holds the records to their order: requests, steps numbered from 0, one end.
  static func requireOrder(_ golden: GoldenFile) throws {
    var steps = 0
    var end: GoldenRecord?
    for record in golden.records.dropFirst() {
      let type = try record.string("type")
      if let end { throw record.failure("a `\(type)` after the end in line \(end.line)") }
      switch type {
      case "req":
        guard steps == 0 else { throw record.failure("a `req` after the first step") }
      case "step":
        let index = try record.integer("i")
        guard index == steps else {
          throw record.failure("step \(index) out of order, expected \(steps)")
        }
        steps += 1
      case "end": end = record
      default: throw record.failure("unknown record type `\(type)`")
      }
    }
    guard end != nil else {
      throw golden.records[golden.records.count - 1].failure(
        "the golden ends without an `end` record")
    }
  }
}

extension SOSP23Golden {
  /// Replays a golden of any of the artifact's systems.
  static func replay(_ golden: GoldenFile) throws -> ConformanceReport {
    let header = golden.header
    try header.requireOnly(headerFields)
    try requireOrder(golden)
    let requests = try requests(golden)
    let settings = try settings(header)
    func orca(_ estimator: ReservationEstimator) throws -> ConformanceReport {
      let memory = OrcaMemory(settings, estimator: estimator)
      return try SOSP23Replay.run(golden, requests: requests, memory: memory)
    }
    switch try header.string("system") {
    case "astra":
      let memory = PagedMemory(sosp23: settings)
      return try SOSP23Replay.run(golden, requests: requests, memory: memory)
    case "orca-oracle": return try orca(.oracle)
    case "orca-power2": return try orca(.pow2)
    case "orca-constant": return try orca(.max)
    case let other: throw header.failure("unknown system `\(other)`")
    }
  }
}
