import CostModel
import Fleet
import Foundation
import KVMemory
import Serving
import SimulationKernel
import Testing
import Workload

/// Every iteration takes 100 ns.
private final class FixedPrices: IterationCostModel {
  let profile = CostProfile(name: "fixed", isCalibrated: false, error: "none")
  func duration(of work: IterationWork) -> SimDuration { SimDuration(nanoseconds: 100) }
}

/// The examples of `docs/EXTENDING.md` at work, and the page held to them.
@Suite struct ExtendingTests {
  private static let settings = EngineSettings(
    blockSize: 16, deviceBlocks: 400, hostBlocks: 100, maxSequences: 8, maxBatchedTokens: 4096,
    maxModelLength: 4096)

  private func request(_ arrival: Int64, prompt: Int32) -> Request {
    Request(
      arrival: SimInstant(nanoseconds: arrival), promptTokens: prompt, outputTokens: 10)
  }

  @Test func longPromptsGoToTheLastReplica() throws {
    let prompts: [Int32] = [10, 1000, 999, 20, 2000, 30]
    let requests = prompts.enumerated().map { request(Int64($0.offset), prompt: $0.element) }
    let place = Fleet.Place {
      try ServingSystem.vllmV1.replica(
        $0, settings: Self.settings, executor: PricedExecutor(FixedPrices()))
    }
    let record = try Fleet.serve(
      Fleet.Load(requests), on: [place, place, place], router: .byLength
    ).record
    #expect(record.assignment == [1, 2, 0, 1, 2, 0])
  }

  /// Two prompts of 110 blocks fit into a pool of 400, and not into half of it.
  @Test func halfAPoolServesOneAfterTheOther() throws {
    let requests = [request(0, prompt: 1760), request(0, prompt: 1760)]
    func finish(_ system: ServingSystem) throws -> [SimInstant?] {
      try system.serve(requests, settings: Self.settings, executor: PricedExecutor(FixedPrices()))
        .milestones.map(\.finish)
    }
    let together = try finish(.vllm02)
    #expect(together[0] == together[1])
    let apart = try finish(.halfPool)
    #expect(apart[0] == together[0])
    #expect(try #require(apart[1]).nanoseconds == 2 * (try #require(apart[0]).nanoseconds))
  }

  /// Eleven blocks for prompts of eight and two: when both need another, the short one makes way by itself, for it came
  /// last; by the policy the long one does.
  @Test func whoHoldsMostMakesWay() throws {
    let requests = [request(0, prompt: 128), request(1, prompt: 32)]
    func preemptions(_ victims: VictimPolicy?) throws -> [Int] {
      var settings = Self.settings
      settings.deviceBlocks = 12
      settings.v1.victims = victims
      return try ServingSystem.vllmV1.serve(
        requests, settings: settings, executor: PricedExecutor(FixedPrices())
      ).milestones.map { Int($0.preemptionsRecompute) }
    }
    #expect(try preemptions(nil) == [0, 1])
    #expect(try preemptions(.mostBlocks) == [1, 0])
  }

  /// A short prompt, a long one and one that does not find enough blank blocks; then the short prompt comes again. In the
  /// engine's queue its blocks, given up first, went first; by the policy those of the long prompt's end did.
  @Test func beginningsStayCached() throws {
    let prompts: [Int32] = [64, 160, 160, 64]
    var contents = PromptContents()
    for (number, prompt) in prompts.enumerated() {
      contents.append([TokenPiece(stream: Int64(number % 3), start: 0, count: prompt)])
    }
    let requests = prompts.enumerated().map {
      request(10_000 * Int64($0.offset), prompt: $0.element)
    }
    func hitTokens(_ policy: EvictionPolicy) throws -> Int {
      var settings = Self.settings
      settings.deviceBlocks = 18
      settings.v1.eviction = policy
      var load = Fleet.Load(requests, contents: contents)
      load.oversized = .fail
      let place = Fleet.Place {
        try ServingSystem.vllmV1.replica(
          $0, settings: settings, executor: PricedExecutor(FixedPrices()))
      }
      let record = try Fleet.serve(load, on: [place]).record
      return try #require(record.replicas[0].prefixCache).hitTokens
    }
    #expect(try hitTokens(.lru) == 0)
    #expect(try hitTokens(.endsFirst) == 48)
  }

  /// Blocks of 16, five of them usable: one of the first four tokens, two or three of the last 16 and of the 16 that an
  /// iteration computes, and the one that these reach into.
  @Test func theFirstTokensStay() throws {
    var settings = Self.settings
    settings.deviceBlocks = 6
    settings.maxBatchedTokens = 16
    func outputs(_ keeps: KVGroupKind) throws -> Int {
      settings.v1.groups = [BlockGroup(keeps: keeps, blockTokens: 16)]
      return try ServingSystem.vllmV1.serve(
        [Request(arrival: .zero, promptTokens: 100, outputTokens: 200)], settings: settings,
        executor: PricedExecutor(FixedPrices())
      ).milestones.count { $0.finish != nil }
    }
    #expect(try outputs(.all) == 0)
    #expect(try outputs(.firstAndLast(4, 16)) == 1)
  }

  /// Every block of Swift on the page is a whole file of this folder, and no example is missing.
  @Test func thePageShowsTheFilesAsTheyAre() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let page = try String(
      contentsOf: folder.appendingPathComponent("../../docs/EXTENDING.md"), encoding: .utf8)
    let shown = page.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```\n")[0]
    }
    let names = [
      "ByLength.swift", "HalfPool.swift", "MostBlocks.swift", "EndsFirst.swift",
      "FirstAndLast.swift",
    ]
    let files = try names.map {
      try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
    }
    #expect(Array(shown) == files)
    for name in names { #expect(page.contains("`Tests/ExtendingTests/\(name)`")) }
  }
}
