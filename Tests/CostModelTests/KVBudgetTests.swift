import CostModel
import SimulationKernel
import Testing

/// The pools of the PagedAttention artifact, and what they say about the paper's Table 1.
struct ArtifactPool: Sendable {
  var model: String
  var device: String
  var tensorParallel: Int
  var weightBytes: Int
  var blockBytes: Int
  var blocks: Int
}

@Suite struct KVBudgetTests {
  @Test(arguments: [
    ArtifactPool(
      model: "opt-13b", device: "a100-40gb", tensorParallel: 1, weightBytes: 25_706_905_600,
      blockBytes: 13_107_200, blocks: 983),
    ArtifactPool(
      model: "opt-66b", device: "a100-40gb", tensorParallel: 4, weightBytes: 32_899_645_440,
      blockBytes: 9_437_184, blocks: 603),
    ArtifactPool(
      model: "opt-175b", device: "a100-80gb", tensorParallel: 8, weightBytes: 43_721_981_952,
      blockBytes: 9_437_184, blocks: 3754),
    ArtifactPool(
      model: "llama-13b", device: "a100-40gb", tensorParallel: 1, weightBytes: 25_871_810_560,
      blockBytes: 13_107_200, blocks: 984),
  ])
  func theArtifactsPoolsComeOutExactly(_ pool: ArtifactPool) throws {
    let budget = try KVBudget(
      model: ModelCatalogue.find(pool.model), device: DeviceCatalogue.find(pool.device),
      tensorParallel: pool.tensorParallel, utilization: 0.95, tokenBudget: 2560, blockSize: 16)
    #expect(budget.weightBytes == pool.weightBytes)
    #expect(budget.blockBytes == pool.blockBytes)
    #expect(budget.blocks == pool.blocks)
    #expect(budget.capacity.tokens == 16 * pool.blocks)
    #expect(budget.swapBlocks() == (pool.blockBytes == 9_437_184 ? 2275 : 1638))
  }

  /// The artifact's own sweep, at a device total of 42,505,273,344 bytes.
  @Test(arguments: [
    (1, 15972), (2, 7986), (4, 3993), (8, 1996), (16, 998), (32, 499), (64, 249), (128, 124),
    (256, 62),
  ])
  func theArtifactsBlockSizeSweepComesOutExactly(_ blockSize: Int, _ blocks: Int) throws {
    var device = try DeviceCatalogue.find("a100-40gb")
    device.memoryBytes = 42_505_273_344
    let budget = try KVBudget(
      model: ModelCatalogue.find("opt-13b"), device: device, utilization: 0.95, tokenBudget: 2560,
      blockSize: blockSize)
    #expect(budget.blocks == blocks)
  }

  @Test func theWaterfallAddsUp() throws {
    let budget = try KVBudget(
      model: ModelCatalogue.find("opt-13b"), device: DeviceCatalogue.find("a100-40gb"),
      utilization: 0.95, tokenBudget: 2560, blockSize: 16)
    let bytes = budget.lines.map(\.bytes)
    #expect(bytes.dropLast().reduce(0, +) == bytes.last)
    #expect(
      budget.lines.map(\.name) == [
        "device memory", "reserve", "weights", "activation peak", "CUDA context and other",
        "CUDA graphs", "communication buffers", "KV cache",
      ])
    #expect(budget.activationBytes == 514_785_280)
    #expect(budget.kvBytes / budget.blockBytes == budget.blocks)
  }

  @Test func moreMemoryNeverHoldsFewerBlocksAndLargerBlocksNeverMoreTokens() throws {
    var random = RandomStream(seed: 20_230_901, label: "kv budget")
    let sizes = [1, 2, 4, 8]
    for _ in 0..<2000 {
      let model = ModelCatalogue.all[random.below(ModelCatalogue.all.count)]
      var device = DeviceCatalogue.all[random.below(DeviceCatalogue.all.count)]
      let tensorParallel = sizes[random.below(4)]
      let blockSize = 1 << random.below(8)
      let budget = try? KVBudget(
        model: model, device: device, tensorParallel: tensorParallel, utilization: 0.9,
        tokenBudget: 2048, blockSize: blockSize)
      guard let budget else { continue }

      device.memoryBytes += random.below(10_000_000_000)
      let larger = try KVBudget(
        model: model, device: device, tensorParallel: tensorParallel, utilization: 0.9,
        tokenBudget: 2048, blockSize: blockSize)
      #expect(larger.blocks >= budget.blocks)

      let fuller = try KVBudget(
        model: model, device: device, tensorParallel: tensorParallel, utilization: 0.95,
        tokenBudget: 2048, blockSize: blockSize)
      #expect(fuller.blocks >= larger.blocks)

      let finer = try KVBudget(
        model: model, device: device, tensorParallel: tensorParallel, utilization: 0.95,
        tokenBudget: 2048, blockSize: 1)
      #expect(finer.blocks >= fuller.blocks)
      #expect(finer.capacity.tokens >= fuller.capacity.tokens)
      #expect(fuller.blocks * fuller.blockBytes <= fuller.kvBytes)
    }
  }
}
