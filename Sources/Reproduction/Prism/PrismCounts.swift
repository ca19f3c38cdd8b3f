import CostModel
import Foundation
import Planning
import SimulationKernel

/// How many GPUs 18 models of 1.5 to 8 billion parameters need under each policy, on made-up requests.
enum PrismCounts {
  /// Six of each; larger ones are dealt to the GPUs first.
  static let names = ["llama-3.1-8b", "llama-3.2-3b", "qwen2.5-1.5b"]
  static let each = 6
  static let gpus = 2...10
  static let draws: UInt64 = 3
  static let seconds = 300.0
  /// Models are asked three tenths of the time (23 to 50 % of the paper's are active at once, §3.1), the one of rank r with
  /// `peak` ⁄ √r requests a second.
  static let on = 60.0
  static let off = 140.0
  static let peak = 32.0
  static let exponent = 0.5
  static let lengths = PrismWorkload.Lengths(prompts: 100..<901, outputs: 50..<351)
  static let attainment = 0.99
  /// Seconds of a first token alone: the paper's least (§7.1), as our prices have no host in front of a small model.
  static let firstTokenMin = 0.04

  /// A policy on so many GPUs; no outcome if the models do not fit.
  struct Row: Sendable {
    var draw: UInt64
    var policy: PrismReplay.Policy
    var gpus: Int
    var outcome: PrismReplay.Outcome?

    var isInTime: Bool { (outcome?.attainment ?? 0) >= attainment }
  }

  /// Up to the first number of GPUs that is enough.
  static func run(seed: UInt64, device: DeviceSpec, capacity: Int, scale: Double) throws -> [Row] {
    let models = try names.flatMap { name in
      var model = try PrismModel(name, device: device, scale: scale, prompt: 900)
      model.ttft = max(model.ttft, firstTokenMin * scale)
      return Array(repeating: model, count: each)
    }
    let jobs = (0..<draws).flatMap { draw in
      PrismReplay.Policy.allCases.map { (draw, $0) }
    }
    return try Parallel.map(jobs) { draw, policy in
      let requests = PrismWorkload.requests(
        stretches(models.count, seed: seed + draw), lengths, seed: seed + draw)
      var rows: [Row] = []
      for count in gpus {
        var replay = PrismReplay(policy, models, requests, gpus: count, capacity: capacity)
        let row = Row(draw: draw, policy: policy, gpus: count, outcome: replay?.run())
        rows.append(row)
        if row.isInTime { break }
      }
      return rows
    }.flatMap(\.self)
  }

  static func stretches(_ models: Int, seed: UInt64) -> [PrismWorkload.Stretch] {
    var draws = RandomStream(seed: seed, label: "prism-popularity")
    var ranks = Array(0..<models)
    draws.shuffle(&ranks)
    var stretches = PrismWorkload.onAndOff(
      models: models, seconds: seconds, on: on, off: off, rate: peak, seed: seed)
    for index in stretches.indices {
      stretches[index].rate /= pow(Double(ranks[stretches[index].model] + 1), exponent)
    }
    return stretches
  }

  /// GPUs that a policy needs in a draw; `nil` if none of the tried numbers is enough.
  static func needed(_ policy: PrismReplay.Policy, _ draw: UInt64, _ rows: [Row]) -> Int? {
    rows.first { $0.policy == policy && $0.draw == draw && $0.isInTime }?.gpus
  }

  static func claims(_ rows: [Row]) -> [Claim] {
    let others = [
      ("MuxServe++", PrismReplay.Policy.shared, "the paper: 32 by 16 for 58 models"),
      ("parts", .partition, "the paper: more than 8 by 4 for its 18 models"),
    ]
    return others.map { name, policy, paper in
      // What is not in time on all GPUs counts as one more.
      let counts = (0..<draws).map { draw in
        [policy, .prism].map { needed($0, draw, rows) ?? gpus.upperBound + 1 }
      }
      let ratios = counts.map { Double($0[0]) / Double($0[1]) }
      let pairs = counts.map { "\($0[0]) by \($0[1])" }.joined(separator: ", ")
      return Claim(
        PrismReport.figure, "18 models, GPUs for 99 % of TTFT, \(name) by Prism, x",
        Claim.relative(2, 0.25), ours: PrismReport.median(ratios),
        note: "\(paper); here \(pairs) on made-up traces")
    }
  }
}
