import Foundation
import KVMemory
import Messages
import SimulationKernel
import Testing

@testable import CostModel

/// Routed experts: how tokens fall on them, what a kernel of them takes, and how a layout cuts them.
@Suite struct ExpertsTests {
  private func loads(
    _ tokens: Double, topK: Double = 2, experts: Double = 8, ranks: Double = 1, skew: Double,
    spread: Double = 0.6
  ) -> ExpertLoads {
    ExpertLoads(
      tokens: tokens, topK: topK, experts: experts, ranks: ranks, skew: skew, spread: spread)
  }

  /// 16 tokens visit two of eight experts each: 32 rows, 4 an expert, 8 a rank of two experts.
  @Test func evenLoadsAreCountedByHand() {
    let all = loads(16, skew: 0)
    #expect(all.rows == 32 && all.visited == 8)
    let rank = loads(16, ranks: 4, skew: 0)
    #expect(rank.rows == 8 && rank.visited == 2)
    // One token visits two experts; some rank has one of them.
    let one = loads(1, ranks: 4, skew: 0)
    #expect(one.rows == 1 && one.visited == 1)
  }

  /// Skew leaves the rows of one rank alone, up to those that an expert cannot take, and makes fewer experts visited; of
  /// several ranks the fullest has more than its share.
  @Test func skewFillsOneRankAndEmptiesExperts() {
    for tokens in [4.0, 32, 256, 4096] {
      let even = loads(tokens, topK: 8, experts: 128, skew: 0)
      let skewed = loads(tokens, topK: 8, experts: 128, skew: 1.01)
      #expect(skewed.rows <= even.rows * (1 + 1e-9) && skewed.rows > 0.6 * even.rows, "\(tokens)")
      #expect(skewed.visited <= even.visited * (1 + 1e-9))
      let share = loads(tokens, topK: 8, experts: 128, ranks: 8, skew: 0)
      let fullest = loads(tokens, topK: 8, experts: 128, ranks: 8, skew: 1.01)
      #expect(fullest.rows > share.rows && fullest.rows < 8 * share.rows, "\(tokens)")
    }
  }

  /// The fullest of eight ranks by drawing: experts' loads from the same power law, each dealt to a rank.
  @Test func theFullestRankIsThatOfDraws() {
    var random = RandomStream(seed: 3, label: "fullest rank")
    let (tokens, topK, experts, ranks) = (1024.0, 8.0, 128, 8)
    var sum = 0.0
    let rounds = 400
    for _ in 0..<rounds {
      // Exponent 1: the logarithm is uniform between one row and 0.8 of the tokens.
      let drawn = (0..<experts).map { _ in pow(0.8 * tokens, random.uniform()) }
      let scale = tokens * topK / drawn.reduce(0, +)
      let rows = (0..<ranks).map { rank in
        drawn[(rank * 16)..<((rank + 1) * 16)].reduce(0) { $0 + min($1 * scale, tokens) }
      }
      sum += rows.max()!
    }
    let priced = loads(
      tokens, topK: topK, experts: Double(experts), ranks: Double(ranks), skew: 1, spread: 0.7)
    #expect(abs(priced.rows / (sum / Double(rounds)) - 1) < 0.1, "\(priced.rows) \(sum)")
  }

  private let curves = CorrectionCurves(
    shapes: [[1024, 8], [4096, 8]], points: [1, 10, 100],
    corrections: [1, 2, .nan, 3, 3, 3])

  @Test func correctionsRunAlongTheTokens() {
    #expect(curves.correction([1, 1024, 8]) == 1)
    #expect(abs(curves.correction([(10.0).squareRoot(), 1024, 8]) - 1.5) < 1e-6)
    // Beyond the last point that was measured it holds.
    #expect(curves.correction([1000, 1024, 8]) == 2)
    #expect(curves.correction([0.1, 4096, 8]) == 3)
  }

  /// A shape between two takes both, the nearer one more.
  @Test func anotherShapeTakesTheNearest() {
    let near = curves.correction([10, 1100, 8])
    let middle = curves.correction([10, 2048, 8])
    #expect(abs(middle - 2.5) < 1e-6)
    #expect(near > 2 && near < 2.05)
  }

  @Test func aProfileWithCurvesIsReadAsItWasWritten() throws {
    var op = KernelOperator(kind: .experts)
    op.library = .vllm
    op.kernel = "fp8_block/triton"
    let shape = [7168.0, 256, 8, 256, 1, 1.01]
    let table = Corrections.curves(
      CorrectionCurves(shapes: [shape], points: [1, 64], corrections: [1.25, 0.5]))
    let profile = OperatorProfile(
      op: op,
      coefficients: KernelForm.coefficients(.experts).map { .init(name: $0.name, value: $0.start) },
      table: table, rows: 2, interpolationMAPE: nil, extrapolationMAPE: nil)
    #expect(profile.table == table)
    var device = DeviceProfile(
      name: "mine", device: "h200-sxm", source: "none", operators: [profile])
    try device.validate(path: "mine.json")
    device.operators[0].shapes = [Array(shape.dropLast())]
    #expect(
      throws: UserError(
        "mine.json: the table of `experts vllm fp8_block/triton` has the wrong size")
    ) { try device.validate(path: "mine.json") }
  }

  /// DeepSeek-V3's experts on one of eight H200, as aiconfigurator measured vLLM 0.24's Triton kernel: 61 layers less the
  /// first three, which are dense.
  @Test(arguments: [(64, 0.30486), (8, 0.11249)])
  func aMeasuredKernelTakesItsTime(_ tokens: Int, _ milliseconds: Double) throws {
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("deepseek-v3"), device: try DeviceCatalogue.find("h200-sxm"),
      blockBytes: 1)
    deployment.tensorParallel = 8
    deployment.weights = .fp8
    let cost = try KernelCostModel(deployment)
    let work = KernelCostModelTests.decode(tokens, context: 1)
    let experts = try #require(cost.breakdown(of: work).first { $0.name == "experts" })
    #expect(abs(experts.seconds * 1e3 / 58 / milliseconds - 1) < 0.002)
  }

  /// gpt-oss on a B200 under vLLM: its experts' kernel of 8-bit activations stands in SGLang's table alone. 36 layers.
  @Test(arguments: [(64, 0.22684), (8, 0.084917)])
  func generatedKernelsAreShared(_ tokens: Int, _ milliseconds: Double) throws {
    let model = try ModelCatalogue.find("gpt-oss-120b")
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find("b200"), blockBytes: 1)
    deployment.weights = model.stored.elements
    let cost = try KernelCostModel(deployment)
    let parts = cost.breakdown(of: KernelCostModelTests.decode(tokens, context: 1))
    // Layers with and without a window are two kinds.
    let experts = parts.filter { $0.name == "experts" }.reduce(0) { $0 + $1.seconds }
    #expect(abs(experts * 1e3 / 36 / milliseconds - 1) < 0.002)
  }

  private func spread(_ ranks: Int, _ library: KernelLibrary) throws -> PricedDeployment {
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("deepseek-v3"), device: try DeviceCatalogue.find("gb200"),
      blockBytes: 1)
    deployment.weights = .fp8
    deployment.dataParallel = ranks
    deployment.expertParallel = ranks
    deployment.overheads = .none(running: library)
    return deployment
  }

  /// 128 tokens of each of 32 ranks go to eight experts each (SGLang), as many bytes as 32 tokens that all ranks get (vLLM).
  @Test func tokensGoWhereTheirExpertsAre() throws {
    func seconds(_ library: KernelLibrary, tokens: Int) throws -> Double {
      let cost = try KernelCostModel(try spread(32, library))
      let parts = cost.breakdown(of: KernelCostModelTests.decode(tokens, context: 1))
      return try #require(parts.first { $0.name.hasPrefix("all-gather") }).seconds
    }
    #expect(try seconds(.sglang, tokens: 128) == seconds(.vllm, tokens: 32))
    #expect(try seconds(.trtllm, tokens: 128) == seconds(.sglang, tokens: 128))
  }

  /// Inside one server NCCL collects all tokens on all ranks, under every engine; TensorRT-LLM sends them there in 4 bits with
  /// a scale for 16 of them, where experts have as many, and gets sums of 16 bits: 0.640625 of the bytes.
  @Test func insideAServerAllTokensAreCollected() throws {
    func seconds(_ library: KernelLibrary, _ weights: ElementType, tokens: Int) throws -> Double {
      var deployment = try spread(8, library)
      deployment.device = try DeviceCatalogue.find("b200")
      deployment.weights = weights
      let parts = try KernelCostModel(deployment).breakdown(
        of: KernelCostModelTests.decode(tokens, context: 1))
      return try #require(parts.first { $0.name.hasPrefix("all-gather") }).seconds
    }
    #expect(try seconds(.sglang, .fp8, tokens: 128) == seconds(.vllm, .fp8, tokens: 128))
    #expect(try seconds(.trtllm, .fp8, tokens: 128) == seconds(.vllm, .fp8, tokens: 128))
    #expect(try seconds(.trtllm, .nvfp4, tokens: 64) == seconds(.sglang, .nvfp4, tokens: 41))
  }

  /// Popular experts have copies where experts are spread over several servers, here of four GPUs, but under vLLM.
  @Test(arguments: [
    (8, KernelLibrary.sglang, 0.0), (4, .sglang, 1.01), (32, .trtllm, 0), (32, .vllm, 1.01),
  ])
  func wideExpertsAreEven(_ ranks: Int, _ library: KernelLibrary, _ skew: Double) throws {
    #expect(try spread(ranks, library).expertShapes.map(\.shape.skew) == [skew])
  }

  /// Four GPUs hold a quarter of each expert, or a quarter of the experts: as much either way.
  @Test func aLayoutCutsExpertsOrSpreadsThem() throws {
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("qwen3-30b-a3b"), device: try DeviceCatalogue.find("b200"),
      blockBytes: 1)
    deployment.tensorParallel = 4
    let cut = try #require(deployment.expertShapes.first)
    #expect(cut.shape.width == 192 && cut.shape.ranks == 1 && cut.layers == 48)
    deployment.expertParallel = 4
    let spread = try #require(deployment.expertShapes.first)
    #expect(spread.shape.width == 768 && spread.shape.ranks == 4)
    deployment.dataParallel = 2
    deployment.expertParallel = 8
    #expect(deployment.expertShapes.first?.shape.width == 768)
    deployment.expertParallel = 1
    #expect(deployment.expertShapes.first?.shape.width == 96)
  }

  /// Two data-parallel ranks hold half of the experts each, and the rest of the model twice.
  @Test func dataParallelRanksShareTheExperts() throws {
    let model = try ModelCatalogue.find("qwen3-30b-a3b")
    var inputs = KVBudget.Inputs(
      model: model, device: try DeviceCatalogue.find("b200"), utilization: 0.9,
      tokenBudget: 8192, blockSize: 16)
    let alone = KVBudget(inputs).weightBytes
    inputs.dataParallel = 2
    // 48 layers of 128 experts, three matrices of 2048 × 768 in 16 bits.
    let experts = 48 * 128 * 3 * 2048 * 768 * 2
    #expect(alone - KVBudget(inputs).weightBytes == experts / 2)
  }

  /// Equal ranks take what each is priced with; beside an idle one there are fewer tokens for the experts, and beside a
  /// fuller one a rank waits for it.
  @Test func ranksWaitForTheSlowest() throws {
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("qwen3-30b-a3b"), device: try DeviceCatalogue.find("b200"),
      blockBytes: 1)
    deployment.dataParallel = 2
    deployment.expertParallel = 2
    let cost = try KernelCostModel(deployment)
    let (full, half) = (
      KernelCostModelTests.decode(64, context: 1000), KernelCostModelTests.decode(32, context: 1000)
    )
    let idle = IterationWork()
    #expect(cost.duration(ofRanks: [full, full]) == cost.duration(of: full))
    #expect(cost.duration(ofRanks: [full, idle]) < cost.duration(of: full))
    #expect(cost.duration(ofRanks: [full, half]) < cost.duration(of: full))
    #expect(cost.duration(ofRanks: [full, half]) > cost.duration(ofRanks: [full, idle]))
    #expect(cost.duration(ofRanks: [half, full]) == cost.duration(ofRanks: [full, half]))
    // The fuller rank's attention counts, and not the sum of both.
    let long = KernelCostModelTests.decode(64, context: 4000)
    #expect(cost.duration(ofRanks: [full, long]) == cost.duration(of: long))
  }

  /// A layer of experts that costs a millisecond more costs it in every iteration, and no other model's.
  @Test func smallKernelsOfAMixtureCount() throws {
    var overheads = EngineOverheads.none
    overheads.expertLayerSeconds = 1e-3
    for (model, more) in [("qwen3-30b-a3b", 48e-3), ("llama-3.1-8b", 0)] {
      let plain = try KernelCostModelTests.price(model, "h100-sxm")
      let slower = try KernelCostModelTests.price(model, "h100-sxm", overheads: overheads)
      let work = KernelCostModelTests.decode(8, context: 100)
      let difference = slower.duration(of: work).seconds - plain.duration(of: work).seconds
      #expect(abs(difference - more) < 1e-8)
    }
  }

  /// The same of a layer with a state, prompts beside decoding or not: 36 of Qwen3-Next's 48.
  @Test func smallKernelsOfAStateCount() throws {
    var overheads = EngineOverheads.none
    overheads.recurrentLayerSeconds = 1e-3
    var mixed = KernelCostModelTests.decode(8, context: 100)
    mixed.prefillChunks = [.init(tokens: 64, contextTokens: 0)]
    for (model, more) in [("qwen3-next-80b-a3b", 36e-3), ("qwen3-30b-a3b", 0)] {
      let plain = try KernelCostModelTests.price(model, "h100-sxm")
      let slower = try KernelCostModelTests.price(model, "h100-sxm", overheads: overheads)
      for work in [KernelCostModelTests.decode(8, context: 100), mixed] {
        let difference = slower.duration(of: work).seconds - plain.duration(of: work).seconds
        #expect(abs(difference - more) < 1e-8)
      }
    }
  }

  /// The same of a layer of latent attention: all 27 of DeepSeek-V2-Lite.
  @Test func smallKernelsOfALatentCount() throws {
    var overheads = EngineOverheads.none
    overheads.latentLayerSeconds = 1e-3
    for (model, more) in [("deepseek-v2-lite", 27e-3), ("qwen3-30b-a3b", 0)] {
      let plain = try KernelCostModelTests.price(model, "h100-sxm")
      let slower = try KernelCostModelTests.price(model, "h100-sxm", overheads: overheads)
      let work = KernelCostModelTests.decode(8, context: 100)
      let difference = slower.duration(of: work).seconds - plain.duration(of: work).seconds
      #expect(abs(difference - more) < 1e-8)
    }
  }

  /// The recurrent part of a layer of Qwen3.5-397B on one GPU: 64 heads, 45 such layers of 60.
  ///
  /// - Source: aiconfigurator's `gdn` tables, the kernels of a layer added: microseconds.
  @Test(arguments: [("h200-sxm", 128, 275.2), ("b200", 128, 177.9), ("h200-sxm", 32, 74.4)])
  func recurrentStatesAreReadAndWritten(
    _ device: String, _ sequences: Int, _ microseconds: Double
  ) throws {
    let model = try ModelCatalogue.find("qwen3-next-80b-a3b")
    let state = try #require(
      model.layers.kinds.lazy.compactMap { kind -> ModelLayer.Recurrence? in
        if case .recurrent(let state) = kind.layer.attention { state } else { nil }
      }.first)
    let prices = FormulaStates(
      state, try DeviceCatalogue.find(device), layers: 1, tensorParallel: 1)
    // Qwen3-Next has half of the heads, in states of as many bits or half of them.
    let heads = Double(state.stateBytes) / 65_536
    let ofAll = prices.decode(Int(Double(sequences) * 64 / heads)) * 1e6
    #expect(abs(ofAll / microseconds - 1) < 0.06, "\(ofAll) µs")
  }

  /// Layers with a state as their tables have them: 16 heads of keys and 64 of values, two kernels a layer, microseconds.
  ///
  /// - Source: aiconfigurator's `gdn` and `kda` tables of the H200, rows as measured.
  @Test func statesCostWhatTheirKernelsDo() throws {
    let device = try DeviceCatalogue.find("h200-sxm")
    let choice = try ProfileChoice.ofStates(device: device, own: nil)
    let prices = KernelPrices(
      profile: choice.profile, device: device, isOwn: choice.isOwn, overheads: .none)
    func states(_ rule: ModelLayer.Recurrence.Rule, _ keys: Int, _ heads: Int) throws
      -> MeasuredStates
    {
      try #require(
        prices.recurrent(
          .init(rule, keyHeads: keys, heads: heads, elementBytes: 4), tensorParallel: 1))
    }
    let gated = try states(.gatedDelta, 16, 64)
    #expect(abs(gated.decode(64) * 1e6 / (136.4 + 5.2) - 1) < 0.03, "\(gated.decode(64))")
    // One prompt, and eight side by side.
    let one = gated.prefill(8192, longest: 8192) * 1e6
    #expect(abs(one / (398.1 + 166.9) - 1) < 0.03, "\(one)")
    let eight = gated.prefill(8 * 1024, longest: 1024) * 1e6
    #expect(abs(eight / (232.7 + 167) - 1) < 0.03, "\(eight)")
    // The fused kernel takes 226.5 µs, the two others 203.1 and 17.2.
    let kimi = try states(.kimiDelta, 96, 96).decode(64) * 1e6
    #expect(abs(kimi / (203.1 + 17.2) - 1) < 0.03, "\(kimi)")
    #expect(
      try ProfileChoice.ofStates(device: DeviceCatalogue.find("a100-80gb"), own: nil)
        .profile.operators.isEmpty)
  }

  /// No table has experts of eight-bit integers: cut they are priced by formula, spread they are refused.
  @Test func aLayoutWithoutAPriceIsRefused() throws {
    let device = try DeviceCatalogue.find("h100-sxm")
    var deployment = PricedDeployment(
      model: try ModelCatalogue.find("qwen3-30b-a3b"), device: device, blockBytes: 1)
    deployment.tensorParallel = 2
    deployment.weights = .int8
    _ = try KernelCostModel(deployment)
    #expect(
      try CostProfile.unmeasured(
        deployment.model, device: device, own: nil, weights: .int8, kvCache: .bfloat16)
        == ["int8 products", "products of experts"])
    deployment.expertParallel = 2
    #expect(
      throws: UserError(
        "experts spread over GPUs have no price on `h100-sxm`: no kernel of int8 experts was measured",
        hint: "leave out `--enable-expert-parallel`, or choose another `--quantization`")
    ) { try KernelCostModel(deployment) }
  }
}
