import CostModel
import SimulationKernel
import Testing

/// The roofline against hand computation and against measured kernels.
@Suite struct RooflineAnchorTests {
  func seconds(_ cost: RooflineCostModel, _ name: String, _ shape: IterationShape) throws -> Double
  {
    try #require(cost.breakdown(of: shape).first { $0.name == name }).seconds
  }

  func prefill(_ tokens: Int, context: Int = 0) -> IterationShape {
    var shape = IterationShape()
    shape.prefillChunks = [.init(tokens: tokens, contextTokens: context)]
    shape.sampledSequences = 1
    return shape
  }

  func decode(_ sequences: Int, context: Int) -> IterationShape {
    var shape = IterationShape()
    shape.decodeSequences = sequences
    shape.decodeContextTokens = sequences * context
    shape.sampledSequences = sequences
    return shape
  }

  /// Vidur's A100 tables: 0.290 ms a layer for all but attention, 9.3 ms a step.
  @Test func llama7BDecodesAtTheMeasuredStep() throws {
    let cost = try RooflineCostModelTests.price("llama-2-7b", "a100-80gb")
    let step = cost.duration(of: decode(1, context: 32)).seconds
    #expect(abs(step / 9.3e-3 - 1) < 0.25, "\(step * 1e3) ms")
  }

  /// Vidur's A100 tables: 8.075 ms a layer for 4096 tokens without attention, 66 % of peak.
  @Test func llama7BPrefillsAtTheMeasuredRate() throws {
    let cost = try RooflineCostModelTests.price("llama-2-7b", "a100-80gb")
    let layers = cost.breakdown(of: prefill(4096))
      .filter { !$0.name.contains("attention") && $0.name != "lm head" }
      .reduce(0) { $0 + $1.seconds }
    #expect(abs(layers / (32 * 8.075e-3) - 1) < 0.25, "\(layers / 32 * 1e3) ms a layer")
  }

  @Test func operatorsAgreeWithHandComputation() throws {
    let cost = try RooflineCostModelTests.price("opt-13b", "a100-40gb")
    let shape = decode(100, context: 1000)
    // 100,000 tokens × 819,200 B over 80 % of 1555 GB/s, and 40 launches.
    let attention = try seconds(cost, "attention decode", shape)
    #expect(abs(attention - (1e5 * 819_200 / (0.8 * 1555e9) + 40 * 3e-6)) < 1e-9)
    // 4 × 40 × 128 FLOPs for each of 1000 × (500 + 1001/2) pairs, in 40 layers.
    let chunk = try seconds(cost, "attention prefill", prefill(1000, context: 500))
    #expect(abs(chunk - 40 * (20480 * 1000 * 1000.5 / (0.66 * 312e12) + 3e-6)) < 1e-9)
  }

  @Test func localLayersReadAtMostTheirWindow() throws {
    let cost = try RooflineCostModelTests.price("mistral-7b", "a100-80gb")
    let short = try seconds(cost, "attention decode", decode(8, context: 4096))
    let long = try seconds(cost, "attention decode", decode(8, context: 30000))
    #expect(long == short)
  }

  @Test func blocksMoveAtTheRatesOfTheirPaths() throws {
    let cost = try RooflineCostModelTests.price("opt-13b", "a100-40gb")
    var shape = IterationShape()
    shape.swappedInBlocks = 1000
    #expect(try abs(seconds(cost, "swap in", shape) - 1000 * 13_107_200 / 32e9) < 1e-9)
    shape.copiedBlocks = 10
    let copies = try seconds(cost, "block copies", shape)
    #expect(abs(copies - (20 * 13_107_200 / (0.8 * 1555e9) + 3e-6)) < 1e-9)
  }

  @Test func sumsOverGPUsRunOverTheLink() throws {
    let linked = try RooflineCostModelTests.price("llama-2-70b", "a100-80gb", tensorParallel: 4)
    // 160 sums of 2 × 3/4 × 1000 × 8192 × 2 B.
    let expected = 160 * (1.5 * 1000 * 16384 / 300e9 + 10e-6)
    let found = try seconds(linked, "all-reduce", prefill(1000))
    #expect(abs(found - expected) < 1e-9)
    let alone = try RooflineCostModelTests.price("llama-2-70b", "a100-80gb")
    #expect(try seconds(alone, "all-reduce", prefill(1000)) == 0)
    let overPCIe = try RooflineCostModelTests.price("llama-2-70b", "l40s", tensorParallel: 4)
    #expect(try seconds(overPCIe, "all-reduce", prefill(1000)) > 5 * found)
  }

  @Test func aFewTokensReadAFewExperts() throws {
    let cost = try RooflineCostModelTests.price("qwen3-30b-a3b", "h100-sxm")
    let expert = 48.0 * 2048 * 768 * 2 / (0.8 * 3350e9)
    let launches = 48 * 3e-6
    let one = try seconds(cost, "experts down", decode(1, context: 1))
    let many = try seconds(cost, "experts down", decode(256, context: 1))
    #expect(abs((one - launches) / expert - 8) < 0.1)
    #expect((127...132).contains((many - launches) / expert))
  }
}
