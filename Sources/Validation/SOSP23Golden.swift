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
      blockSize: try header.integer("block_size"),
      deviceBlocks: try header.integer("num_gpu_blocks"),
      hostBlocks: try header.integer("num_cpu_blocks"),
      maxSequences: try header.integer("max_num_sequences"),
      maxBatchedTokens: try header.integer("max_num_batched_tokens"),
      maxModelLength: maxModelLength)
    settings.preemptionMode = try header.boolean("always_swap") ? .swap : .automatic
    settings.repeatsEngineDefects = true
    return settings
  }

  static func requests(_ golden: GoldenFile) throws -> [Request] {
    let records = try golden.records.dropFirst().prefix { try $0.string("type") == "req" }
    return try records.enumerated().map { index, record in
      try record.requireOnly(requestFields)
      guard try record.integer("id") == index else {
        throw record.failure("request \(try record.integer("id")) out of order, expected \(index)")
      }
      let width = Int32(try record.integer("n"))
      let isBeam = try record.integer("beam") != 0
      return Request(
        arrival: SimInstant(nanoseconds: Int64(try record.integer("arrival_ns"))),
        promptTokens: Int32(try record.integer("prompt")),
        outputTokens: Int32(try record.integer("output")), samples: isBeam ? 1 : width,
        beamWidth: isBeam ? width : 0)
    }
  }
}

extension SOSP23Golden {
  /// Replays a golden of any of the artifact's systems.
  static func replay(_ golden: GoldenFile) throws -> ConformanceReport {
    let header = golden.header
    try header.requireOnly(headerFields)
    let requests = try requests(golden)
    let settings = try settings(header)
    let sequenceCount = requests.reduce(0) { $0 + Int($1.sequenceCount) }
    func orca(_ estimator: ReservationEstimator) throws -> ConformanceReport {
      let memory = OrcaMemory(settings, estimator: estimator, sequenceCount: sequenceCount)
      return try SOSP23Replay.run(golden, requests: requests, memory: memory)
    }
    switch try header.string("system") {
    case "astra":
      let memory = PagedMemory(sosp23: settings, sequenceCount: sequenceCount)
      return try SOSP23Replay.run(golden, requests: requests, memory: memory)
    case "orca-oracle": return try orca(.oracle)
    case "orca-power2": return try orca(.pow2)
    case "orca-constant": return try orca(.max)
    case let other: throw header.failure("unknown system `\(other)`")
    }
  }
}
