import SimulationKernel
import Testing

@testable import CostModel

/// A pool that vLLM's start-up log states.
struct LoggedPool: Sendable {
  var source: String
  var model: String
  var device: String
  /// As `torch.cuda` has it.
  var memoryGiB: Double
  var utilization: Double
  var tokenBudget: Int
  var sequences: Int
  var kvTokens: Int
}

/// The pools of present engines, and models cut over GPUs.
@Suite struct EngineMemoryTests {
  private func inputs(
    _ model: String, _ device: String, tensorParallel: Int = 1, pipelineParallel: Int = 1,
    _ change: (inout KVBudget.Inputs) -> Void = { _ in }
  ) throws -> KVBudget.Inputs {
    var inputs = KVBudget.Inputs(
      model: try ModelCatalogue.find(model), device: try DeviceCatalogue.find(device),
      tensorParallel: tensorParallel, utilization: 0.9, tokenBudget: 2048, blockSize: 16)
    inputs.pipelineParallel = pipelineParallel
    change(&inputs)
    return inputs
  }

  private func vllm(
    _ release: VLLMRelease, sequences: Int = 256, modelLength: Int = 8192,
    _ change: (inout VLLMMemory) -> Void = { _ in }
  ) -> EngineMemory {
    var memory = VLLMMemory(release: release, sequences: sequences, modelLength: modelLength)
    change(&memory)
    return .vllm(memory)
  }

  /// Measured pools against ours: within 1 %.
  ///
  /// The A100's log has no release: its graphs are of the reserve, and its peak is that of a sampler that does not sort. The larger card's log
  /// counts 56.21 GiB = 72.91 − 15.26 (weights, not PyTorch's) − 1.44 (activations), no graphs.
  @Test(arguments: [
    (
      LoggedPool(
        source: "vLLM on GCP a2-highgpu-1g, Llama-3.1-8B-Instruct", model: "llama-3.1-8b",
        device: "a100-40gb", memoryGiB: 39.39, utilization: 0.9, tokenBudget: 2048, sequences: 256,
        kvTokens: 163_168), VLLMRelease(0, 18)
    ),
    (
      LoggedPool(
        source: "vLLM start-up log of a 79.25 GiB card, Llama-3.1-8B", model: "llama-3.1-8b",
        device: "h100-sxm", memoryGiB: 79.25, utilization: 0.92, tokenBudget: 8192,
        sequences: 1024, kvTokens: 460_496), VLLMRelease(0, 21)
    ),
  ])
  func loggedPoolsOfV1(_ pool: LoggedPool, _ release: VLLMRelease) throws {
    let inputs = try inputs(pool.model, pool.device) {
      $0.device.memoryBytes = Int(pool.memoryGiB * Double(1 << 30))
      $0.utilization = pool.utilization
      $0.tokenBudget = pool.tokenBudget
      $0.engine = vllm(release, sequences: pool.sequences) { $0.recordsGraphs = false }
    }
    let error = Double(KVBudget(inputs).capacity.tokens) / Double(pool.kvTokens) - 1
    #expect(abs(error) < 0.01, "\(pool.source): \(error)")
  }

  /// vLLM of December 2023, Llama-2-7B, one A100-80GB: 7,351 blocks (vllm-project/vllm pull request 2031).
  @Test func aLoggedPoolOf2023() throws {
    let inputs = try inputs("llama-2-7b", "a100-80gb") { $0.tokenBudget = 4096 }
    #expect(abs(Double(KVBudget(inputs).blocks) / 7351 - 1) < 0.01)
  }

  /// Every size once for each layer at 192 KiB, and 1 MiB for each that decodes alone.
  @Test func graphsAndCollectivesAreLinesOfTheirOwn() throws {
    let inputs = try inputs("llama-3.1-70b", "h100-sxm", tensorParallel: 4) {
      $0.engine = vllm(.v021)
    }
    let budget = KVBudget(inputs)
    // 256 sequences: 1, 2, 4, 31 sizes below 256, 17 up to 512; 35 of them up to 256 sequences.
    #expect(budget.graphBytes == 51 * 80 * 196_608 + 35 << 20)
    // FlashInfer's: four buffers of 4 × 2 MiB. NCCL's are of the reserve.
    #expect(budget.communicationBytes == 32 << 20)
    #expect(budget.lines.dropLast().reduce(0) { $0 + $1.bytes } == budget.kvBytes)
    var eager = inputs
    eager.engine = vllm(.v021) { $0.recordsGraphs = false }
    #expect(KVBudget(eager).graphBytes == 0)
    #expect(KVBudget(eager).communicationBytes == 0)
    #expect(
      KVBudget(eager).kvBytes == budget.kvBytes + budget.graphBytes + budget.communicationBytes)
    // NCCL's buffers are charged until 0.10.2: with reduction in the switch on an H100, without on an A100.
    var old = inputs
    old.engine = vllm(VLLMRelease(0, 10, 2))
    #expect(KVBudget(old).communicationBytes == 1_342_177_280)
    #expect(KVBudget(old).graphBytes == 0)
    old.device = try DeviceCatalogue.find("a100-80gb")
    #expect(KVBudget(old).communicationBytes == 392_000_000)
    old.tensorParallel = 2
    #expect(KVBudget(old).communicationBytes == 342_000_000)
    old.tensorParallel = 1
    #expect(KVBudget(old).communicationBytes == 0)
  }

  /// Experts on data-centre Blackwell, of 62 layers: sizes in pieces at 266 KiB a layer, whole ones at 159, and FlashInfer's
  /// workspace; GB300 with MiniMax-M2.5 in NVFP4 (vLLM 0.21) has 1.66 GiB with 51 whole ones, and 1.51 with 35.
  @Test(arguments: [(512, 51, 1.66), (256, 35, 1.51)])
  func graphsOfExpertsOnBlackwell(_ sequences: Int, _ whole: Int, _ logged: Double) throws {
    var model = ModelSpec(
      name: "experts", aliases: [], layers: 62, hidden: 3072, heads: 48, kvHeads: 8, headDim: 128,
      ffn: 0, vocab: 200_064, maxPositions: 196_608,
      mixture: .init(experts: 256, activeExperts: 8, ffn: 1536))
    model.stored = WeightFormat(.nvfp4)
    var inputs = try inputs("llama-3.1-8b", "gb300") {
      $0.model = model
      $0.tokenBudget = 8192
      $0.engine = vllm(.v021, sequences: sequences) { $0.graphTokensMax = 512 }
    }
    let bytes = 62 * (51 * 266 + whole * 159) << 10 + 394 << 20
    #expect(KVBudget(inputs).graphBytes == bytes)
    #expect(abs(Double(bytes) / Double(1 << 30) - logged) < 0.01)
    inputs.device = try DeviceCatalogue.find("h200-sxm")
    #expect(KVBudget(inputs).graphBytes == 51 * 62 * 196_608 + whole << 20)
  }

  /// What start-up logs print of the activation peak, GiB: to 1 %.
  @Test(arguments: [
    ("llama-3.1-8b", "h100-sxm", VLLMRelease(0, 11, 0), 8192, 1024, 4.76),
    ("qwen3-32b", "h100-sxm", VLLMRelease(0, 11, 0), 8192, 1024, 5.64),
    ("qwen3-next-80b-a3b", "h200-sxm", VLLMRelease(0, 10, 2), 8192, 1024, 5.58),
    ("qwen2.5-1.5b", "a10g", VLLMRelease(0, 7, 2), 4096, 256, 1.40),
    ("llama-3.1-8b", "rtx-3090", VLLMRelease(0, 6, 4), 29_000, 256, 2.99),
    ("llama-3.1-8b", "rtx-3090", VLLMRelease(0, 6, 4), 20_000, 256, 2.07),
  ])
  func activationPeaksOfLogs(
    _ model: String, _ device: String, _ release: VLLMRelease, _ tokens: Int, _ sequences: Int,
    _ gibibytes: Double
  ) throws {
    let inputs = try inputs(model, device) {
      $0.tokenBudget = tokens
      $0.engine = vllm(release, sequences: sequences)
    }
    let peak = Double(KVBudget(inputs).activationBytes) / Double(1 << 30)
    #expect(abs(peak / gibibytes - 1) < 0.01, "\(peak)")
  }

  /// 1,024 rows of Llama-3.1-8B's 128,256 logits: 38 bytes each where they are sorted, 10 where not, beside 8,192 last
  /// hidden states of 8 KiB and 32 MiB of cuBLAS.
  @Test(arguments: [
    (VLLMRelease(0, 9, 2), 38), (VLLMRelease(0, 11, 0), 38), (VLLMRelease(0, 11, 2), 38),
    (VLLMRelease(0, 12, 0), 38), (VLLMRelease(0, 16), 38), (VLLMRelease(0, 17, 1), 10),
    (VLLMRelease(0, 33), 10),
  ])
  func logitsByRelease(_ release: VLLMRelease, _ bytes: Int) throws {
    let inputs = try inputs("llama-3.1-8b", "h100-sxm") {
      $0.tokenBudget = 8192
      $0.engine = vllm(release, sequences: 1024)
    }
    let rest = 8192 * 8192 + 32 << 20
    #expect(KVBudget(inputs).activationBytes == 1024 * 128_256 * bytes + rest)
  }

  /// Two of 4,096 tokens and 8 of 128 experts of 768 columns each, beside 2,048 of the stream: rows × (max(768, 2048) +
  /// max(1536, 2048)) × 2 B; from 0.13 they stay beside the logits.
  @Test func expertsHaveAWorkspace() throws {
    func peak(_ release: VLLMRelease, _ tokens: Int) throws -> Int {
      let inputs = try inputs("qwen3-30b-a3b", "h100-sxm") {
        $0.tokenBudget = tokens
        $0.engine = vllm(release, sequences: 4)
      }
      return KVBudget(inputs).activationBytes
    }
    let workspace = 4096 * 8 * (2048 + 2048) * 2
    // Attention is wider than the experts' output: 32 heads of Q and of the result, 4 of K and of V.
    let attention = 4096 * 2 * (32 + 4) * 128 * 2
    let stream = 4096 * 3 * 2048 * 2
    #expect(try peak(.v021, 4096) == workspace + attention + stream + 32 << 20)
    // 65,536 tokens in chunks of 16,384 until 0.18.1.
    let chunked = try peak(VLLMRelease(0, 17, 1), 65_536)
    let whole = try peak(VLLMRelease(0, 18, 1), 65_536)
    #expect(whole - chunked == 12 * workspace)
  }

  /// gpt-oss-120b's experts, 2,880 columns by 2,880, are rounded up ahead of splitting and behind it.
  @Test func expertsInMXFP4ArePadded() throws {
    var model = ModelSpec(
      name: "experts", aliases: [], layers: 36, hidden: 2880, heads: 64, kvHeads: 8, headDim: 64,
      ffn: 0, vocab: 201_088, maxPositions: 131_072,
      mixture: .init(experts: 128, activeExperts: 4, ffn: 2880))
    model.stored = WeightFormat("mxfp4", .int4, bytes: 0.53125)
    func padding(_ device: String, _ tensorParallel: Int) throws -> Int {
      model.paddingBytes(tensorParallel: tensorParallel, device: try DeviceCatalogue.find(device))
    }
    let experts = 36 * 128 * 3
    #expect(
      try padding("h200-sxm", 1) == Int(Double(experts * (2944 * 3072 - 2880 * 2880)) * 0.53125))
    #expect(
      try padding("h200-sxm", 4) == Int(Double(experts * (768 * 3072 - 720 * 2880)) * 0.53125))
    #expect(
      try padding("b200", 1) == Int(Double(experts * (3072 * 3072 - 2880 * 2880)) * 0.53125))
    model.stored = .bfloat16
    #expect(try padding("h200-sxm", 1) == 0)
  }

  /// What is given counts, whatever is left; the lines still add up.
  @Test func aGivenCacheIsTaken() throws {
    let inputs = try inputs("llama-3.1-8b", "h100-sxm") {
      $0.engine = vllm(.v021)
      $0.kvBytesGiven = 20 << 30
    }
    let budget = KVBudget(inputs)
    #expect(budget.kvBytes == 20 << 30 && budget.blocks == 20 << 30 / budget.blockBytes)
    #expect(budget.lines.dropLast().reduce(0) { $0 + $1.bytes } == budget.kvBytes)
    #expect(budget.lines.contains { $0.name == "beside the given cache" })
  }

  /// Llama-3.1-70B: 80 layers and two vocabulary matrices. A stage of two has 40 layers and one.
  @Test func aStageHoldsItsLayersAndOneVocabularyMatrix() throws {
    let model = try ModelCatalogue.find("llama-3.1-70b")
    let matrix = model.vocab * model.hidden
    let layers = model.parameters() - 2 * matrix - model.hidden
    let stage = model.stage(of: 2)
    #expect(stage.layers.count == 40)
    #expect(stage.parameters() == layers / 2 + matrix + model.hidden)
    #expect(stage.kvBytesPerToken() * 2 == model.kvBytesPerToken())
    #expect(model.stage(of: 3).layers.count == 27)
    #expect(model.stage(of: 1) == model)
    // Three dense layers stand before DeepSeek-V3's experts: the second of sixteen stages is the fullest.
    let experts = try ModelCatalogue.find("deepseek-v3").stage(of: 16)
    #expect(experts.layers.runs.map(\.count) == [4])
  }

  @Test func moreStagesThanLayers() throws {
    #expect(
      message { try inputs("opt-13b", "a100-40gb", pipelineParallel: 41).check() } == """
        error: `--pipeline-parallel-size` must lie between 1 and the 40 layers of `opt-13b`, \
        found `41`
        """)
  }

  /// Each change that is named fits, and by itself.
  @Test func nearestFits() throws {
    let inputs = try inputs("llama-3.1-405b", "h100-sxm", tensorParallel: 8)
    #expect(
      KVBudget.nearestFits(inputs, tokens: 1) == [
        "--quantization fp8", "--tensor-parallel-size 16", "--pipeline-parallel-size 2",
        "--device h200-sxm",
      ])
    #expect(KVBudget.nearestFits(inputs, tokens: 1_000_000_000).isEmpty)
  }

  /// Two stages: half of the sequences and of their context, every other chunk, and one send of 10 µs
  /// and 6 tokens' hidden states.
  @Test func aPipelinePricesAMicroBatchAndItsSends() throws {
    final class Counting: IterationCostModel {
      let profile = CostProfile(name: "counting", isCalibrated: false, error: "none")
      func duration(of work: IterationWork) -> SimDuration {
        let tokens = work.batchedTokens + 100 * work.sampledSequences
        return SimDuration(nanoseconds: Int64(1000 * tokens + work.decodeContextTokens))
      }
    }
    let model = try ModelCatalogue.find("opt-13b")
    let device = try DeviceCatalogue.find("a100-40gb")
    let pipeline = PipelineCostModel(Counting(), stages: 2, model: model, device: device)
    var work = IterationWork()
    work.decodeSequences = 3
    work.decodeContextTokens = 300
    work.prefillChunks = [.init(tokens: 4, contextTokens: 0), .init(tokens: 9, contextTokens: 0)]
    work.sampledSequences = 5
    // Micro-batch: 2 decodes over 200 tokens, the chunk of 4, 3 sampled rows.
    let send = 10e-6 + 6 * 2 * 5120 / 300e9
    let wanted = SimDuration(nanoseconds: 6000 + 300_000 + 200) + SimDuration(rounding: send)
    #expect(pipeline.duration(of: work) == wanted)
    #expect(pipeline.duration(of: IterationWork()) == .zero)
  }
}

extension VLLMRelease {
  /// One that counts graphs and samples unsorted.
  fileprivate static let v021 = VLLMRelease(0, 21)
}

@Suite struct VLLMReleaseTests {
  @Test func numbersAreRead() {
    #expect(VLLMRelease("0.11") == VLLMRelease(0, 11))
    #expect(VLLMRelease("0.11.2") == VLLMRelease(0, 11, 2))
    #expect(VLLMRelease("0.6.6.post1") == VLLMRelease(0, 6, 6))
    #expect(VLLMRelease("0.10.2rc1") == VLLMRelease(0, 10, 2))
    for text in ["", "0", "11", "0.x", "0.11.", "0.11.x", "v0.11", "-1.2", "0.99999", "0..1"] {
      #expect(VLLMRelease(text) == nil, "\(text)")
    }
  }

  /// Two numbers are the last release of theirs.
  @Test func theyAreOrdered() {
    let sorted: [VLLMRelease] = [
      .init(0, 6, 4), .init(0, 10, 2), .init(0, 11, 0), .init(0, 11, 2), .init(0, 11),
      .init(0, 12, 0), .init(1, 0, 0),
    ]
    #expect(sorted.shuffled().sorted() == sorted)
  }
}
