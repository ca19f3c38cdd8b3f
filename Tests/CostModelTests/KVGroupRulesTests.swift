import KVMemory
import Testing

@testable import CostModel

/// Groups of handmade models, layer by layer.
@Suite struct KVGroupRulesTests {
  /// A layer of one head whose key and value have `width` 16-bit elements each.
  private static func page(
    _ keeps: KVGroupKind = .all, width: Int = 1, block: Int = 16
  ) -> KVLayerPage {
    KVLayerPage(
      keeps: keeps,
      content: .vectors(.init(heads: 1, keyWidth: width, valueWidth: width, elementBytes: 2)),
      blockTokens: block)
  }

  private static let local = KVGroupKind.window(tokens: 64)

  private static func state(_ bytes: Int) -> KVLayerPage {
    KVLayerPage(
      keeps: .state(blocks: 2), content: .state(partBytes: [bytes]), blockTokens: 16)
  }

  private static func layers(_ whole: Int, _ windows: Int) -> [KVLayerPage] {
    Array(repeating: page(), count: whole) + Array(repeating: page(local), count: windows)
  }

  private static func counts(_ pages: [KVLayerPage], vllm minor: Int = 33) -> [Int] {
    KVGroupRules(vllm: minor).groups(of: pages).map(\.caches.count)
  }

  /// Releases differ in when one kind of layer may be short of the other's number.
  @Test func theSizeOfAGroupDependsOnTheRelease() {
    // 13 < 1.25 × 12: both groups are of 13, one lacks a layer; 0.10 has 12 in a group, and one in another.
    for minor in [12, 17, 18, 33] {
      #expect(Self.counts(Self.layers(13, 12), vllm: minor) == [13, 12])
    }
    #expect(Self.counts(Self.layers(13, 12), vllm: 10) == [7, 6, 12])
    // 1.25 × 20 ≤ 28 < 1.5 × 20.
    #expect(Self.counts(Self.layers(20, 28), vllm: 17) == [20, 14, 14])
    #expect(Self.counts(Self.layers(20, 28), vllm: 18) == [20, 28])
    // 30 is not less than 1.5 × 20.
    #expect(Self.counts(Self.layers(20, 30)) == [20, 15, 15])
  }

  @Test func layersAreDealtOneAfterTheOther() {
    // w w a w w a w w a w: seven windows in three groups.
    let pages = [Self.local, Self.local, .all].map { Self.page($0) }
    let groups = KVGroupRules(vllm: 33).groups(of: (0..<10).map { pages[$0 % 3] })
    #expect(groups.map(\.caches) == [[0, 4, 9], [1, 6], [3, 7], [2, 5, 8]])
    // 16 tokens of 4 bytes in each layer.
    #expect(groups.map(\.bytes) == [192, 128, 128, 192])
  }

  @Test func smallerPagesHoldMoreTokensOrArePadded() {
    let rules = KVGroupRules(vllm: 33)
    let wider = rules.groups(of: [Self.page(Self.local, width: 6), Self.page(width: 2)])
    #expect(wider.map(\.blockTokens) == [16, 48])
    #expect(wider.map(\.bytes) == [384, 384])
    let padded = rules.groups(of: [Self.page(Self.local, width: 3), Self.page(width: 2)])
    #expect(padded.map(\.blockTokens) == [16, 16])
    #expect(padded.map(\.bytes) == [192, 192])
    // Before 0.12 such a model kept everything, in one group.
    let older = KVGroupRules(vllm: 10).groups(
      of: [Self.page(Self.local, width: 6), Self.page(width: 2)])
    #expect(older.map(\.keeps) == [.all])
    #expect(older.map(\.bytes) == [384 + 128])
  }

  @Test func layersThatKeepTheSameAreOneGroup() {
    let rules = KVGroupRules(vllm: 33)
    let alike = rules.groups(of: [Self.page(), Self.page()])
    #expect(alike.map(\.isUniformType) == [false])
    let unlike = rules.groups(of: [Self.page(), Self.page(width: 3)])
    #expect(unlike.map(\.isUniformType) == [true])
    #expect(unlike.map(\.bytes) == [64 + 192])
    // A block of 16 tokens is made one of 32, and then both are alike.
    let windows = [Self.page(Self.local), Self.page(Self.local)]
    let blocks = rules.groups(of: [Self.page(), Self.page(block: 32)] + windows)
    #expect(blocks.map(\.caches) == [[0, 1], [2, 3]])
    #expect(blocks.map(\.blockTokens) == [32, 32])
  }

  @Test func withoutTheHybridManagerEveryLayerKeepsEverything() {
    var rules = KVGroupRules(vllm: 33)
    rules.hybridManager = false
    let groups = rules.groups(of: Self.layers(2, 3) + [Self.page(.chunk(tokens: 32))])
    #expect(groups.map(\.keeps) == [.all])
    #expect(groups.map(\.caches.count) == [6])
  }

  /// 100 bytes of state need 25 tokens of attention, in 16s 32; 130 bytes need 48.
  @Test func attentionIsAsWideAsTheStateBesideIt() {
    let aligned = [Self.state(100), Self.page()].besideStates(unit: 16, modelLength: nil)
    #expect(aligned.map(\.blockTokens) == [32, 32])
    #expect(aligned.map(\.bytes) == [128, 128])
    let uncached = [Self.state(130), Self.page()].besideStates(unit: 16, modelLength: 1000)
    #expect(uncached.map(\.blockTokens) == [1000, 48])
    #expect(uncached.map(\.bytes) == [192, 192])
    let checkpoints = [Self.state(130), Self.page()].besideStates(unit: 64, modelLength: nil)
    #expect(checkpoints.map(\.blockTokens) == [64, 64])
    let larger = [Self.state(100), Self.page(block: 64)].besideStates(unit: 16, modelLength: nil)
    #expect(larger.map(\.blockTokens) == [64, 64])
    #expect([Self.page()].besideStates(unit: 16, modelLength: nil) == [Self.page()])
  }

  /// Four windows, and two layers of two caches each that keep everything: groups of two rows.
  @Test func cachesOfUnlikeSizeArePackedWhereBlocksAreOutermost() {
    var rules = KVGroupRules(vllm: 33)
    rules.blockOutermost = true
    let (wide, narrow) = (Self.page(width: 4, block: 32), Self.page(width: 1, block: 32))
    let window = Self.page(Self.local, width: 4)
    let groups = rules.groups(of: [window, wide, narrow, window, window, wide, narrow, window])
    #expect(groups.map(\.caches) == [[0, 4], [3, 7], [1, 2, 5, 6]])
    #expect(groups.map(\.bytes) == [512, 512, 2 * (512 + 128)])
    #expect(groups.map(\.isUniformType) == [true, true, true])
    // The other layers' group has 1,280 bytes, which hold one state of 1,000: each is a group.
    let states = rules.groups(
      of: [Self.state(1000), wide, narrow, Self.state(1000), wide, narrow])
    #expect(states.map(\.caches) == [[0], [3], [1, 2, 4, 5]])
    // Before 0.24 nothing was packed: pages are brought to one size.
    rules.packs = false
    #expect(rules.groups(of: [window, wide, narrow]).map(\.bytes) == [512, 512, 512])
  }

  @Test func twoBatchesInFlightCountSince026() {
    #expect(KVGroupRules.inFlight(vllm: 25, tokenBudget: 2048, batches: 2) == 2048)
    #expect(KVGroupRules.inFlight(vllm: 26, tokenBudget: 2048, batches: 2) == 4096)
    #expect(KVGroupRules.inFlight(vllm: 33, tokenBudget: 2048, batches: 1) == 2048)
  }
}

/// Pools of several groups.
@Suite struct GroupedPoolTests {
  static func grouping(vllm minor: Int = 33, modelLength: Int) -> KVGrouping {
    KVGrouping(
      rules: KVGroupRules(vllm: minor), prefixCaching: true, modelLength: modelLength)
  }

  /// Gemma-3-27B: 52 windows in six groups, ten layers that keep everything in a seventh.
  @Test(arguments: [(2048, 193, 9350), (8192, 577, 11_654)])
  func aSequenceOfGemma(_ tokenBudget: Int, _ blocksOfAWindow: Int, _ blocks: Int) throws {
    let cache = KVCacheSpec(
      try ModelCatalogue.find("gemma-3-27b"), tensorParallel: 1, elements: .bfloat16,
      blockTokens: 16, grouping: Self.grouping(modelLength: 131_072))
    #expect(cache.groups.map(\.layers) == [9, 9, 9, 9, 8, 8, 10])
    #expect(cache.blockBytes == 10 * 131_072)
    #expect((cache.schedulerBlockTokens, cache.hashBlockTokens) == (16, 16))
    #expect(cache.countsNullBlock)
    let pool = KVCapacity(blocks: 12_711, of: cache, inFlight: tokenBudget)
    #expect(
      cache.groups.map { $0.blocksReserved(forTokens: 131_072, inFlight: tokenBudget) }
        == Array(repeating: blocksOfAWindow, count: 6) + [8192])
    #expect(pool.blocksReserved(forTokens: 131_072) == blocks)
    #expect(pool.sequences(ofTokens: 131_072) == 12_711 / Double(blocks))
  }

  /// Block 0 stands for none: 14 blocks are for sequences of a pool of 15.
  @Test func aBlockStandsForNone() {
    let groups = [
      KVGroup(layers: 1, blockTokens: 4, blockBytes: 64, keeps: .window(tokens: 8)),
      KVGroup(layers: 1, blockTokens: 8, blockBytes: 64, keeps: .all),
    ]
    let cache = KVCacheSpec(pooling: groups, countsNullBlock: true, cachesBlocks: true)
    #expect((cache.schedulerBlockTokens, cache.hashBlockTokens) == (8, 4))
    let uncached = KVCacheSpec(pooling: groups, countsNullBlock: true, cachesBlocks: false)
    #expect(uncached.hashBlockTokens == 8)
    let pool = KVCapacity(blocks: 15, of: cache, inFlight: 9)
    #expect(pool.usableBlocks == 14)
    // ⌈16 / 4⌉ + 1 blocks of the window, and nine for 72 tokens.
    #expect(pool.blocksReserved(forTokens: 72) == 14)
    #expect(pool.admits(modelLength: 72) && !pool.admits(modelLength: 73))
    #expect(pool.admittedLength(upTo: 1000) == 72)
    #expect(pool.admittedLength(upTo: 60) == 60)
    // A short sequence is counted one block more than it can hold.
    #expect(pool.blocksReserved(forTokens: 4) == 2 + 1)
    #expect(pool.blocksMax(forTokens: 4) == 1 + 1)
  }

  /// Layers that all keep everything are what they are without groups.
  @Test(
    arguments: ModelCatalogue.all.filter { model in
      model.layers.kinds.allSatisfy { !$0.layer.isRecurrent } && model.attendedMax == nil
    })
  func oneKindOfLayerIsOneTable(_ model: ModelSpec) {
    for minor in [10, 33] {
      for elements in [ElementType.bfloat16, .fp8] {
        let grouped = KVCacheSpec(
          model, tensorParallel: 1, elements: elements, blockTokens: 16,
          grouping: Self.grouping(vllm: minor, modelLength: 4096))
        let one = KVCacheSpec(
          model, tensorParallel: 1, elements: elements, blockTokens: 16
        ).inOneGroup()
        #expect(grouped == one)
      }
    }
  }

  /// Start-up logs of gpt-oss-120b on H200s, prefix caching off: GiB for keys and values to two decimals, and the tokens
  /// that the engine (0.22) says they hold.
  ///
  /// - Source: GloriaXimingLu/inferencex-profiling at 237385b and heyram74/nebius_sopertors_inferencex_benchmark at
  ///   4c8d50b, through a table of public logs.
  @Test(arguments: [
    (1, 9472, 57.24, 886_768), (1, 9472, 57.22, 886_521), (4, 2068, 106.27, 6_131_120),
    (4, 2068, 106.25, 6_130_106), (8, 2068, 114.85, 13_253_035), (8, 2068, 114.85, 13_252_362),
  ])
  func logsOfGptOss(
    _ tensorParallel: Int, _ modelLength: Int, _ gibibytes: Double, _ tokens: Int
  ) throws {
    let heads = ModelLayer.Heads(query: 64, kv: 8, dim: 64)
    let layers = [KVGroupKind.window(tokens: 128), .all].map {
      ModelLayer(.heads(heads, $0), .none)
    }
    let cache = KVCacheSpec(
      LayerListTests.model(.repeating(layers, count: 36)), tensorParallel: tensorParallel,
      elements: .bfloat16, blockTokens: 16,
      grouping: Self.grouping(vllm: 22, modelLength: modelLength))
    func held(_ gibibytes: Double) -> Int {
      let bytes = Int(gibibytes * Double(1 << 30))
      return KVCapacity(blocks: bytes / cache.blockBytes, of: cache, inFlight: 8192)
        .tokens(inSequencesOf: modelLength)
    }
    // What the two decimals leave open, and no more.
    #expect(held(gibibytes - 0.005) <= tokens)
    #expect(held(gibibytes + 0.005) >= tokens)
  }
}
