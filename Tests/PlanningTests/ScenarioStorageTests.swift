import CostModel
import Messages
import Metrics
import Serving
import SimulationKernel
import Testing
import Workload

@testable import Planning

/// Narrow types, pipeline stages and closed-loop clients from the scenario to the result.
@Suite struct ScenarioStorageTests {
  private func scenario(
    _ system: ServingSystem = .vllmV1, model: String = "llama-3.1-8b",
    device: String = "h100-sxm", _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: system, model: try ModelCatalogue.find(model),
      device: try DeviceCatalogue.find(device))
    scenario.deviceBlocksOverride = nil
    change(&scenario)
    return scenario
  }

  private func decodeSeconds(_ scenario: Scenario) throws -> Double {
    var work = IterationWork()
    work.decodeSequences = 64
    work.decodeContextTokens = 64 * 4000
    work.sampledSequences = 64
    return try scenario.resolved().costModel.duration(of: work).seconds
  }

  /// Half the bytes of a token, twice the blocks; fp8 weights leave 7 GB more.
  @Test func narrowTypesReachThePoolAndThePrice() throws {
    let wide = try scenario()
    let cache = try scenario { $0.kvCache = .fp8 }
    let weights = try scenario { $0.weights = .fp8 }
    let blocks = try [wide, cache, weights].map { try $0.resolved().settings.deviceBlocks }
    #expect(blocks[1] == 2 * blocks[0] || blocks[1] == 2 * blocks[0] + 1)
    // All but embedding and LM head lose a byte: 8.03e9 − 2 × 128256 × 4096 parameters.
    let saved = wide.model.parameters() - 2 * 128_256 * 4096
    let blockBytes = 16 * wide.model.kvBytesPerToken()
    #expect(abs(Double(blocks[2] - blocks[0]) - Double(saved) / Double(blockBytes)) <= 1)
    let seconds = try [wide, cache, weights].map { try decodeSeconds($0) }
    #expect(seconds[1] < 0.9 * seconds[0])
    #expect(seconds[2] < 0.9 * seconds[0])
  }

  @Test func narrowTypesReachTheProvenance() throws {
    let resolved = try scenario(device: "a100-80gb") {
      $0.weights = .int4
      $0.kvCache = .fp8
    }.resolved()
    let fields = resolved.fields.map { "\($0.name)=\($0.value)" }
    #expect(fields.contains("quantization=int4"))
    #expect(fields.contains("kv-cache-dtype=fp8"))
    // Settings take the words of the flags.
    for (text, elements) in [
      ("auto", ElementType.bfloat16), ("bf16", .bfloat16), ("bfloat16", .bfloat16),
      ("fp8_e4m3", .fp8),
    ] {
      var other = try scenario()
      try ScenarioSetting.find("kv-cache-dtype").change(text)(&other)
      #expect(other.kvCache == elements, "\(text)")
    }
    #expect(resolved.unmeasured == ["int4 products", "attention on a fp8 KV cache"])
    #expect(
      resolved.costProfileText.hasSuffix(
        "; int4 products not measured; attention on a fp8 KV cache not measured)"))
    let measured = try scenario { $0.kvCache = .fp8 }.resolved()
    #expect(measured.unmeasured.isEmpty)
    #expect(try scenario().resolved().fields.map(\.value).contains("auto"))
  }

  /// What no table of a device holds is said, however well the rest was measured.
  @Test func unmeasuredKernelsAreNamed() throws {
    func unmeasured(_ model: String, _ change: (inout Scenario) -> Void = { _ in }) throws
      -> [String]
    {
      var other = try scenario()
      other.model = try ModelCatalogue.find(model)
      change(&other)
      return try other.resolved().unmeasured
    }
    #expect(try unmeasured("qwen3-30b-a3b") == [])
    #expect(try unmeasured("deepseek-v2-lite") == [])
    #expect(try unmeasured("gemma-2-9b") == ["attention with heads of 256"])
    #expect(try unmeasured("llama-3.1-8b") == [])
    let device = try scenario().device.name
    let empty = DeviceProfile(name: "mine", device: device, source: "none", operators: [])
    #expect(
      try unmeasured("llama-3.1-8b") { $0.deviceProfile = empty }
        == ["products", "attention of prompts", "attention of decoding sequences"])
  }

  @Test func thePastHasSixteenBits() throws {
    #expect(
      throws: UserError(
        "`a100-40gb@2023` has 16-bit weights and KV cache only",
        hint: "leave out `--quantization` and `--kv-cache-dtype`, or choose the device of today")
    ) {
      try scenario(.vllmSOSP23, model: "opt-13b", device: "a100-40gb@2023") { $0.kvCache = .fp8 }
        .resolved()
    }
  }

  /// A 70B model in two stages of 80 GB needs no tensor parallelism beyond 2; its layers' time for half
  /// the batch and a send is less than that of the whole batch.
  @Test func stagesShareThePoolAndTheBatch() throws {
    let two = try scenario(model: "llama-3.1-70b") {
      $0.tensorParallel = 2
      $0.pipelineParallel = 2
    }
    let resolved = try two.resolved()
    #expect(resolved.fields.contains(ScenarioField("pipeline-parallel-size", "2")))
    let four = try scenario(model: "llama-3.1-70b") { $0.tensorParallel = 4 }
    // 40 layers of a pair of GPUs hold as many bytes a token as 80 of four.
    let blocks = try [resolved, four.resolved()].map(\.settings.deviceBlocks)
    #expect(abs(Double(blocks[0]) / Double(blocks[1]) - 1) < 0.1)
    #expect(throws: UserError.self) {
      try scenario { $0.pipelineParallel = 33 }.resolved()
    }
  }

  @Test func fitSaysByHowMuchAndWhatWouldDo() throws {
    let fit = try scenario(model: "llama-3.1-405b") { $0.tensorParallel = 8 }.memoryFit()
    let failure = try #require(fit.failure)
    #expect(fit.budget.blocks == 0)
    let missing = Double(fit.budget.blockBytes - fit.budget.kvBytes) / 1e9
    let text = "\((missing * 10).rounded(.up) / 10)"
    #expect(
      "\(failure)" == """
        error: `llama-3.1-405b` does not fit on `h100-sxm`: \(text) GB short of one block on each \
        of 8 GPUs

        hint: each of these alone would fit: `--quantization fp8`, `--tensor-parallel-size 16`, \
        `--pipeline-parallel-size 2`, `--device h200-sxm`
        """)
    let long = try scenario { $0.maxModelLength = 131_072 }.memoryFit()
    #expect(long.failure == nil)
    #expect(long.concurrency > 3 && long.concurrency < 4)
    let short = try scenario(device: "l4") { $0.maxModelLength = 131_072 }.memoryFit()
    #expect(
      "\(try #require(short.failure))".contains("`--max-model-len` 131072 tokens (8192 blocks)"))
  }

  /// What a GPU has and what its pool holds are two ways to say one thing.
  @Test func memoryThatDecidesNothingIsRefused() throws {
    let both = try scenario {
      $0.deviceMemoryGiB = 40
      $0.deviceBlocksOverride = 9
    }
    let error = #expect(throws: UserError.self) { try both.resolved(prices: .none) }
    #expect(
      error?.description == """
        error: `--device-memory` 40.0 decides nothing beside `--num-gpu-blocks-override` 9: the pool is given

        hint: leave one of them out
        """)
    // 79.25 GiB in place of 79.18: 0.07 GiB more, of which 92 % may be used.
    let given = try scenario { $0.deviceMemoryGiB = 79.25 }.memoryFit().budget
    let listed = try scenario().memoryFit().budget
    #expect(
      given.kvBytes - listed.kvBytes
        == Int(0.92 * 79.25 * Double(1 << 30)) - Int(0.92 * 79.18 * Double(1 << 30)))
  }

  /// One pool, whether it follows from the budget or is given in blocks.
  @Test func thePoolIsThatOfTheBudget() throws {
    let halved = try scenario(model: "gemma-3-4b") {
      $0.pipelineParallel = 2
      $0.blockSize = 32
    }
    let pool = try halved.resolved(prices: .none).kvCapacity
    #expect(try pool == halved.memoryFit().budget.capacity)
    // The engine's groups are of two layers: eight of 15 windows, one of two layers that keep everything.
    #expect(pool.cache.groups.map(\.layers) == [2, 2, 2, 2, 2, 2, 2, 1, 2])
    // 4,096 bytes a token each.
    #expect(pool.blockBytes == 2 * 32 * 4096)
    let given = try scenario(model: "mistral-7b") { $0.deviceBlocksOverride = 100 }
    let capacity = try given.resolved(prices: .none).kvCapacity
    #expect(capacity.tokens == 1600)
    // 8,192 tokens of an iteration and 4,095 before them take more than the pool.
    #expect(capacity.longestSequence() == 1600)
    #expect(capacity.cache.overkeepingLayers == 0)
    let older = try scenario(model: "mistral-7b") {
      $0.system = .vllm02
      $0.deviceBlocksOverride = 100
    }
    #expect(try older.resolved(prices: .none).kvCapacity.cache.overkeepingLayers == 32)
  }

  /// Without a rate, clients send as soon as they can, and the trace's arrivals are said to be unused.
  @Test func clientsReplaceArrivals() throws {
    let requests = (0..<6).map {
      Request(
        arrival: SimInstant(nanoseconds: Int64($0) * 100_000_000_000), promptTokens: 100,
        outputTokens: 20)
    }
    let trace = Trace(name: "six", requests: requests, hasArrivals: true)
    let closed = try Simulation.run(
      try scenario {
        $0.maxConcurrency = 2
        $0.warmups = 3
      }, trace: trace)
    #expect(
      closed.warnings.first == """
        the arrivals of `six` are not used: with `--max-concurrency` and no `--request-rate`, \
        clients send as soon as they have an answer
        """)
    let summary = closed.result.summary
    #expect(summary.completed == 6)
    #expect(summary.duration < 10)
    let arrivals = closed.result.requests.map(\.arrival)
    let span = (arrivals[5] - arrivals[0]).seconds
    #expect(summary.requestRate == 5 / span)
    let fields = summary.provenance.scenario
    #expect(fields.contains(ScenarioField("max-concurrency", "2")))
    #expect(fields.contains(ScenarioField("num-warmups", "3")))
    let atOnce = try Simulation.run(try scenario { $0.requestRate = .infinity }, trace: trace)
    #expect(atOnce.result.requests.allSatisfy { $0.arrival == .zero })
    let capped = try Simulation.run(
      try scenario {
        $0.maxConcurrency = 1
        $0.requestRate = 1
      }, trace: trace)
    #expect(capped.result.summary.requestRate == 1)
  }

  @Test func refusesNoClientsAndNegativeWarmUps() throws {
    #expect(throws: UserError("`--max-concurrency` must be at least 1, found `0`")) {
      try scenario { $0.maxConcurrency = 0 }.resolved()
    }
    #expect(throws: UserError("`--num-warmups` must be zero or more, found `-1`")) {
      try scenario { $0.warmups = -1 }.resolved()
    }
  }

  /// Three sessions of two turns with 3 s between the arrivals of both: at one session a second, the first turns have the
  /// arrivals of three requests at one a second.
  @Test func turnsWaitForAnswers() throws {
    let requests = (0..<6).map {
      Request(
        arrival: SimInstant(nanoseconds: Int64($0) * 1_000_000_000), promptTokens: 100,
        outputTokens: 20, session: Int32($0 % 3))
    }
    let trace = Trace(name: "six", requests: requests, hasArrivals: true)
    let run = try Simulation.run(
      try scenario { ($0.thinkTime, $0.requestRate) = (.gaps, 1) }, trace: trace
    ).result
    let timed = try Trace(
      name: "three", requests: Array(requests.prefix(3)), hasArrivals: true
    ).retimed(poissonRate: 1, seed: 0)
    #expect(run.requests.map(\.arrival).prefix(3) == timed.requests.map(\.arrival)[...])
    for turn in 3..<6 {
      let answer = try #require(run.requests[turn - 3].finish)
      #expect(run.requests[turn].arrival == answer + SimDuration(nanoseconds: 3_000_000_000))
    }
    let arrivals = run.requests.map(\.arrival.seconds)
    let span = try #require(arrivals.max()) - (try #require(arrivals.min()))
    #expect(abs(run.summary.requestRate - 5 / span) < 1e-9)
    #expect(run.summary.provenance.scenario.contains(ScenarioField("session-think-time", "gaps")))
  }

  @Test func refusesTurnsThatWaitWhereOrderIsThatOfTheTrace() throws {
    #expect(
      throws: UserError(
        "`--session-think-time` is not simulated with `vllm-0.2`, which serves requests in the order of the trace",
        hint: "choose another system, such as `vllm-v1`")
    ) { try scenario(.vllm02) { $0.thinkTime = .fixed(1) }.resolved() }
    #expect(
      throws: UserError(
        "`--scheduling-policy` and `--session-think-time` are not simulated together: the order is that of the trace",
        hint: "leave one of them out")
    ) {
      try scenario(.vllmV1) { ($0.thinkTime, $0.service) = (.fixed(1), .priority) }.resolved()
    }
    let trace = Trace(
      name: "two", requests: Array(repeating: Request(promptTokens: 1, outputTokens: 1), count: 2),
      hasArrivals: false)
    #expect(
      throws: UserError(
        "`--num-prompts` 3 would repeat the 2 requests of `two` shuffled, and `--session-think-time` keeps the order "
          + "of their turns",
        hint: "ask for at most 2, or generate more sessions: `kvplan trace generate --turns`")
    ) {
      try Simulation.run(
        try scenario(.vllmV1) { ($0.thinkTime, $0.promptCount) = (.fixed(1), 3) }, trace: trace)
    }
  }

  /// Products of counts beyond a billion would overflow.
  @Test func refusesCountsThatMeanNothing() throws {
    let most = Int.max
    let changes: [(flag: String, change: (inout Scenario) -> Void)] = [
      ("--block-size", { $0.blockSize = most }),
      ("--max-num-batched-tokens", { $0.maxBatchedTokens = most }),
      ("--max-num-seqs", { $0.maxSequences = most }),
      ("--max-concurrency", { $0.maxConcurrency = most }),
    ]
    for (flag, change) in changes {
      #expect(throws: UserError("`\(flag)` must be at most 1000000000, found `\(most)`")) {
        try scenario(.vllmV1, change).resolved()
      }
    }
  }

  /// Two GPUs hold half of 128 experts each in place of half of each expert, and results say so.
  @Test func expertsAreSpreadWhereTheyAre() throws {
    func resolved(_ change: (inout Scenario) throws -> Void) throws -> ResolvedScenario {
      var mixture = try scenario()
      mixture.model = try ModelCatalogue.find("qwen3-30b-a3b")
      mixture.device = try DeviceCatalogue.find("h100-sxm")
      mixture.tensorParallel = 2
      try change(&mixture)
      return try mixture.resolved()
    }
    let cut = try resolved { _ in }
    let spread = try resolved { $0.enableExpertParallel = true }
    #expect(spread.scenario.expertParallel == 2 && cut.scenario.expertParallel == 1)
    #expect(spread.fields.contains(ScenarioField("enable-expert-parallel", "true")))
    #expect(!cut.fields.map(\.name).contains("enable-expert-parallel"))
    var work = IterationWork()
    work.prefillChunks = [.init(tokens: 4096, contextTokens: 0)]
    #expect(spread.costModel.duration(of: work) != cut.costModel.duration(of: work))
    #expect(
      throws: UserError(
        "`--enable-expert-parallel` spreads routed experts over GPUs, and `llama-3.1-8b` has none",
        hint: "leave it out")
    ) {
      try resolved {
        ($0.model, $0.enableExpertParallel) = (try ModelCatalogue.find("llama-3.1-8b"), true)
      }
    }
    // The skew of the tables is that of a scenario without one; the fuller GPU has more to do the more the loads differ.
    let durations = try [0, 1.01, 2].map { skew in
      try resolved { ($0.enableExpertParallel, $0.expertSkew) = (true, skew) }.costModel
        .duration(of: work)
    }
    #expect(durations[1] == spread.costModel.duration(of: work))
    #expect(durations[0] < durations[1] && durations[1] < durations[2])
    #expect(
      throws: UserError(
        "`--expert-skew` must lie between 0 and 10, found `-1.0`",
        hint: "0 is even, 1.01 what engines are measured with")
    ) { try resolved { $0.expertSkew = -1 } }
    #expect(
      throws: UserError(
        "`--expert-skew` is how tokens fall on routed experts: `llama-3.1-8b` has none",
        hint: "leave it out")
    ) {
      try resolved {
        ($0.model, $0.expertSkew) = (try ModelCatalogue.find("llama-3.1-8b"), 1)
      }
    }
  }

  /// Two ranks of one GPU are two GPUs, whose pools add up; what makes no ranks is refused with a way out.
  @Test func ranksShareExperts() throws {
    func resolved(_ change: (inout Scenario) throws -> Void) throws -> ResolvedScenario {
      var ranks = try scenario()
      ranks.model = try ModelCatalogue.find("qwen3-30b-a3b")
      ranks.device = try DeviceCatalogue.find("h100-sxm")
      ranks.dataParallel = 2
      try change(&ranks)
      return try ranks.resolved()
    }
    let ranks = try resolved { _ in }
    #expect(ranks.scenario.gpus == 2 && ranks.settings.dataParallel == 2)
    #expect(ranks.settings.poolBlocks == 2 * ranks.settings.deviceBlocks)
    #expect(ranks.fields.contains(ScenarioField("data-parallel-size", "2")))
    let command = try #require(Deployment(ranks.scenario).serveCommands.first?.command)
    #expect(command.contains(" --data-parallel-size 2 "))
    #expect(!command.contains("--enable-expert-parallel"))
    let spread = try resolved { $0.enableExpertParallel = true }
    #expect(
      Deployment(spread.scenario).serveCommands[0].command.contains(" --enable-expert-parallel "))
    // A GPU that holds half of the experts has more room than one that holds all.
    let one = try resolved { $0.dataParallel = 1 }
    #expect(ranks.settings.deviceBlocks > one.settings.deviceBlocks)
    #expect(try resolved { $0.simulatesOneRank = true }.settings.dataParallel == 1)
    let mistakes: [(UserError, (inout Scenario) throws -> Void)] = [
      (
        UserError(
          "`--data-parallel-size` 2: ranks share layers of experts, and `llama-3.1-8b` has none",
          hint: "`--replicas 2` serves with as many engines behind a router"),
        { $0.model = try ModelCatalogue.find("llama-3.1-8b") }
      ),
      (
        UserError("`--data-parallel-size` must be at least 1, found `0`"), { $0.dataParallel = 0 }
      ),
      (
        UserError(
          "`--data-parallel-size` 2 is not simulated together with `--async-scheduling`",
          hint: "leave one of them out"), { $0.asyncScheduling = true }
      ),
      (
        UserError(
          "`--data-parallel-size` 2 is not simulated together with `--pipeline-parallel-size 2`",
          hint: "leave one of them out"), { $0.pipelineParallel = 2 }
      ),
    ]
    for (error, change) in mistakes { #expect(throws: error) { try resolved(change) } }
  }

  /// Experts of SGLang's scheduler run SGLang's kernels.
  @Test func aSystemRunsItsEnginesKernels() throws {
    var mixture = try scenario()
    mixture.model = try ModelCatalogue.find("qwen3-30b-a3b")
    #expect(mixture.overheads.library == .vllm)
    mixture.system = .sglang05
    #expect(mixture.overheads.library == .sglang)
  }
}
