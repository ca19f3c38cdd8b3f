import CostModel
import Foundation
import KVMemory
import Testing

@testable import ModelFiles

/// The groups that vLLM's V1 engine makes of published models.
@Suite struct KVGroupShapesTests {
  private static func cache(
    _ model: ModelSpec, tensorParallel: Int = 1, vllm minor: Int = 33, modelLength: Int? = nil
  ) -> KVCacheSpec {
    KVCacheSpec(
      model, tensorParallel: tensorParallel, elements: .bfloat16, blockTokens: 16,
      grouping: KVGrouping(
        rules: KVGroupRules(vllm: minor), prefixCaching: true,
        modelLength: modelLength ?? model.maxPositions))
  }

  /// Qwen3-Next-80B-A3B on two GPUs, vLLM 0.10.2 or 0.11: 44.59 GiB are 7,162 blocks, and 14.77 sequences of 262,144
  /// tokens; four groups of 544 tokens a block are 973,760 tokens by the formula of that release.
  ///
  /// - Source: A table of public start-up logs, row 48.
  @Test func gatedDeltaNetsHoldWhatTheLogSays() throws {
    let cache = Self.cache(
      try KnownShape.read(KnownShape.qwenNext), tensorParallel: 2, vllm: 10, modelLength: 262_144)
    #expect(cache.groups.map(\.layers) == [12, 12, 12, 12])
    #expect(cache.groups.map(\.keeps) == [.state, .state, .state, .all])
    #expect(cache.groups.last?.blockTokens == 544)
    func blocks(_ gibibytes: Double) -> Int {
      Int(gibibytes * Double(1 << 30)) / cache.blockBytes
    }
    #expect(blocks(44.585) <= 7162 && blocks(44.595) >= 7162)
    #expect(7162 / 4 * 544 == 973_760)
    let pool = KVCapacity(blocks: 7162, of: cache, inFlight: 8192)
    #expect((pool.sequences(ofTokens: 262_144) * 100).rounded() == 1477)
  }

  /// What a group consists of: layers, tokens of a block, what it keeps.
  struct Shape: Equatable, CustomStringConvertible {
    let layers: Int
    let blockTokens: Int
    let keeps: KVGroupKind
    init(_ layers: Int, _ blockTokens: Int, _ keeps: KVGroupKind) {
      self.layers = layers
      self.blockTokens = blockTokens
      self.keeps = keeps
    }
    var description: String { "\(layers) × \(blockTokens) \(keeps.name)" }
  }

  private static func shapes(_ file: String) throws -> [Shape] {
    let path = configFolder.appending(path: "\(file)_config.json").path
    return Self.cache(try ModelFile.read(path: path)).groups.map {
      Shape($0.layers, $0.blockTokens, $0.keeps)
    }
  }

  /// The catalogue has what the published files say.
  @Test(.enabled(if: hasConfigs), arguments: ["20b", "120b"])
  func gptOssIsThatOfItsFile(_ size: String) throws {
    let known = try ModelCatalogue.find("gpt-oss-\(size)")
    let path = configFolder.appending(path: "openai--gpt-oss-\(size)_config.json").path
    let read = try ModelFile.read(path: path)
    #expect(known.layers == read.layers)
    #expect(known.stored == read.stored)
    #expect(known.hidden == read.hidden && known.vocab == read.vocab)
    #expect(known.maxPositions == read.maxPositions)
  }

  @Test(.enabled(if: hasConfigs)) func windowsAlternateInGptOss() throws {
    let window = KVGroupKind.window(tokens: 128)
    #expect(
      try Self.shapes("openai--gpt-oss-120b") == [Shape(18, 16, window), Shape(18, 16, .all)])
    #expect(
      try Self.shapes("openai--gpt-oss-20b") == [Shape(12, 16, window), Shape(12, 16, .all)])
  }

  /// gpt-oss-120b on one GPU: eight times the bytes of a block that the sizing record of vLLM 0.33 has on eight, and its
  /// 9,225 blocks of a sequence with two batches of 8,192 tokens in flight.
  @Test(.enabled(if: hasConfigs)) func aPoolOfGptOss() throws {
    let path = configFolder.appending(path: "openai--gpt-oss-120b_config.json").path
    let cache = Self.cache(try ModelFile.read(path: path))
    #expect(cache.blockBytes == 8 * 73_728)
    for (tokenBudget, blocks) in [(2048, 8192 + 137), (8192, 8192 + 521), (16_384, 9225)] {
      let pool = KVCapacity(blocks: 10_000, of: cache, inFlight: tokenBudget)
      #expect(pool.blocksReserved(forTokens: 131_072) == blocks)
    }
  }

  /// Blocks of global layers, whose tokens are half as large, hold twice as many.
  @Test(.enabled(if: hasConfigs)) func gemma4HasTwoSizesOfBlock() throws {
    let window = Shape(5, 16, .window(tokens: 1024))
    #expect(
      try Self.shapes("google--gemma-4-26B-A4B")
        == Array(repeating: window, count: 5) + [Shape(5, 32, .all)])
  }

  /// A state takes two blocks of its own size, or three where its kernel writes checkpoints.
  @Test(.enabled(if: hasConfigs)) func statesTakeBlocksOfTheirOwnSize() throws {
    let path = configFolder.appending(path: "Qwen--Qwen3.5-27B_config.json").path
    let qwen = try ModelFile.read(path: path)
    let cache = Self.cache(qwen)
    let ofQwen = KVGroup(
      layers: 16, blockTokens: 784, blockBytes: cache.blockBytes, keeps: .state(blocks: 2))
    #expect(cache.groups.prefix(3) == [ofQwen, ofQwen, ofQwen])
    #expect(cache.groups.last?.keeps == .all && cache.groups.last?.layers == 16)
    // 48 heads' 128 × 128 matrices in 32 bits, and three inputs of a convolution over 10,240 columns.
    let stateBytes = 48 * 128 * 128 * 4 + 3 * 10_240 * 2
    // Four heads' keys and values of 256 elements: 49 × 16 tokens are the fewest that take as much.
    #expect(cache.blockBytes == 16 * 784 * 4096)
    #expect(48 * 16 * 4096 < stateBytes && stateBytes <= 49 * 16 * 4096)
    let keeps = KVGroupKind.state(blocks: 3, checkpointAlignment: 1)
    let states = [6, 6, 6, 5].map { Shape($0, 2096, keeps) }
    #expect(
      try Self.shapes("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16")
        == states + [Shape(6, 2096, .all)])
  }

  @Test(.enabled(if: hasConfigs)) func chunksOfLlama4() throws {
    let chunk = Shape(12, 16, .chunk(tokens: 8192))
    #expect(
      try Self.shapes("meta-llama--Llama-4-Scout-17B-16E-Instruct")
        == [chunk, chunk, chunk, Shape(12, 16, .all)])
  }

  /// Groups of packed caches: windows of single tokens, compressed ones with the indexer's keys, and what waits.
  @Test(.enabled(if: hasConfigs)) func cachesOfDeepSeekV4ArePacked() throws {
    let window = KVGroupKind.window(tokens: 128)
    #expect(
      try Self.shapes("deepseek-ai--DeepSeek-V4-Flash") == [
        Shape(22, 64, window), Shape(21, 64, window), Shape(62, 256, .all),
        Shape(42, 4, .window(tokens: 8)), Shape(20, 8, window),
      ])
  }
}
