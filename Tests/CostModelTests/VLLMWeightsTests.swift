import Testing

@testable import CostModel

/// What vLLM holds beyond a checkpoint's weights, and what GPUs hold to talk to each other.
@Suite struct VLLMWeightsTests {
  private static let mebibyte = 1 << 20

  /// Steps of 2 MiB from 10 MiB on; a rest of more than 1 MiB is given back.
  @Test(arguments: [
    (0, 0), (10 * mebibyte - 1, 0), (10 * mebibyte, 0), (10 * mebibyte + 1, 0),
    (11 * mebibyte, mebibyte), (11 * mebibyte - 1, 0), (11 * mebibyte + 1, mebibyte - 1),
    (12 * mebibyte - 1, 1), (12 * mebibyte, 0),
  ])
  func roundingOfATensor(_ bytes: Int, _ rest: Int) {
    #expect(ModelSpec.roundedUp(bytes) == rest)
  }

  /// A matrix of each kind, in MiB on one GPU:
  ///
  /// * Qwen2.5-14B (48 layers, 5,120 wide, 13,824 inside) on two: Q, K and V 35, output 25, gate and up 135, down 67.5: the
  ///   first three are odd and keep 1, the last keeps 0.5.
  /// * Qwen2.5-72B (80 layers, 8,192, 29,568) on four: 40, 32, 231, 115.5: 1 and 0.5.
  /// * Llama-3.1-8B (32 layers, 4,096, 14,336) on one: 48, 32, 224, 112.
  @Test(arguments: [
    (48, 5120, 40, 13_824, 2, 168), (80, 8192, 64, 29_568, 4, 120), (32, 4096, 32, 14_336, 1, 0),
  ])
  func roundingOfAModel(
    _ layers: Int, _ hidden: Int, _ heads: Int, _ ffn: Int, _ tensorParallel: Int,
    _ mebibytes: Int
  ) {
    let model = ModelSpec(
      name: "dense", aliases: [], layers: layers, hidden: hidden, heads: heads, kvHeads: 8,
      headDim: 128, ffn: ffn, vocab: 152_064, maxPositions: 32_768)
    let found = model.allocatorRoundingBytes(tensorParallel: tensorParallel, weights: .bfloat16)
    #expect(found == mebibytes * Self.mebibyte)
  }

  /// Experts of a layer are one tensor: 4 of 2,048 × 1,280 in 8 bits are 10 MiB for down and 20 for gate and up, and with one
  /// more 12.5 and 25, which keep 0 (the rest of 1.5 is given back) and 1. In MXFP4 kernels pad instead.
  @Test func roundingOfExperts() {
    func rounding(experts: Int, _ format: WeightFormat) -> Int {
      var model = ModelSpec(
        name: "experts", aliases: [], layers: 3, hidden: 2048, heads: 8, kvHeads: 8, headDim: 64,
        ffn: 0, vocab: 1000, maxPositions: 4096,
        mixture: .init(experts: experts, activeExperts: 2, ffn: 1280))
      model.stored = format
      return model.allocatorRoundingBytes(tensorParallel: 1, weights: format.elements)
    }
    #expect(rounding(experts: 4, WeightFormat(.fp8)) == 0)
    #expect(rounding(experts: 5, WeightFormat(.fp8)) == 3 * Self.mebibyte)
    #expect(rounding(experts: 10, WeightFormat("mxfp4", .int4, bytes: 0.53125)) == 0)
    #expect(rounding(experts: 10, WeightFormat(.int4)) == 3 * Self.mebibyte)
  }

  /// 61 layers, 16 of 128 heads on each of eight GPUs, 512 × (128 + 128) elements of 2 B a head.
  @Test func absorbedMatricesOfLatentAttention() throws {
    let model = try ModelCatalogue.find("deepseek-v3")
    #expect(model.absorbedBytes(tensorParallel: 8) == 61 * 16 * 512 * 256 * 2)
    #expect(try ModelCatalogue.find("llama-3.1-8b").absorbedBytes(tensorParallel: 8) == 0)
  }

  /// Of what stands beside latent attention seven eighths are on each of eight GPUs once more, where that is an indexer.
  @Test func indexersAreOnEveryGPU() throws {
    var model = try ModelCatalogue.find("deepseek-v3")
    let plain = model.replicatedIndexerBytes(tensorParallel: 8, weights: .fp8)
    model.layers = LayerList(
      model.layers.runs.map { run in
        var layer = run.layer
        layer.attentionExtras = 8000
        layer.indexerBytesPerToken = 132
        return .init(layer, count: run.count)
      })
    #expect(plain == 0)
    #expect(model.replicatedIndexerBytes(tensorParallel: 8, weights: .fp8) == 61 * 7000)
    #expect(model.replicatedIndexerBytes(tensorParallel: 8, weights: .bfloat16) == 61 * 14_000)
    #expect(model.replicatedIndexerBytes(tensorParallel: 1, weights: .fp8) == 0)
  }

  private func collectives(
    _ device: String, _ tensorParallel: Int, _ release: VLLMRelease,
    _ change: (inout KVBudget.Inputs, inout VLLMMemory) -> Void = { _, _ in }
  ) throws -> VLLMMemory.Collectives {
    var inputs = KVBudget.Inputs(
      model: try ModelCatalogue.find("llama-3.1-70b"), device: try DeviceCatalogue.find(device),
      tensorParallel: tensorParallel, utilization: 0.9, tokenBudget: 2048, blockSize: 16)
    var memory = VLLMMemory(release: release, sequences: 256, modelLength: 8192)
    change(&inputs, &memory)
    return memory.collectives(inputs)
  }

  /// Four buffers of as many parts as there are GPUs, in MiB.
  @Test(arguments: [
    ("h200-sxm", 2, VLLMRelease(0, 22, 1), 512.0), ("h200-sxm", 4, VLLMRelease(0, 17, 1), 32),
    ("h200-sxm", 8, VLLMRelease(0, 33), 16), ("b200", 2, VLLMRelease(0, 18, 1), 512),
    ("b200", 4, VLLMRelease(0, 22, 1), 512), ("b200", 8, VLLMRelease(0, 22, 1), 32),
    ("gb300", 4, VLLMRelease(0, 22, 1), 1024), ("gb300", 8, VLLMRelease(0, 22, 1), 64),
  ])
  func aFusedReductionHasAWorkspace(
    _ device: String, _ tensorParallel: Int, _ release: VLLMRelease, _ mebibytes: Double
  ) throws {
    let bytes = Int(mebibytes * Double(Self.mebibyte))
    #expect(try collectives(device, tensorParallel, release) == .fusedReduction(bytes))
  }

  @Test func whereReductionsAreNotFused() throws {
    let release = VLLMRelease(0, 18, 1)
    #expect(try collectives("h200-sxm", 1, release) == .uncharged)
    #expect(try collectives("h200-sxm", 4, VLLMRelease(0, 16)) == .uncharged)
    #expect(try collectives("a100-80gb", 4, release) == .uncharged)
    #expect(try collectives("gb300", 4, release) == .uncharged)
    #expect(try collectives("h200-sxm", 4, release) { $1.recordsGraphs = false } == .uncharged)
    #expect(
      try collectives("h200-sxm", 4, release) { inputs, _ in inputs.dataParallel = 2 } == .uncharged
    )
    let anywhere = try collectives("h200-sxm", 4, VLLMRelease(0, 22, 1)) { inputs, _ in
      inputs.dataParallel = 2
    }
    #expect(anywhere == .fusedReduction(32 << 20))
    #expect(try collectives("h200-sxm", 4, VLLMRelease(0, 10, 2)) == .charged(1_342_177_280))
  }

  /// Of one log each, in any release; a sixteenth GPU is as the eighth.
  @Test(arguments: [(2, 1.75), (4, 3.7), (8, 5.0)])
  func librariesOfInstinctAreCharged(_ tensorParallel: Int, _ size: Double) throws {
    for release in [VLLMRelease(0, 9, 2), VLLMRelease(0, 21)] {
      let found = try collectives("mi300x", tensorParallel, release)
      #expect(found == .instinct(gibibytes(size)))
    }
    #expect(try collectives("mi300x", 1, VLLMRelease(0, 21)) == .uncharged)
  }
}
