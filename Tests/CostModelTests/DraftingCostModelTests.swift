import SimulationKernel
import Testing

@testable import CostModel

/// What drafting and verifying cost.
@Suite struct DraftingCostModelTests {
  /// So many nanoseconds for each token that passes, and nothing else.
  private final class PerToken: IterationCostModel {
    let profile = CostProfile(name: "tokens", isCalibrated: false, error: "none")
    let nanoseconds: Int
    init(_ nanoseconds: Int) { self.nanoseconds = nanoseconds }
    func duration(of work: IterationWork) -> SimDuration {
      SimDuration(nanoseconds: Int64(nanoseconds * work.batchedTokens))
    }
  }

  /// Two sequences of three drafts: 8 tokens of the model; the first pass of what drafts has them too, two more have 2.
  @Test func aPassForEachDraft() throws {
    let cost = DraftingCostModel(PerToken(100), draft: PerToken(1), drafts: 3)
    var work = KernelCostModelTests.decode(2, context: 50)
    work.draftTokens = 6
    work.sampledSequences = 8
    #expect(cost.duration(of: work).nanoseconds == 800 + 8 + 2 + 2)
    // By the batch: two sequences draft one token, which takes the first pass; so does none.
    for (number, ranges) in [(1, [[1, 1, 3], [2, 2, 1]]), (0, [[1, 1, 3], [2, 2, 0]])] {
      let table = DraftingCostModel(
        PerToken(100), draft: PerToken(1), drafts: 3,
        byBatch: try DraftsByBatch(ranges, name: "ranges"))
      #expect(table.duration(of: work).nanoseconds == 800 + 8, "\(number) drafts")
    }
    // A chunk that yields nothing is read by what drafts, and no more.
    var chunk = KernelCostModelTests.prefill(64)
    chunk.sampledSequences = 0
    #expect(cost.duration(of: chunk).nanoseconds == 6400 + 64)
    #expect(cost.duration(of: IterationWork()).nanoseconds == 0)
  }

  /// A nanosecond for each token that is attended to.
  private final class PerAttended: IterationCostModel {
    let profile = CostProfile(name: "attended", isCalibrated: false, error: "none")
    func duration(of work: IterationWork) -> SimDuration {
      SimDuration(nanoseconds: Int64(work.decodeContextTokens - work.decodeSkippedTokens))
    }
  }

  /// Three passes of two sequences with 100 and 101 and 102 tokens in the mean, of which each attends to at most 100; a prompt
  /// that yields nothing is read by nobody.
  @Test func aModelDraftsForItselfOnItsBudget() {
    let cost = DraftingCostModel(PerToken(100), draft: PerAttended(), drafts: 3, budget: 100)
    var work = KernelCostModelTests.decode(2, context: 100)
    (work.draftTokens, work.sampledSequences) = (6, 8)
    #expect(cost.duration(of: work).nanoseconds == 800 + 3 * 200)
    work = KernelCostModelTests.decode(2, context: 50)
    (work.draftTokens, work.sampledSequences) = (6, 8)
    #expect(cost.duration(of: work).nanoseconds == 800 + 100 + 102 + 104)
    var chunk = KernelCostModelTests.prefill(64)
    chunk.sampledSequences = 0
    #expect(cost.duration(of: chunk).nanoseconds == 6400)
  }

  /// No weights beside the model's, and a window of the budget in each layer; none where layers are not alike.
  @Test func aModelThatDraftsForItselfHasOneSetOfWeights() throws {
    let model = try ModelCatalogue.find("llama-3.1-8b")
    let draft = try #require(DraftModel(of: model, withBudget: 512))
    #expect(draft.weightBytes(tensorParallel: 1) == 0)
    #expect(draft.shape.attendedMax == 512)
    #expect(draft.shape.kvBytesPerToken() == model.kvBytesPerToken())
    for name in ["gpt-oss-120b", "deepseek-v3"] {
      #expect(DraftModel(of: try ModelCatalogue.find(name), withBudget: 512) == nil, "\(name)")
    }
  }

  /// Ranks wait for each other behind every pass: one verifies 1 + 3 tokens, the other reads a prompt of 64.
  @Test func ranksDraftTogether() {
    let cost = DraftingCostModel(PerToken(100), draft: PerToken(1), drafts: 3)
    var verifies = KernelCostModelTests.decode(1, context: 50)
    (verifies.draftTokens, verifies.sampledSequences) = (3, 4)
    let reads = KernelCostModelTests.prefill(64)
    #expect(cost.duration(ofRanks: [verifies]) == cost.duration(of: verifies))
    #expect(cost.duration(ofRanks: [verifies, reads]).nanoseconds == 6400 + 64 + 1 + 1)
    #expect(
      cost.duration(ofRanks: [verifies, IterationWork()]).nanoseconds == 400 + 4 + 1 + 1)
  }

  /// The head of Llama-3.1-8B: QKV 25,165,824, output 16,777,216, MLP of 14,336 inner 176,160,768, and as MLP width of
  /// 6,144 the 3h × h that joins and the wider QKV, 75,497,472; three norms; 32,000 rows of the LM head.
  @Test func aHeadHasThePublishedSize() throws {
    let model = try ModelCatalogue.find("llama-3.1-8b")
    let draft = DraftModel(EAGLEHead(usualFor: model), of: model)
    let layer = 25_165_824 + 16_777_216 + 176_160_768 + 75_497_472
    #expect(
      draft.weightBytes(tensorParallel: 1) == 2 * (layer + 3 * 4096 + 32_000 * 4096))
    #expect(draft.shape.kvBytesPerToken() == 2 * 8 * 128 * 2)
    let mixture = try ModelCatalogue.find("gpt-oss-120b")
    let head = EAGLEHead(usualFor: mixture)
    #expect(head.ffn == 17_280 && head.heads == .init(query: 64, kv: 8, dim: 64))
  }

  /// A module of DeepSeek-V3 is its last layer, with the projection that joins; vocabulary and head are the model's.
  @Test func aPredictionModuleIsALayer() throws {
    let model = try ModelCatalogue.find("deepseek-v3")
    var shorter = model
    shorter.layers = model.layers[0..<60]
    let module = DraftModel(predictorOf: model)
    let layerBytes =
      model.weightBytes(tensorParallel: 1, elements: module.weights)
      - shorter.weightBytes(tensorParallel: 1, elements: module.weights)
    let joining = Double(2 * 7168 * 7168) * model.stored.bytes
    // Its own last norm, in 16 bits.
    let difference = module.weightBytes(tensorParallel: 1) - layerBytes - Int(joining)
    #expect(abs(difference) <= 2 * 7168, "\(difference)")
  }

  private func price(_ model: String, drafts: Int) throws -> KernelCostModel {
    let model = try ModelCatalogue.find(model)
    var deployment = PricedDeployment(
      model: model, device: try DeviceCatalogue.find("h100-sxm"),
      blockBytes: 16 * model.kvBytesPerToken())
    deployment.draftTokens = drafts
    return try KernelCostModel(deployment)
  }

  private func verifying(_ sequences: Int, context: Int, drafts: Int) -> IterationWork {
    var work = KernelCostModelTests.decode(sequences, context: context)
    work.draftTokens = sequences * drafts
    work.sampledSequences = sequences * (1 + drafts)
    return work
  }

  /// Dearer than a token, cheaper than one token after the other; and dearer with each draft.
  @Test(arguments: ["llama-3.1-8b", "opt-13b", "gpt-oss-120b", "deepseek-v2-lite"], [1, 32])
  func verifyingIsOneIteration(model: String, batch: Int) throws {
    let cost = try price(model, drafts: 4)
    let times = (0...4).map {
      cost.duration(of: verifying(batch, context: 4000, drafts: $0)).nanoseconds
    }
    #expect(times == times.sorted(), "\(times)")
    #expect(times[4] > times[0] && times[4] < 5 * times[0], "\(times)")
    // Without drafts in the batch, prices are those of an engine that knows none.
    #expect(
      cost.duration(of: verifying(batch, context: 4000, drafts: 0))
        == (try price(model, drafts: 0)).duration(of: verifying(batch, context: 4000, drafts: 0)))
  }

  /// At a batch of one the context is read once: eight drafts on 100,000 tokens cost less than half of a second reading.
  @Test func keysAndValuesAreReadOnce() throws {
    let cost = try price("llama-3.1-8b", drafts: 8)
    let short = cost.duration(of: verifying(1, context: 100, drafts: 8)).seconds
    let long = cost.duration(of: verifying(1, context: 100_000, drafts: 8)).seconds
    let (plainShort, plainLong) = (
      cost.duration(of: verifying(1, context: 100, drafts: 0)).seconds,
      cost.duration(of: verifying(1, context: 100_000, drafts: 0)).seconds
    )
    #expect(long - short < 1.5 * (plainLong - plainShort))
  }
}
