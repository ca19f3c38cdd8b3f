import Foundation
import Serving
import SimulationKernel

@testable import Metrics

/// Hand-made results: numbers that are easy to recognise in a file, not the outcome of a run.
enum Samples {
  static let summary = RunSummary(
    system: "vllm-sosp23", model: "opt-13b", device: "a100-40gb", requestRate: 1.5,
    completed: 3, rejected: 1, unfinished: 0, duration: 600.25, requestThroughput: 0.005,
    outputThroughput: 0.9,
    ttft: Distribution(count: 3, mean: 120.5, median: 100, p90: 200, p95: 400, p99: 1000.125),
    tpot: Distribution(count: 3, mean: 25.25, median: 25, p90: 30, p95: 30.5, p99: 31),
    itl: Distribution(),
    e2el: Distribution(count: 3, mean: 5000, median: 4000, p90: 9000, p95: 9500, p99: 9900),
    meanNormalizedLatency: 0.0321, meanBatchedRequests: 7.25, meanWaitingRequests: 0,
    iterations: 1234, preemptionsRecompute: 2, preemptionsSwap: 1,
    kv: KVSummary(
      blocks: 1024, blockSize: 16, tokenState: 0.5, reserved: 0.125,
      internalFragmentation: 0.0625, externalFragmentation: 0, cached: 0, free: 0.3125,
      sharingSaving: 0.1),
    provenance: Provenance(
      seed: .max, version: "0.1.0",
      scenario: [
        ScenarioField("model", "opt-13b"), ScenarioField("trace", "a,\"b\".csv"),
        ScenarioField("block-size", "16"),
      ],
      costProfile: "roofline-a100 (error 8 %)"))

  static let requests = [
    RequestRecord(
      index: 0, status: .completed, arrival: .zero, promptTokens: 64, outputTokens: 5,
      sequences: 1, firstScheduled: SimInstant(nanoseconds: 1_000_000),
      firstToken: SimInstant(nanoseconds: 41_500_000),
      finish: SimInstant(nanoseconds: 141_500_001), preemptionsRecompute: 0, preemptionsSwap: 2,
      preemptions: [SimInstant(nanoseconds: 50_000_000), SimInstant(nanoseconds: 60_000_001)],
      className: "chat", cachedTokens: 48, recomputedTokens: 0),
    RequestRecord(
      index: 1, status: .completed, arrival: SimInstant(nanoseconds: 1_500_000_000),
      promptTokens: 7, outputTokens: 1, sequences: 4,
      firstScheduled: SimInstant(nanoseconds: 1_500_000_000),
      firstToken: SimInstant(nanoseconds: 2_000_000_000),
      finish: SimInstant(nanoseconds: 2_000_000_000), preemptionsRecompute: 1, preemptionsSwap: 0,
      preemptions: [SimInstant(nanoseconds: 1_750_000_000)], replica: 1),
    RequestRecord(
      index: 2, status: .rejected, arrival: SimInstant(nanoseconds: 3_000_000_001),
      promptTokens: 9000, outputTokens: 10, sequences: 1, firstScheduled: nil, firstToken: nil,
      finish: nil, preemptionsRecompute: 0, preemptionsSwap: 0, recomputedTokens: 0),
  ]

  /// A piece of a history in which so many preemptions happened.
  static func point(
    _ second: Double, duration: Double, blocks: Double = 56, preemptions: Int
  ) -> HistoryPoint {
    HistoryPoint(
      second: second, duration: duration, shares: [0.5, 0.25, 0, 0, 0.125, 0.125],
      heldBlocks: blocks, running: 3, waiting: 1, preemptions: preemptions)
  }

  static let history = [
    point(0.5, duration: 1, preemptions: 2), point(1.5, duration: 0.25, preemptions: 3),
  ]

  static let run = RunResult(summary: summary, requests: requests, history: history)

  /// A second system at the same rate, without requests, with a prefix cache and nothing measured.
  static let otherRun: RunResult = {
    var other = summary
    other.system = "vllm-v1"
    (other.ttft, other.tpot, other.e2el) = (Distribution(), Distribution(), Distribution())
    other.meanNormalizedLatency = nil
    other.kv.cached = 0.25
    other.kv.free = 0.0625
    other.kv.prefixCache = PrefixCacheSummary(
      queriedTokens: 1000, hitTokens: 375, evictedBlocks: 12)
    return RunResult(summary: other, requests: [])
  }()

  /// Replicas with easy numbers: number *n* got *n* requests and used *n* hundredths of its pool.
  static func replicas(_ count: Int) -> [ReplicaSummary] {
    (0..<count).map { number in
      ReplicaSummary(
        replica: number, system: "vllm-v1", device: "a100-40gb", requests: number,
        completed: number, rejected: 0, outputThroughput: 1.5,
        meanTTFT: number == 0 ? nil : Double(number) * 10, meanBatchedRequests: 2.25,
        meanWaitingRequests: 0.5, iterations: 7, preemptionsRecompute: number, preemptionsSwap: 1,
        blocks: 64, blockSize: 16, tokenState: Double(number) / 100, free: 0.5, hitRate: nil)
    }
  }

  /// The same run, whose first request replica 0 handed to replica 1.
  static let handedOffRun: RunResult = {
    var run = Samples.run
    run.summary.replicas = replicas(2)
    run.summary.handOffs = HandOffSummary()
    var handOff = HandOff()
    (handOff.replica, handOff.bytes) = (1, 8192)
    let moments = [2, 3, 4, 5].map { SimInstant(nanoseconds: $0 * 1_000_000) }
    (handOff.prefilled, handOff.asked) = (moments[0], moments[1])
    (handOff.arrived, handOff.scheduled) = (moments[2], moments[3])
    run.requests[0].replica = 0
    run.requests[0].handOff = handOff
    return run
  }()

  /// A run of two replicas.
  static let fleetRun: RunResult = {
    var fleet = summary
    fleet.replicas = replicas(2)
    return RunResult(
      summary: fleet, requests: [],
      replicaHistories: [history, [point(0.5, duration: 1, blocks: 14, preemptions: 1)]])
  }()
}

/// A folder of its own for one test, removed with everything in it when the test is over.
final class ScratchFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("kvplan-results-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of `name` in the folder.
  func at(_ name: String) -> String { "\(path)/\(name)" }

  func names(in name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: at(name)).sorted()
  }

  func text(_ name: String) throws -> String {
    try String(contentsOfFile: at(name), encoding: .utf8)
  }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: at(name), atomically: false, encoding: .utf8)
  }
}
