import SimulationKernel
import Testing

@testable import CostModel

/// What follows from a catalogue model's layers, frozen: a change of how layers are described must
/// not move a byte or a nanosecond of a model that was there before.
struct CatalogueFigures: Sendable {
  var name: String
  var parameters: Int
  var activeParameters: Int
  /// ``CatalogueFigures/sizes(of:)``, digested.
  var sizes: UInt64
  /// ``CatalogueFigures/prices(of:)``, digested.
  var prices: UInt64
}

extension CatalogueFigures {
  /// Bytes and parameters on one GPU for each size that splits the model, each element type and
  /// each number of pipeline stages; activations of a small and a large iteration.
  static func sizes(of model: ModelSpec) -> Digest {
    var digest = Digest()
    for tensorParallel in [1, 2, 4, 8] where model.splits(tensorParallel) {
      for stages in [1, 2, 3, 4, 8] {
        let stage = model.stage(of: stages)
        digest.add(stage.parameters(tensorParallel: tensorParallel))
        digest.add(stage.activeParameters)
        for elements in ElementType.allCases {
          digest.add(stage.weightBytes(tensorParallel: tensorParallel, elements: elements))
          digest.add(stage.kvBytesPerToken(tensorParallel: tensorParallel, elements: elements))
        }
        for tokens in [1, 8192] {
          digest.add(
            stage.artifactActivationBytes(tokens: tokens, tensorParallel: tensorParallel))
          digest.add(stage.artifactLayerBytes(tokens: tokens, tensorParallel: tensorParallel))
        }
      }
    }
    return digest
  }

  /// Each operator of some iterations, bit by bit, on a measured device and on one by formula.
  static func prices(of model: ModelSpec) throws -> Digest {
    var digest = Digest()
    let (narrow, wide) = (1, [8, 4, 2].first(where: model.splits) ?? 1)
    for (device, tensorParallel, weights) in [
      ("h100-sxm", narrow, ElementType.bfloat16), ("rtx-4090", wide, .fp8),
    ] {
      digest.add(
        try price(model, device, tensorParallel: tensorParallel, weights: weights))
    }
    for engine in [PaperEraCostModel.EngineKind.eager, .compiled] {
      let paperEra = try PaperEraCostModel(
        model: model, device: try DeviceCatalogue.find("a100-40gb"), tensorParallel: wide,
        blockSize: 16, engine: engine)
      for work in shapes(model) { digest.add(Int(paperEra.duration(of: work).nanoseconds)) }
    }
    return digest
  }

  /// Every operator of ``shapes``, and a stretch of decoding.
  static func price(
    _ model: ModelSpec, _ device: String, tensorParallel: Int, weights: ElementType
  ) throws -> Digest {
    var digest = Digest()
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find(device),
      blockBytes: 16 * model.kvBytesPerToken(tensorParallel: tensorParallel))
    deployment.tensorParallel = tensorParallel
    deployment.weights = weights
    deployment.overheads = .vllm011
    let cost = try KernelCostModel(deployment)
    for work in shapes(model) {
      digest.add(Int(cost.duration(of: work).nanoseconds))
      for part in cost.breakdown(of: work) { digest.add(part.seconds.bitPattern) }
    }
    withUnsafeTemporaryAllocation(of: SimDuration.self, capacity: 8) { durations in
      durations.initialize(repeating: .zero)
      // Windows of 4,096 tokens are full at the last but one.
      for (part, context) in [(0..<6, 4090), (6..<8, 4096)] {
        var first = IterationWork(attendedMax: model.attendedMax)
        first.decode(24, contextTokens: 24 * context)
        let isFull = context >= model.attendedMax ?? .max
        let decode = SteadyDecode(
          sequences: 24, contextTokens: 24 * context, skippedTokens: first.decodeSkippedTokens,
          skippedGrowth: isFull ? 24 : 0)
        cost.durations(decode, into: UnsafeMutableBufferPointer(rebasing: durations[part]))
      }
      for duration in durations { digest.add(Int(duration.nanoseconds)) }
    }
    return digest
  }

  /// Decoding below and above every window, prompts, and both in one batch.
  static func shapes(_ model: ModelSpec) -> [IterationWork] {
    var shapes: [IterationWork] = []
    for (sequences, context) in [(1, 300), (17, 1500), (256, 5000), (3, 30_000)] {
      var work = IterationWork(attendedMax: model.attendedMax)
      work.decode(sequences, contextTokens: sequences * context)
      work.sampledSequences = sequences
      shapes.append(work)
    }
    var prompts = IterationWork()
    prompts.prefillChunks = [
      .init(tokens: 700, contextTokens: 0), .init(tokens: 4096, contextTokens: 9000),
    ]
    prompts.sampledSequences = 2
    var mixed = shapes[1]
    mixed.prefillChunks = [.init(tokens: 333, contextTokens: 6000)]
    mixed.copiedBlocks = 3
    mixed.swappedOutBlocks = 5
    return shapes + [prompts, mixed]
  }
}

/// FNV-1a over 64-bit words: short to store, and any changed bit changes it.
struct Digest: Equatable, Sendable {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ word: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      value = (value ^ (word >> shift & 0xff)) &* 0x100_0000_01b3
    }
  }

  mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }
  mutating func add(_ other: Digest) { add(other.value) }
}

extension CatalogueFigures {
  /// As they were before a model was a list of layers.
  static let frozen: [CatalogueFigures] = [
    .init(
      name: "opt-13b", parameters: 12_853_452_800, activeParameters: 12_853_452_800,
      sizes: 0x436e_3102_a341_2370, prices: 0xb7c3_196a_b3ef_d28e),
    .init(
      name: "opt-66b", parameters: 65_719_664_640, activeParameters: 65_719_664_640,
      sizes: 0x57e6_f5cf_4548_54f3, prices: 0xb227_4344_1ce1_a821),
    .init(
      name: "opt-175b", parameters: 174_604_419_072, activeParameters: 174_604_419_072,
      sizes: 0x90f2_8f9f_80fb_75da, prices: 0x0f74_defa_3cca_2ec2),
    .init(
      name: "llama-13b", parameters: 12_935_905_280, activeParameters: 12_935_905_280,
      sizes: 0x89e3_f0fb_7154_07ef, prices: 0xa18c_337f_469d_9af8),
    .init(
      name: "llama-2-7b", parameters: 6_738_415_616, activeParameters: 6_738_415_616,
      sizes: 0xaad7_378c_54aa_5b4f, prices: 0x58c7_29e0_3f58_69be),
    .init(
      name: "llama-2-13b", parameters: 13_015_864_320, activeParameters: 13_015_864_320,
      sizes: 0xcccd_532c_8904_0b08, prices: 0x285e_ab91_f566_e032),
    .init(
      name: "llama-2-70b", parameters: 68_976_648_192, activeParameters: 68_976_648_192,
      sizes: 0x399f_2220_d8e9_8754, prices: 0x70de_12f7_3406_4fcd),
    .init(
      name: "llama-3-8b", parameters: 8_030_261_248, activeParameters: 8_030_261_248,
      sizes: 0x1753_0fbf_2f0c_1244, prices: 0x2584_fe16_ce2a_e127),
    .init(
      name: "llama-3-70b", parameters: 70_553_706_496, activeParameters: 70_553_706_496,
      sizes: 0xfed4_667b_6489_c127, prices: 0x5c4d_42a0_3188_774c),
    .init(
      name: "llama-3.1-8b", parameters: 8_030_261_248, activeParameters: 8_030_261_248,
      sizes: 0x1753_0fbf_2f0c_1244, prices: 0x2584_fe16_ce2a_e127),
    .init(
      name: "llama-3.1-70b", parameters: 70_553_706_496, activeParameters: 70_553_706_496,
      sizes: 0xfed4_667b_6489_c127, prices: 0x5c4d_42a0_3188_774c),
    .init(
      name: "llama-3.2-3b", parameters: 3_212_749_824, activeParameters: 3_212_749_824,
      sizes: 0x5a44_b1c3_c24c_2782, prices: 0xf62c_6d80_c22a_f75d),
    .init(
      name: "llama-3.1-405b", parameters: 405_853_388_800, activeParameters: 405_853_388_800,
      sizes: 0xb39a_576e_41fd_208b, prices: 0xf9b9_d19c_d26d_237c),
    .init(
      name: "mistral-small-3.2-24b", parameters: 24_011_403_200, activeParameters: 24_011_403_200,
      sizes: 0xd5dc_67bd_500f_6272, prices: 0xfb5d_c7a2_a8b9_94bf),
    .init(
      name: "mistral-7b", parameters: 7_241_732_096, activeParameters: 7_241_732_096,
      sizes: 0x1187_ad7e_f572_851e, prices: 0x4a9f_ab74_4079_fd56),
    .init(
      name: "mixtral-8x7b", parameters: 46_702_792_704, activeParameters: 12_879_925_248,
      sizes: 0x5a30_1b3f_d42b_ac24, prices: 0x1ca1_203c_4336_2894),
    .init(
      name: "qwen-14b", parameters: 14_166_676_480, activeParameters: 14_166_676_480,
      sizes: 0x7fcc_7d89_a001_fb72, prices: 0xa988_df22_ec59_f1db),
    .init(
      name: "qwen2.5-0.5b", parameters: 494_005_120, activeParameters: 494_005_120,
      sizes: 0x11b6_bf67_eaa3_2560, prices: 0x10c3_4295_d135_7dd9),
    .init(
      name: "qwen2.5-1.5b", parameters: 1_543_656_960, activeParameters: 1_543_656_960,
      sizes: 0x8469_88ac_08ae_a49d, prices: 0xb1cf_7fa5_0eee_7bfc),
    .init(
      name: "qwen2.5-7b", parameters: 7_615_487_488, activeParameters: 7_615_487_488,
      sizes: 0xdc66_c2d4_32ac_81a9, prices: 0xf789_192e_737a_2669),
    .init(
      name: "qwen2.5-72b", parameters: 72_705_384_448, activeParameters: 72_705_384_448,
      sizes: 0xbba0_1fb6_a897_97a9, prices: 0xfc3c_a275_1d49_d25e),
    .init(
      name: "qwen3-8b", parameters: 8_190_726_144, activeParameters: 8_190_726_144,
      sizes: 0xcfbd_7d58_125c_b757, prices: 0xd18b_0eba_cb3e_045e),
    .init(
      name: "qwen3-14b", parameters: 14_768_296_960, activeParameters: 14_768_296_960,
      sizes: 0x502b_33da_9c88_f7e9, prices: 0x573d_8766_cfef_48ac),
    .init(
      name: "qwen3-32b", parameters: 32_762_106_880, activeParameters: 32_762_106_880,
      sizes: 0x7edb_a6a8_ba46_2c1f, prices: 0xc677_c27c_79f0_a5c5),
    .init(
      name: "qwen3-next-80b-a3b", parameters: 79_674_279_936, activeParameters: 3_874_818_048,
      sizes: 0x63f0_d675_3a56_4145, prices: 0x0000_0000_0000_0000),
    .init(
      name: "qwen3-30b-a3b", parameters: 30_532_110_336, activeParameters: 3_353_020_416,
      sizes: 0xe7a3_5d31_b646_4ac5, prices: 0x8732_8c0b_279e_20cf),
    .init(
      name: "qwen3-235b-a22b", parameters: 235_093_610_496, activeParameters: 22_190_739_456,
      sizes: 0xc197_cfbd_57cc_5489, prices: 0x91f9_d6a7_b80d_94f3),
    .init(
      name: "gemma-2-2b", parameters: 2_614_222_080, activeParameters: 2_614_222_080,
      sizes: 0xb9b4_7eac_5f42_5e16, prices: 0xc1f4_11b0_9b69_c2fb),
    .init(
      name: "gemma-2-9b", parameters: 9_241_404_928, activeParameters: 9_241_404_928,
      sizes: 0xe53d_b141_09a8_fa1f, prices: 0xe6c7_d60b_caa9_c69b),
    .init(
      name: "gemma-2-27b", parameters: 27_226_704_384, activeParameters: 27_226_704_384,
      sizes: 0x7d27_bcab_d8b5_d8da, prices: 0xdb79_d419_a0f2_ef29),
    .init(
      name: "gemma-3-1b", parameters: 999_812_736, activeParameters: 999_812_736,
      sizes: 0x553e_d637_b998_d4a2, prices: 0x1f85_0951_3b2f_2299),
    .init(
      name: "gemma-3-4b", parameters: 3_880_071_680, activeParameters: 3_880_071_680,
      sizes: 0x5b7d_7433_daa7_ca80, prices: 0x561d_6ade_28ec_1566),
    .init(
      name: "gemma-3-12b", parameters: 11_765_640_960, activeParameters: 11_765_640_960,
      sizes: 0xa966_c470_4c8a_83c9, prices: 0xe74e_78b5_f7cb_4055),
    .init(
      name: "gemma-3-27b", parameters: 27_008_663_808, activeParameters: 27_008_663_808,
      sizes: 0x820a_08be_2308_5012, prices: 0x118e_ce38_1005_0bb7),
    .init(
      name: "phi-3-mini-4k", parameters: 3_821_079_552, activeParameters: 3_821_079_552,
      sizes: 0x34ef_fba8_762b_533b, prices: 0xf4b4_9d40_9546_c121),
    .init(
      name: "phi-3-medium-4k", parameters: 13_960_238_080, activeParameters: 13_960_238_080,
      sizes: 0x3638_fdbf_852f_9588, prices: 0xa3a0_bb55_ae9d_1b76),
    .init(
      name: "phi-3-mini-128k", parameters: 3_821_079_552, activeParameters: 3_821_079_552,
      sizes: 0x34ef_fba8_762b_533b, prices: 0x0829_d0a7_c92c_77a1),
    .init(
      name: "phi-4", parameters: 14_659_507_200, activeParameters: 14_659_507_200,
      sizes: 0x8293_c00b_1750_dfe1, prices: 0xdf6a_6104_0148_0078),
    .init(
      name: "chatglm2-6b-32k", parameters: 6_243_454_976, activeParameters: 6_243_454_976,
      sizes: 0xb454_1d42_0724_b885, prices: 0xcd2a_895c_c90d_d91f),
    .init(
      name: "yi-6b-200k", parameters: 6_061_035_520, activeParameters: 6_061_035_520,
      sizes: 0x939b_5534_0888_df98, prices: 0x3cf9_dbf2_d365_c053),
    .init(
      name: "yi-34b-200k", parameters: 34_388_917_248, activeParameters: 34_388_917_248,
      sizes: 0x35dd_db64_3a8d_011b, prices: 0x5db8_6010_e88d_a292),
    .init(
      name: "deepseek-v2-lite", parameters: 15_706_470_400, activeParameters: 2_661_136_384,
      sizes: 0xdcd8_1e5a_0ad7_2ed0, prices: 0x5e03_ac8e_9293_6331),
    .init(
      name: "deepseek-v2", parameters: 235_741_312_000, activeParameters: 21_375_677_440,
      sizes: 0xb3a5_c922_9ba7_cf5f, prices: 0xd46b_78d1_4748_642c),
    .init(
      name: "deepseek-v3", parameters: 671_026_279_424, activeParameters: 37_552_157_696,
      sizes: 0x6524_e2bf_4cf3_8140, prices: 0x4429_594e_27d1_88e2),
    .init(
      name: "gpt-oss-20b", parameters: 20_914_562_880, activeParameters: 4_193_052_480,
      sizes: 0xc642_c7fc_2086_2ac4, prices: 0x0f2a_d045_405c_3430),
    .init(
      name: "gpt-oss-120b", parameters: 116_828_861_760, activeParameters: 5_750_256_960,
      sizes: 0x6d15_7f11_586f_533c, prices: 0x4243_9085_a5df_9061),
    .init(
      name: "toy-1m", parameters: 1_049_728, activeParameters: 1_049_728,
      sizes: 0x43e4_8f2f_727f_cf8b, prices: 0xe713_f850_a346_432f),
    .init(
      name: "toy-25m", parameters: 26_089_984, activeParameters: 26_089_984,
      sizes: 0x573e_4086_17c0_9c46, prices: 0x9408_60a5_2453_54a4),
    .init(
      name: "toy-100m", parameters: 97_536_768, activeParameters: 97_536_768,
      sizes: 0xa36e_a585_7d8c_9ed4, prices: 0x3f35_6959_808e_6e8c),
    .init(
      name: "toy-opt-1m", parameters: 1_054_720, activeParameters: 1_054_720,
      sizes: 0xa61f_4968_df66_d74d, prices: 0xfd70_9d72_0846_f858),
  ]

  /// ``price(_:_:tensorParallel:weights:)`` of Llama-3.1-8B, Gemma-3-4B and DeepSeek-V2-Lite, by
  /// device.
  static let frozenByDevice: [(device: String, prices: UInt64)] = [
    ("a100-40gb", 0x702d_4fe1_e7af_fb63),
    ("a100-80gb", 0x24fa_89d1_e1e6_308d),
    ("a800-80gb", 0x1ae1_5daf_0034_4607),
    ("v100-32gb", 0x43c9_0d7d_4a96_5e5b),
    ("t4", 0xaa22_1dc2_ca03_eec2),
    ("a10", 0x89c1_a0e2_4e15_eb44),
    ("a10g", 0xdf1e_396e_dd0e_10e5),
    ("a40", 0x4c87_fd4d_6bb0_5ec5),
    ("l4", 0x67ab_42f9_8419_d15b),
    ("l40", 0xfbf6_15a9_2158_2346),
    ("l40s", 0x0570_c1ae_621d_4df1),
    ("h100-sxm", 0x6947_5613_3166_e8f0),
    ("h100-pcie", 0x7253_dcc6_1a08_6656),
    ("h100-nvl", 0xf437_a6b3_6c81_1d62),
    ("h800", 0x2c14_7d9e_75c7_0575),
    ("h20", 0x15aa_0afb_240b_9a03),
    ("h200-sxm", 0x6d8e_487e_80cd_3323),
    ("gh200", 0x5c12_84a1_0c29_bbb8),
    ("b200", 0x97ac_b3b6_fb03_6cfd),
    ("b300", 0x7344_f67a_660d_7227),
    ("gb200", 0xc06f_7e20_f309_45ca),
    ("gb300", 0xe6de_90c1_dc34_bd64),
    ("rtx-3090", 0xfe5d_691f_6c0b_f6e9),
    ("rtx-4090", 0x83a0_e946_d0f0_d2d4),
    ("rtx-5090", 0x56c7_d3ce_1e86_fd6d),
    ("rtx-a6000", 0x7c4e_4e93_aa7b_512f),
    ("rtx-6000-ada", 0xc8d5_7bf3_a6ed_4401),
    ("rtx-pro-6000", 0x37b9_7245_a3bd_8de4),
    ("mi300x", 0xf72a_7593_697b_d174),
    ("mi325x", 0x2c1b_477b_6fce_eb81),
    ("mi355x", 0x897d_4f31_7731_db6f),
  ]
}

@Suite struct CatalogueFiguresTests {
  @Test func everyModelIsFrozen() {
    let models = ModelCatalogue.all + ModelCatalogue.toys
    #expect(CatalogueFigures.frozen.map(\.name) == models.map(\.name))
  }

  @Test(arguments: zip(CatalogueFigures.frozen, ModelCatalogue.all + ModelCatalogue.toys))
  func figuresAreUnchanged(_ frozen: CatalogueFigures, _ model: ModelSpec) throws {
    #expect(model.parameters() == frozen.parameters)
    #expect(model.activeParameters == frozen.activeParameters)
    #expect(CatalogueFigures.sizes(of: model).value == frozen.sizes, "\(model.name)")
    // States have no price yet.
    let prices = model.hasRecurrence ? 0 : try CatalogueFigures.prices(of: model).value
    #expect(prices == frozen.prices, "\(model.name)")
  }

  @Test(arguments: CatalogueFigures.frozenByDevice)
  func pricesOfEveryDeviceAreUnchanged(_ device: String, _ frozen: UInt64) throws {
    var digest = Digest()
    for name in ["llama-3.1-8b", "gemma-3-4b", "deepseek-v2-lite"] {
      let model = try ModelCatalogue.find(name)
      digest.add(
        try CatalogueFigures.price(model, device, tensorParallel: 1, weights: .bfloat16))
    }
    #expect(digest.value == frozen, "\(device)")
  }

  @Test func everyDeviceIsFrozen() {
    let devices = DeviceCatalogue.all.filter { $0.software == .present && $0.isPriced }
    #expect(CatalogueFigures.frozenByDevice.map(\.device) == devices.map(\.name))
  }
}
