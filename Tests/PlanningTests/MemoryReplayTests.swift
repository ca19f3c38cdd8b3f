import CostModel
import KVMemory
import Messages
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

@Suite struct MemoryReplayTests {
  /// Every iteration takes a second.
  private final class Seconds: IterationCostModel {
    let profile = CostProfile(name: "seconds", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration { SimDuration(rounding: 1) }
  }

  private func run(
    _ lengths: [(prompt: Int32, output: Int32)], bytes: Int, budget: Int = 100
  ) -> MemoryReplay.Outcome {
    let group = PagedGroup(
      parts: [KeptLayers(keeps: .all, layers: 1, bytes: 1)], keeps: .all, blockTokens: 2)
    var replay = MemoryReplay(
      lengths.map { Request(promptTokens: $0.prompt, outputTokens: $0.output) },
      limits: .init(
        sequences: 10, batchedTokens: budget, modelLength: 50, costModel: Seconds()),
      memory: .units(bytes: bytes, [group], unitBytes: 2, inFlight: budget))
    return replay.run { #expect($0.brokenInvariant() == nil) }
  }

  /// Four blocks of two tokens, and two requests that want three in the end.
  ///
  ///     iteration   1     2     3     4
  ///     a           ppp   o     o            served
  ///     b           ppp   o     makes way, then ppppp: what it had generated is computed again
  @Test func theLastOneMakesWay() {
    let outcome = run([(3, 3), (3, 3)], bytes: 8)
    #expect(outcome.served == 2 && outcome.preemptions == 1 && outcome.iterations == 4)
    #expect(outcome.outputTokens == 6 && outcome.duration.seconds == 4)
    // Two ran in the first iteration, one in the third, and nobody waited in the others.
    #expect(outcome.meanBatch == 1.5 && outcome.batchMax == 2)
    // Six tokens and two places not yet used; then five and one never used, and two bytes free.
    let sixteenths: [Double] = outcome.shares.values.map { $0 * 16 }
    #expect(sixteenths == [11, 2, 1, 0, 0, 2])
  }

  /// Prompts are cut where an iteration's tokens end, and decodes come first.
  @Test func promptsAreCut() {
    let outcome = run([(5, 2), (4, 1)], bytes: 100, budget: 3)
    // 3 of a | 2 of a, 1 of b | a's last token, 2 of b | 1 of b.
    #expect(outcome.iterations == 4 && outcome.served == 2 && outcome.preemptions == 0)
  }

  @Test func whatNeverFitsIsNotServed() {
    let outcome = run([(9, 2), (3, 1), (40, 11)], bytes: 8)
    #expect(outcome.rejected == 2 && outcome.served == 1 && outcome.iterations == 1)
  }
}

@Suite struct MemoryComparisonTests {
  private func scenario(_ model: String) throws -> Scenario {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find("h100-sxm"))
    scenario.kvCacheBytes = 2 << 30
    scenario.maxModelLength = 8192
    return scenario
  }

  private let trace: Trace = {
    let requests = (0..<24).map { (index: Int32) -> Request in
      let (prompt, output) = (200 + index % 5 * 1200, 8 + index % 3 * 20)
      return Request(promptTokens: prompt, outputTokens: output)
    }
    return Trace(name: "mix", requests: requests, hasArrivals: false)
  }()

  /// Windows are worth most to managers that know them, and equal managers of a plain model are equal.
  @Test func managersOfAModelWithWindows() throws {
    let comparison = try MemoryComparison(
      try scenario("gemma-3-4b"), managers: MemoryManager.all, trace: trace)
    #expect(comparison.rows.map(\.manager.name) == MemoryManager.all.map(\.name))
    var batches: [String: Double] = [:]
    for row in comparison.rows {
      #expect(row.outcome.served + row.outcome.rejected == 24, "\(row.manager.name)")
      #expect(abs(row.outcome.shares.values.reduce(0, +) - 1) < 1e-9, "\(row.manager.name)")
      batches[row.manager.name] = row.outcome.meanBatch
    }
    func batch(_ name: String) throws -> Double { try #require(batches[name]) }
    #expect(try batch("orca-max") <= batch("orca-oracle"))
    #expect(try batch("orca-oracle") < batch("paged"))
    #expect(try batch("paged") < batch("vllm-v1"))
    #expect(try batch("vllm-v1") <= batch("gcd-pages"))
    #expect(try batch("jenga") <= batch("gcd-pages"))
    // Without states AVMP's managers are the block table.
    #expect(try batch("fixed-dual") == batch("paged"))
    #expect(try batch("padded-unified") == batch("paged"))
    #expect(comparison.rows.first { $0.manager.name == "paged" }?.note == "windows are kept whole")
  }

  @Test func plainModelsHaveOneKindOfPage() throws {
    let names = "paged,vllm-v1,max-pages,gcd-pages,jenga,fixed-dual"
    let comparison = try MemoryComparison(
      try scenario("llama-3.1-8b"), managers: try MemoryManager.find(names), trace: trace)
    let first = comparison.rows[0].outcome
    for row in comparison.rows { #expect(row.outcome == first, "\(row.manager.name)") }
  }

  /// What each manager says that it comes down to, for models without the layers that it is about.
  @Test(arguments: [
    (
      "llama-3.1-8b",
      [
        "orca-max": "", "paged": "", "kvcached": "",
        "padded-unified": "no states: pages of one layer, as `paged`",
        "vllm-v1": "one kind of layer: as `paged`, with a prefix cache",
        "jenga": "one kind of layer: as `paged`, with a prefix cache",
        "fixed-dual": "no states: all is for tokens, as `paged`",
        "avmp-dynamic": "no states: all is for tokens, as `paged`",
      ]
    ),
    (
      "gemma-3-4b",
      [
        "orca-max": "windows are kept whole", "vtensor": "windows are kept whole", "vllm-v1": "",
        "fixed-dual-0.9": "no states: all is for tokens, as `paged`; windows are kept whole",
      ]
    ),
    (
      "qwen3-next-80b-a3b",
      [
        "vattention": "a state takes the bytes of tokens ahead of its sequence",
        "paged": "a state takes whole blocks", "fixed-dual": "", "padded-unified": "",
      ]
    ),
  ]) func whatManagersComeDownTo(name: String, notes: [String: String]) throws {
    var onFour = try scenario(name)
    onFour.tensorParallel = 4
    let model = MemoryModel(try onFour.resolved(), isCaching: false)
    for (manager, note) in notes.sorted(by: { $0.key < $1.key }) {
      #expect(try MemoryManager.find(manager)[0].note(model) == note, "\(manager) on \(name)")
    }
  }

  /// Sequences of up to 5,047 tokens under a cap of 5,100: only PyramidKV, whose highest layer has a twentieth, drops some.
  @Test func capsAboveTheLengthSayThatNothingIsDropped() throws {
    let names = "snapkv,pyramidkv,l2-norm,streaming-llm,paged"
    let comparison = try MemoryComparison(
      try scenario("llama-3.1-8b"), managers: try MemoryManager.find(names), trace: trace,
      capTokens: 5100)
    #expect(comparison.rows.map(\.dropsTokens) == [false, true, false, false, false])
    #expect(
      comparison.rows[0].note
        == "drops nothing: the longest sequence has 5047 tokens; survivors are moved together when the prompt ends"
    )
    #expect(comparison.rows[3].note == "drops nothing: the longest sequence has 5047 tokens")
    #expect(comparison.rows[4].note == "")
  }

  @Test func requestsThatNoManagerServes() throws {
    let paged = try MemoryManager.find("paged")
    var requests = trace.requests
    requests[2].samples = 2
    let pairs = Trace(name: "mix", requests: requests, hasArrivals: false)
    let several = #expect(throws: UserError.self) {
      _ = try MemoryComparison(try scenario("llama-3.1-8b"), managers: paged, trace: pairs)
    }
    #expect(
      several?.description == """
        error: `mix`: request 3 has 2 sequences, and managers are compared on requests of one

        hint: leave out `n` and `beam_width`
        """)
    var changed = try scenario("llama-3.1-8b")
    changed.model = ModelSpec(
      name: "states", aliases: [],
      layers: .repeating(
        [
          ModelLayer(
            .recurrent(.init(stateBytes: 65_536, inputWidth: 1536, outputWidth: 512)),
            .dense(width: 1024))
        ], count: 4), hidden: 512, vocab: 1000, maxPositions: 8192)
    let states = changed
    let nothing = #expect(throws: UserError.self) {
      _ = try MemoryComparison(states, managers: paged, trace: trace)
    }
    #expect(
      nothing?.description == """
        error: `states` keeps states only: managers of keys and values have nothing to do
        """)
  }

  @Test func messages() throws {
    let streaming = try MemoryManager.find("streaming-llm")
    func message(_ cap: Int, _ managers: [MemoryManager]) throws -> String? {
      let scenario = try scenario("llama-3.1-8b")
      return #expect(throws: UserError.self) {
        _ = try MemoryComparison(scenario, managers: managers, trace: trace, capTokens: cap)
      }?.description
    }
    #expect(
      try message(4, streaming) == """
        error: `--kv-cap` of 4 tokens leaves nothing beside 4 sinks

        hint: give at least 5
        """)
    #expect(
      try message(6000, streaming) == """
        error: `--kv-cap` of 6000 tokens drops nothing: the longest sequence of `mix` has 5047

        hint: give less than that
        """)
    #expect(
      try message(6, try MemoryManager.find("paged")) == """
        error: `--kv-cap` says what rules keep that drop tokens, and none of them is compared

        hint: leave it out, or add `streaming-llm` to `--memory`
        """)
    let unknown = #expect(throws: UserError.self) { try MemoryManager.find("paged,jega") }
    #expect(
      unknown?.description == """
        error: unknown memory manager `jega`

        hint: did you mean `jenga`? `kvplan compare --help` lists all
        """)
  }
}
