import KVMemory
import Testing

@testable import CostModel

@Suite struct KVCacheSpecTests {
  static func spec(
    _ name: String, tensorParallel: Int = 1, elements: ElementType = .bfloat16,
    blockTokens: Int = 16
  ) throws -> KVCacheSpec {
    KVCacheSpec(
      try ModelCatalogue.find(name), tensorParallel: tensorParallel, elements: elements,
      blockTokens: blockTokens)
  }

  /// One group of a catalogue model without states takes what all its layers take.
  @Test(arguments: ModelCatalogue.all.filter { $0.name != "qwen3-next-80b-a3b" })
  func oneGroupTakesTheBytesOfAllLayers(_ model: ModelSpec) {
    for tensorParallel in [1, 2, 4, 8] where model.splits(tensorParallel) {
      for elements in ElementType.allCases {
        let spec = KVCacheSpec(
          model, tensorParallel: tensorParallel, elements: elements, blockTokens: 16)
        let token = model.kvBytesPerToken(tensorParallel: tensorParallel, elements: elements)
        let one = spec.inOneGroup()
        #expect(one.groups.count == 1)
        #expect(one.blockBytes == 16 * token)
        #expect(one.bytesPerToken == token)
      }
    }
  }

  @Test func layersAreGroupedByWhatTheyKeep() throws {
    let gemma = try Self.spec("gemma-3-4b")
    // 139,264 bytes a token over 34 layers.
    #expect(
      gemma.groups == [
        KVGroup(
          layers: 29, blockTokens: 16, blockBytes: 29 * 16 * 4096, keeps: .window(tokens: 1024)),
        KVGroup(layers: 5, blockTokens: 16, blockBytes: 5 * 16 * 4096, keeps: .all),
      ])
    #expect(gemma.warning(model: "gemma-3-4b") == nil)
    let one = gemma.inOneGroup()
    #expect(one.groups.map(\.keeps) == [.all])
    #expect(
      one.warning(model: "gemma-3-4b") == """
        `gemma-3-4b` keeps the whole context in 29 layers that attend to part of it: their KV \
        blocks are freed with the sequence, not behind the window
        """)
  }

  @Test(arguments: [("mistral-7b", 4096), ("phi-3-mini-4k", 2047), ("phi-3-medium-4k", 2047)])
  func layersOfOneWindowKeepIt(_ name: String, _ window: Int) throws {
    let spec = try Self.spec(name)
    #expect(spec.groups.map(\.keeps) == [.window(tokens: window)])
    #expect(spec.overkeepingLayers == 0)
    let kept = spec.inOneGroup()
    #expect(kept.groups.map(\.keeps) == [.all])
    #expect(kept.overkeepingLayers == spec.groups[0].layers)
    #expect(kept.blockBytes == spec.blockBytes)
  }

  @Test func aStateIsAGroupOfItsOwn() {
    let model = LayerListTests.model(
      .repeating([LayerListTests.recurrent, LayerListTests.global], count: 4))
    let spec = KVCacheSpec(model, tensorParallel: 2, elements: .fp8, blockTokens: 8)
      .inOneGroup()
    let state = spec.groups.first { $0.keeps == .state }
    #expect(state == KVGroup(layers: 2, blockTokens: 8, blockBytes: 65536, keeps: .state))
    #expect(state?.blocks(forTokens: 0) == 0)
    #expect(state?.blocks(forTokens: 5000) == 1)
    // Two layers, keys and values of one head of 64 on each GPU, one byte each.
    #expect(spec.bytesPerToken == 2 * 2 * 64)
  }
}

@Suite struct KVGroupTests {
  /// A token stays if any token of its block may still be attended to: counted one by one.
  private static func resident(
    _ length: Int, blockTokens: Int, isNeeded: (_ position: Int) -> Bool
  ) -> Int {
    (0..<length).count { position in
      let start = position / blockTokens * blockTokens
      return (start..<start + blockTokens).contains { $0 >= length || isNeeded($0) }
    }
  }

  @Test(arguments: [1, 2, 7, 8, 9, 16, 17, 40], [1, 4, 8])
  func aWindowKeepsTheBlocksThatTheNextTokenSees(_ reach: Int, _ blockTokens: Int) {
    let keeps = KVGroupKind.window(tokens: reach)
    let group = KVGroup(layers: 1, blockTokens: blockTokens, blockBytes: 1, keeps: keeps)
    var most = 0
    for length in 0...100 {
      let expected = Self.resident(length, blockTokens: blockTokens) { $0 > length - reach }
      #expect(group.blocks(forTokens: length) == (expected + blockTokens - 1) / blockTokens)
      // The token being computed has its place before anything is freed.
      let first = max(0, length - reach) / blockTokens
      most = max(most, length > 0 ? (length - 1) / blockTokens - first + 1 : 0)
      #expect(group.blocksMax(forTokens: length, inFlight: 0) >= most)
    }
    #expect(group.blocksMax(forTokens: 100, inFlight: 0) == most)
  }

  @Test(arguments: [1, 6, 8, 20], [1, 4, 8])
  func aChunkIsFreedWhenTheNextOneStarts(_ reach: Int, _ blockTokens: Int) {
    let keeps = KVGroupKind.chunk(tokens: reach)
    let group = KVGroup(layers: 1, blockTokens: blockTokens, blockBytes: 1, keeps: keeps)
    for length in 0...100 {
      let expected = Self.resident(length, blockTokens: blockTokens) {
        $0 / reach == length / reach
      }
      #expect(group.blocks(forTokens: length) == (expected + blockTokens - 1) / blockTokens)
      #expect(group.blocks(forTokens: length) <= group.blocksMax(forTokens: length, inFlight: 0))
    }
  }
}

@Suite struct KVCapacityTests {
  private static func capacity(_ keeps: KVGroupKind, blocks: Int = 100) -> KVCapacity {
    let group = KVGroup(layers: 2, blockTokens: 16, blockBytes: 4096, keeps: keeps)
    return KVCapacity(blocks: blocks, of: KVCacheSpec(groups: [group]), inFlight: 0)
  }

  @Test func whereEveryTokenStays() {
    let pool = Self.capacity(.all)
    #expect((pool.tokens, pool.bytes) == (1600, 409_600))
    #expect([0, 1, 16, 17].map(pool.blocks(forTokens:)) == [0, 1, 1, 2])
    #expect(pool.holds(tokens: 1600) && !pool.holds(tokens: 1601))
    #expect(pool.sequences(ofTokens: 1000) == 1.6)
    #expect(pool.longestSequence() == 1600)
    #expect(pool.longestSequence(sparing: 1) == 1584)
    #expect(pool.longestSequence(sparing: 101) == 0)
  }

  /// 64 tokens back lie in five blocks at most.
  @Test func aWindowCapsASequence() {
    let pool = Self.capacity(.window(tokens: 64))
    #expect(pool.blocks(forTokens: 48) == 3)
    #expect(pool.sequences(ofTokens: 48) == Double(100) / 3)
    #expect(pool.sequences(ofTokens: 1_000_000) == 20)
    #expect(pool.holds(tokens: 1_000_000))
    #expect(pool.longestSequence() == nil)
    #expect(Self.capacity(.window(tokens: 64), blocks: 4).longestSequence() == 64)
  }

  @Test func groupsTakeBlocksOfOnePool() {
    let whole = KVGroup(layers: 1, blockTokens: 16, blockBytes: 4096, keeps: .all)
    let local = KVGroup(layers: 1, blockTokens: 16, blockBytes: 4096, keeps: .window(tokens: 64))
    let pool = KVCapacity(blocks: 100, of: KVCacheSpec(groups: [whole, local]), inFlight: 0)
    #expect(pool.blocks(forTokens: 160) == 10 + 4)
    #expect(pool.longestSequence() == 95 * 16)
    #expect(pool.holds(tokens: 95 * 16) && !pool.holds(tokens: 95 * 16 + 1))
  }

  /// A pool of Mistral-7B holds more of its longest sequences where blocks behind the window are
  /// freed: of 32,768 tokens 4,095 stay beside the 8,192 of an iteration, and a block.
  @Test func mistralHoldsMoreSequencesWithItsWindow() throws {
    var inputs = KVBudget.Inputs(
      model: try ModelCatalogue.find("mistral-7b"), device: try DeviceCatalogue.find("h100-sxm"),
      utilization: 0.9, tokenBudget: 8192, blockSize: 16)
    let kept = KVBudget(inputs)
    inputs.grouping = KVGrouping(
      rules: KVGroupRules(vllm: 33), prefixCaching: true, modelLength: 32768)
    let freed = KVBudget(inputs)
    #expect(kept.blocks == freed.blocks)
    #expect(kept.capacity.sequences(ofTokens: 32768) == Double(kept.capacity.tokens) / 32768)
    #expect(freed.capacity.sequences(ofTokens: 32768) == Double(freed.blocks) / 769)
  }
}
