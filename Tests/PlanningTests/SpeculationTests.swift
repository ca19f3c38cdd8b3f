import CostModel
import Foundation
import KVMemory
import Messages
import Metrics
import ModelFiles
import Serving
import Testing
import Workload

@testable import Planning

/// Drafts as users ask for them: what they come to, what is refused, and what comes out.
@Suite struct SpeculationTests {
  private static let eagle = #"{"method": "eagle3", "num_speculative_tokens": 3}"#

  private func scenario(
    _ settings: [String: String] = [:], model: String = "llama-3.1-8b",
    device: String = "h100-sxm", _ change: (inout Scenario) -> Void = { _ in }
  ) throws -> Scenario {
    var scenario = Scenario(
      system: .vllmV1, model: try ModelFile.find(model), device: try DeviceFile.find(device))
    scenario.maxModelLength = 8192
    for (name, text) in settings.sorted(by: { $0.key < $1.key }) {
      try ScenarioSetting.find(name).change(text)(&scenario)
    }
    change(&scenario)
    return scenario
  }

  private func speculation(_ settings: [String: String]) throws -> Speculation? {
    try scenario(settings).resolved(prices: .none).settings.v1.speculation
  }

  /// The line that starts the server drafts, and with as many as are simulated.
  @Test func theCommandDrafts() throws {
    func command(_ settings: [String: String]) throws -> String {
      try #require(
        Deployment(try scenario(["num-gpu-blocks-override": "1000"].merging(settings) { $1 }))
          .serveCommands.first?.command)
    }
    #expect(try !command([:]).contains("speculative"))
    let drafting = ["speculative-config": Self.eagle, "acceptance": "0.8,0.6,0.5,0.4"]
    #expect(
      try command(drafting).contains(
        #" --speculative-config '{"method":"eagle3","num_speculative_tokens":3}' "#))
    #expect(
      try command(drafting.merging(["num-speculative-tokens": "4"]) { $1 }).contains(
        #""num_speculative_tokens":4}'"#))
    #expect(
      try !command(drafting.merging(["num-speculative-tokens": "0"]) { $1 }).contains(
        "speculative"))
  }

  /// MagicDec on a long context pays, though every draft reads all weights again; the budget stays in memory beside all keys.
  @Test func aModelDraftsForItself() throws {
    let config = #"{"method": "magicdec", "num_speculative_tokens": 3, "draft_kv_budget": 512}"#
    let drafting = ["speculative-config": config, "acceptance": "0.9,0.81,0.73"]
    let speculation = try #require(try speculation(drafting))
    #expect((speculation.draftTokens, speculation.lookaheadSlots) == (3, 3))
    #expect(speculation.caching == DraftRules())
    let trace = Trace(
      name: "long",
      requests: Array(repeating: Request(promptTokens: 30_000, outputTokens: 200), count: 12),
      hasArrivals: false)
    func summary(_ settings: [String: String]) throws -> (RunSummary, [String]) {
      let long = ["max-model-len": "32000", "request-rate": "inf"]
      let run = try Simulation.run(
        try scenario(settings.merging(long) { $1 }), trace: trace, keepingRequests: false)
      return (run.result.summary, run.warnings)
    }
    let (plain, _) = try summary([:])
    let (itself, warnings) = try summary(drafting)
    #expect(warnings.contains { $0.hasPrefix("`magicdec` is reconstructed") })
    #expect(try #require(itself.tpot.mean) < (try #require(plain.tpot.mean)))
    // 8,192 tokens and the budget: its window has a block more than 512 tokens fill, and what an iteration computes.
    func sequences(_ settings: [String: String]) throws -> Double {
      try scenario(settings).resolved().kvCapacity.sequences(ofTokens: 8192)
    }
    let (without, with) = (try sequences([:]), try sequences(drafting))
    #expect(with < without && with > without * 8192 / (8192 + 512 + 8192 + 16))
    let pooled = drafting.merging(["num-gpu-blocks-override": "1000"]) { $1 }
    let commands = Deployment(try scenario(pooled)).serveCommands.map(\.command)
    #expect(commands.count == 1 && !commands[0].contains("speculative"))
  }

  /// By the record of vLLM 0.33: heads look ahead and have keys of the next token; a model takes a token of the budget
  /// beside; a look-up in the prompt takes nothing.
  @Test func methodsAreThoseOfTheEngine() throws {
    let eagle = try #require(
      try speculation(["speculative-config": Self.eagle, "acceptance": "0.8,0.6,0.5"]))
    #expect((eagle.draftTokens, eagle.lookaheadSlots, eagle.draftSlots) == (3, 3, 0))
    #expect(eagle.caching.keyLookahead == 1 && !eagle.caching.dropsLastHit)
    #expect(eagle.acceptance?.cumulative == [0.8, 0.6, 0.5])
    let older = try #require(
      try speculation([
        "speculative-config": Self.eagle, "acceptance": "geometric:0.5", "engine-release": "0.22",
      ]))
    #expect(older.caching.keyLookahead == 0 && older.caching.dropsLastHit)
    #expect(older.acceptance?.cumulative == [0.5, 0.25, 0.125])
    let ngram = try #require(
      try speculation([
        "speculative-config": #"{"method": "ngram"}"#, "num-speculative-tokens": "4",
        "acceptance": "length:3.25",
      ]))
    #expect((ngram.draftTokens, ngram.lookaheadSlots, ngram.draftSlots) == (4, 0, 0))
    #expect(ngram.caching == DraftRules())
    #expect(ngram.acceptance?.cumulative == [1, 1, 0.25, 0])
    let model = try #require(
      try scenario(
        [
          "speculative-config":
            #"{"method": "draft_model", "model": "llama-3.2-3b", "num_speculative_tokens": 2}"#,
          "acceptance": "0.7,0.5",
        ]
      ).resolved(prices: .none).settings.v1.speculation)
    #expect((model.draftTokens, model.lookaheadSlots, model.draftSlots) == (2, 2, 1))
    let none = ["speculative-config": Self.eagle, "num-speculative-tokens": "0"]
    #expect(try speculation(none) == nil)
  }

  /// A head's layer is cached too: a 33rd of a model of 32, whose heads it has. Weights are its own.
  @Test func aHeadTakesMemory() throws {
    let plain = try scenario()
    let drafting = try scenario(["speculative-config": Self.eagle, "acceptance": "geometric:0.8"])
    #expect(plain.kvCacheSpec.blockBytes * 33 == drafting.kvCacheSpec.blockBytes * 32)
    let limits = try plain.iterationLimits()
    let head = try #require(drafting.draftModel)
    #expect(
      KVBudget(drafting.budgetInputs(limits)).weightBytes
        - KVBudget(plain.budgetInputs(limits)).weightBytes == head.weightBytes(tensorParallel: 1))
  }

  /// A prediction module is quantized with its model.
  @Test func aModuleIsStoredAsTheModel() throws {
    let config = #"{"method": "mtp", "num_speculative_tokens": 1}"#
    let wide = try scenario(["speculative-config": config])
    let narrow = try scenario(["speculative-config": config, "quantization": "fp8"])
    #expect(wide.draftModel?.weights == .bfloat16 && narrow.draftModel?.weights == .fp8)
  }

  @Test(arguments: [
    ("acceptance=0.8", "`--acceptance` decides nothing without drafts"),
    ("num-speculative-tokens=2", "`--num-speculative-tokens` 2 does not say what drafts"),
    ("num-speculative-tokens=-1", "`--num-speculative-tokens` must be zero or more, found `-1`"),
    (
      #"speculative-config={"method": "medusa"}"#,
      "`--speculative-config`: the method `medusa` is not simulated"
    ),
    (
      #"speculative-config={"method": "ngram", "prompt_lookup_max": 4}"#,
      "`--speculative-config` sets `prompt_lookup_max`, which is not simulated"
    ),
    (
      #"speculative-config={"num_speculative_tokens": 4}"#,
      "`--speculative-config` has no `method`"
    ),
    ("speculative-config=eagle3", "`--speculative-config` must be a JSON object, found `eagle3`"),
    (
      #"speculative-config={"method": "eagle3"}"#,
      "`--speculative-config` does not say how many tokens are drafted"
    ),
    (
      #"speculative-config={"method": "draft_model", "num_speculative_tokens": 2}"#,
      "`--speculative-config` of method `draft_model` has no `model`"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 2}"#,
      "how many of 2 drafts are accepted decides what comes of them, and is not said"
    ),
    (
      #"speculative-config={"method": "draft_model", "model": "qwen2.5-0.5b", "num_speculative_tokens": 2}|acceptance=0.5,0.5"#,
      "`qwen2.5-0.5b` has a vocabulary of 151936, `llama-3.1-8b` one of 128256: what it drafts cannot be verified"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3}|acceptance=0.8,0.6"#,
      "`--acceptance` has 2 positions, and 3 tokens are drafted"
    ),
    (
      "acceptance=0.8,1.2",
      "`--acceptance`: the share of position 2 is 1.2, and shares lie from 0 to 1"
    ),
    (
      "acceptance=0.5,0.6",
      "`--acceptance`: the share of position 2, 0.6, is above that of position 1, 0.5: a draft is accepted only with "
        + "all before it"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 1}|acceptance=length:2.5"#,
      "`--acceptance length:2.5` is more than the 2 tokens of a verification of 1 draft"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 8}|acceptance=geometric:0.5|max-num-batched-tokens=8"#,
      "8 drafts and their token need 9 tokens of an iteration, and `--max-num-batched-tokens` is 8"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 2}|acceptance=geometric:0.5|pipeline-parallel-size=2"#,
      "`--speculative-config`: drafts have no price with `--pipeline-parallel-size` 2"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": [[1, 16, 3], [9, 64, 1]]}"#,
      "`--speculative-config`: `num_speculative_tokens_per_batch_size` has 9 sequences in two ranges"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": [[2, 16, 3]]}"#,
      "`--speculative-config`: `num_speculative_tokens_per_batch_size` begins at 2 sequences: it has to say what 1 does"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": [[1, 16, 1, 4000, 3]]}"#,
      "`--speculative-config`: `num_speculative_tokens_per_batch_size` takes the first and the last number of sequences, and "
        + "drafts; found 5 numbers"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": [[8, 4, 3]]}"#,
      "`--speculative-config`: `num_speculative_tokens_per_batch_size` has a range from 8 to 4 sequences"
    ),
    (
      #"speculative-config={"method": "ngram", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": []}"#,
      "`--speculative-config`: `num_speculative_tokens_per_batch_size` has no range"
    ),
    (
      #"system=trtllm|speculative-config={"method": "ngram", "num_speculative_tokens": 2}"#,
      "`trtllm` has no `--speculative-config`"
    ),
  ])
  func mistakesAreNamed(settings: String, message: String) throws {
    let pairs = settings.split(separator: "|").map {
      $0.split(separator: "=", maxSplits: 1).map(String.init)
    }
    let error = try #require(throws: UserError.self) {
      _ = try scenario(Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) }))
        .resolved(prices: .none)
    }
    #expect(error.message == message)
    #expect(error.hint != nil || message.contains("must be zero") || message.contains("1.2"))
  }

  private static let trace = Trace(
    name: "eight", requests: (0..<8).map { _ in Request(promptTokens: 200, outputTokens: 101) },
    hasArrivals: false)

  private func summary(_ settings: [String: String]) throws -> RunSummary {
    try Simulation.run(
      try scenario(settings) { $0.requestRate = .infinity }, trace: Self.trace
    ).result.summary
  }

  /// None, asked for, is the same run; only the record of the settings says that they were given.
  @Test func noDraftsAreNoSpeculation() throws {
    var asked = try summary([
      "speculative-config": Self.eagle, "num-speculative-tokens": "0", "acceptance": "0.9",
    ])
    var plain = try summary([:])
    (asked.provenance.scenario, plain.provenance.scenario) = ([], [])
    #expect(asked == plain && asked.speculation == nil)
  }

  /// All of four drafts: the first token, then 20 verifications of five, in a fifth of the iterations and a bit.
  @Test func everyDraftAccepted() throws {
    let drafting = try summary([
      "speculative-config": #"{"method": "ngram", "num_speculative_tokens": 4}"#,
      "acceptance": "geometric:1",
    ])
    let drafts = try #require(drafting.speculation)
    #expect(drafts.acceptanceLength == 5 && drafts.acceptanceRate == 1 && drafts.tokensPerStep == 5)
    #expect(drafts.verifications == 8 * 20 && drafts.acceptedAt == [1, 1, 1, 1])
    #expect(drafting.completed == 8 && drafting.iterations == 21)
    let plain = try summary([:])
    let (fast, slow) = (try #require(drafting.tpot.mean), try #require(plain.tpot.mean))
    #expect(fast > slow / 5 && fast < slow / 3)
  }

  @Test func aPlanFindsWhereItPays() throws {
    func study(_ acceptance: String, _ config: String) throws -> SpeculationStudy {
      try SpeculationStudy(
        try scenario(["speculative-config": config, "acceptance": acceptance]),
        contextTokens: 1000)
    }
    let none = try study("geometric:0", Self.eagle)
    #expect(none.batchPaying == nil && none.point(1).tokens == 1)
    let free = #"{"method": "ngram", "num_speculative_tokens": 3}"#
    let all = try study("geometric:1", free).point(1)
    #expect(all.drafting == 0 && all.tokens == 4 && all.speedup > 3)
    let some = try study("length:1.5", Self.eagle)
    let batch = try #require(some.batchPaying)
    #expect(batch < some.batchMax)
    #expect(some.point(batch).speedup > 1)
    #expect((batch + 1...some.batchMax).allSatisfy { some.point($0).speedup <= 1 })
    let point = some.point(8)
    #expect(point.tpot == (point.verifying + point.drafting) / 1.5)
  }

  private static let byBatch =
    #"{"method": "eagle3", "num_speculative_tokens": 3, "num_speculative_tokens_per_batch_size": [[1, 16, 4], [32, 64, 1], [65, 512, 0]]}"#

  /// vLLM's own example of a table: what was said last goes on, and no more is drafted than may be.
  @Test func tablesGoOn() throws {
    let table = try #require(
      try speculation(["speculative-config": Self.byBatch, "acceptance": "geometric:0.5"])?.byBatch)
    let drafts = [1, 16, 17, 31, 32, 64, 65, 512, 2000].map { table.drafts(behind: $0, most: 3) }
    #expect(drafts == [3, 3, 3, 3, 1, 1, 0, 0, 0])
    #expect(
      try SpeculativeConfig(Self.byBatch).json(tokens: 3)
        == #"{"method":"eagle3","num_speculative_tokens":3,"num_speculative_tokens_per_batch_size":[[1,16,4],[32,64,1],[65,512,0]]}"#
    )
  }

  /// Each batch costs and yields what its number of drafts does; without drafts the head still reads the tokens.
  @Test func aPlanFollowsTheTable() throws {
    func study(_ config: String) throws -> SpeculationStudy {
      try SpeculationStudy(
        try scenario(["speculative-config": config, "acceptance": "0.6,0.3,0.15"]),
        contextTokens: 500)
    }
    let (table, fixed) = (try study(Self.byBatch), try study(Self.eagle))
    #expect([1, 32, 65].map { table.point($0).tokens } == [1 + 0.6 + 0.3 + 0.15, 1.6, 1])
    #expect(table.point(16) == fixed.point(16))
    let none = table.point(128)
    #expect(none.verifying == none.plain && none.drafting > 0)
    let one = table.point(64)
    #expect(one.verifying > one.plain && one.drafting < fixed.point(64).drafting)
  }

  /// The vocabulary of a head is the model's, its architecture its own.
  @Test func aHeadIsReadFromItsFile() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "eagle-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    func use(_ vocabulary: Int, _ architecture: String = "LlamaForCausalLMEagle3") throws
      -> DraftModel?
    {
      let text = """
        {"architectures": ["\(architecture)"], "hidden_size": 4096, "intermediate_size": 14336,
         "num_attention_heads": 32, "num_key_value_heads": 8, "num_hidden_layers": 1,
         "vocab_size": \(vocabulary), "draft_vocab_size": 32000}
        """
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      let config = #"{"method": "eagle3", "model": "\#(path)", "num_speculative_tokens": 1}"#
      return try SpeculativeConfig(config).draft(for: try ModelFile.find("llama-3.1-8b"))
    }
    let model = try ModelFile.find("llama-3.1-8b")
    #expect(try use(128_256) == DraftModel(EAGLEHead(usualFor: model), of: model))
    let other = try #require(throws: UserError.self) { _ = try use(32_000) }
    #expect(
      other.message
        == "`\(path)` has a vocabulary of 32000, `llama-3.1-8b` one of 128256: what it drafts cannot be verified"
    )
    let plain = try #require(throws: UserError.self) { _ = try use(128_256, "LlamaForCausalLM") }
    #expect(
      plain.message
        == "\(path): the architecture `LlamaForCausalLM` is not that of an EAGLE-3 head")
  }
}
