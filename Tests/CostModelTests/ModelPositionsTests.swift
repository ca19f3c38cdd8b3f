import Testing

@testable import CostModel

/// How long sequences may be, by vLLM's rules.
@Suite struct ModelPositionsTests {
  private let releases =
    [VLLMRelease(0, 6, 6), VLLMRelease(0, 11, 0), VLLMRelease(0, 11, 2)]
    + [VLLMRelease(0, 29, 0), VLLMRelease(0, 30, 0), VLLMRelease(0, 33)]

  private func lengths(
    _ stretch: ModelPositions.Stretch?, stated: Int = 4096
  ) -> (longest: [Int], usual: [Int]) {
    let positions = ModelPositions(stated: stated, stretch: stretch)
    return (releases.map(positions.longest), releases.map(positions.usual))
  }

  @Test func factorsStretchByKindAndRelease() {
    let plain = lengths(nil)
    #expect(Set(plain.longest + plain.usual) == [4096])
    let linear = lengths(.factor(4))
    #expect(Set(linear.longest + linear.usual) == [16384])
    let yarn = lengths(.yarn(factor: 8, original: 1024))
    #expect(yarn.longest == [8192, 8192, 8192, 8192, 4096, 4096] && yarn.usual == yarn.longest)
    let long = lengths(.longRoPE(original: 512))
    #expect(Set(long.longest) == [4096])
    #expect(long.usual == [4096, 4096, 512, 512, 512, 512])
    let unsaid = lengths(.longRoPE(original: nil))
    #expect(Set(unsaid.usual) == [4096])
  }

  @Test func whatIsStretchedIsNotStretchedAgain() {
    var gemma = ModelPositions(stated: 131_072, stretch: .factor(8))
    gemma.isStretched = true
    #expect(gemma.longest() == 131_072 && gemma.origin(in: nil) == "`max_position_embeddings`")
  }

  @Test func oneFieldHasTheLastWord() {
    let positions = ModelPositions(
      field: "model_max_length", stated: 9000, stretch: .yarn(factor: 8, original: 1024))
    #expect(positions.longest(in: releases[0]) == 9000)
    #expect(positions.usual(in: releases[0]) == 8192)
    #expect(positions.origin(in: releases[0]) == "`model_max_length`")
  }

  @Test func theCatalogueKnowsItsStretchedModels() throws {
    let phi = try ModelCatalogue.find("phi-3-mini-128k")
    #expect(phi.maxPositions == 131_072 && phi.positions.usual(in: releases[5]) == 4096)
    #expect(try ModelCatalogue.find("gemma-3-27b").positions.isStretched)
    #expect(try !ModelCatalogue.find("gemma-2-27b").positions.isStretched)
  }
}
