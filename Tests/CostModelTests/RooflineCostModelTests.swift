import CostModel
import SimulationKernel
import Testing

@Suite struct RooflineCostModelTests {
  static let names = [
    "opt-13b", "llama-3.1-8b", "mistral-7b", "gemma-3-4b", "mixtral-8x7b", "qwen3-30b-a3b",
    "deepseek-v2-lite",
  ]

  static func price(
    _ model: String, _ device: String, tensorParallel: Int = 1
  ) throws -> RooflineCostModel {
    let model = try ModelCatalogue.find(model)
    return try RooflineCostModel(
      model: model, device: DeviceCatalogue.find(device), tensorParallel: tensorParallel,
      blockBytes: 16 * model.kvBytesPerToken(tensorParallel: tensorParallel))
  }

  static func randomShape(_ random: inout RandomStream) -> IterationShape {
    var shape = IterationShape()
    for _ in 0..<random.below(4) {
      shape.prefillChunks.append(
        .init(tokens: 1 + random.below(4096), contextTokens: random.below(8192)))
    }
    shape.decodeSequences = random.below(300)
    shape.decodeContextTokens = shape.decodeSequences * (1 + random.below(3000))
    shape.sampledSequences = shape.decodeSequences + random.below(4)
    shape.copiedBlocks = random.below(3)
    shape.swappedInBlocks = random.below(3)
    shape.swappedOutBlocks = random.below(3)
    return shape
  }

  @Test func anEmptyIterationIsFree() throws {
    let cost = try Self.price("opt-13b", "a100-40gb")
    #expect(cost.duration(of: IterationShape()) == .zero)
  }

  @Test(arguments: names, [1, 4])
  func theBreakdownSumsToTheDuration(_ name: String, _ tensorParallel: Int) throws {
    let cost = try Self.price(name, "a100-80gb", tensorParallel: tensorParallel)
    var random = RandomStream(seed: 7, label: "breakdown \(name)")
    for _ in 0..<100 {
      let shape = Self.randomShape(&random)
      let sum = cost.breakdown(of: shape).reduce(0) { $0 + $1.seconds }
      let difference =
        SimDuration(rounding: sum).nanoseconds - cost.duration(of: shape).nanoseconds
      #expect(abs(difference) <= 1)
    }
  }

  @Test(arguments: names)
  func moreWorkNeverCostsLess(_ name: String) throws {
    let cost = try Self.price(name, "h100-sxm", tensorParallel: 2)
    var random = RandomStream(seed: 11, label: "monotone \(name)")
    for _ in 0..<200 {
      let shape = Self.randomShape(&random)
      let base = cost.duration(of: shape)
      let fields: [WritableKeyPath<IterationShape, Int>] = [
        \.decodeSequences, \.decodeContextTokens, \.sampledSequences, \.copiedBlocks,
        \.swappedInBlocks, \.swappedOutBlocks,
      ]
      for field in fields {
        var more = shape
        more[keyPath: field] += 1 + random.below(1000)
        #expect(cost.duration(of: more) >= base, "\(field) of \(shape)")
      }
      var more = shape
      more.prefillChunks.append(.init(tokens: 1, contextTokens: 0))
      #expect(cost.duration(of: more) >= base)
      for field in [\IterationShape.PrefillChunk.tokens, \.contextTokens] {
        var longer = more
        longer.prefillChunks[0][keyPath: field] += 1 + random.below(1000)
        #expect(cost.duration(of: longer) >= cost.duration(of: more))
      }
    }
  }

  @Test func theTableEndsWithoutAStep() throws {
    let cost = try Self.price("llama-3.1-8b", "h100-sxm")
    let durations = (8190...8195).map { tokens in
      var shape = IterationShape()
      shape.decodeSequences = tokens
      return cost.duration(of: shape).nanoseconds
    }
    let steps = zip(durations.dropFirst(), durations).map { $0 - $1 }
    #expect(steps.max()! - steps.min()! <= 1)
  }

  @Test func operatorsAreNamedInOrder() throws {
    let cost = try Self.price("deepseek-v2-lite", "a100-80gb")
    #expect(
      cost.breakdown(of: IterationShape()).map(\.name) == [
        "qkv projection", "attention prefill", "attention decode", "output projection", "mlp up",
        "mlp down", "router", "experts up", "experts down", "shared experts up",
        "shared experts down", "norms and activations", "all-reduce", "lm head", "block copies",
        "swap in", "swap out",
      ])
  }

  @Test func theProfileSaysThatNothingWasMeasured() throws {
    let profile = try Self.price("opt-13b", "a100-40gb").profile
    #expect(profile.name == "roofline/a100-40gb")
    #expect(!profile.isCalibrated)
    #expect(profile.error == "uncalibrated: analytic roofline, error not measured")
  }

  @Test func aSplitThatDoesNotExistIsRefused() {
    #expect(throws: UserError.self) {
      try Self.price("opt-13b", "a100-40gb", tensorParallel: 3)
    }
  }
}
