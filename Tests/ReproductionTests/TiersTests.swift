import Serving
import Testing

@testable import Reproduction

@Suite struct TiersTests {
  /// A second a token to compute, half of one to load; two prompts of 8 tokens of which 2 are new.
  private func batch(_ held: [Int]) -> RestoreBatch {
    RestoreBatch(
      held: held, new: 2, layers: 4,
      prices: RestorePrices(
        compute: PrefillTable(chunkTokens: 1, upTo: 100) { _ in 1 }, loadSeconds: 0.5), chunk: 1)
  }

  @Test func oneOfComputingAndLoadingIsIdle() {
    let two = batch([6, 6])
    #expect(two.firstTokens(.recompute) == [8, 16])
    // Loaded after 3 and 6 s, and two tokens each.
    #expect(two.firstTokens(.load) == [5, 8])
    // The first layer of four is computed once it is there: half a second behind the last one.
    #expect(two.firstTokens(.layered) == [3.5, 6.5])
  }

  /// The link takes 4 tokens while the stream computes 2; then the same of the second prompt, while new tokens are computed.
  @Test func frontAndEndMeet() {
    #expect(batch([6]).firstTokens(.firstFirst) == [4])
    let two = batch([6, 6]).firstTokens(.firstFirst)
    #expect(two[0] == 4 && two[1] < 8)
    #expect(batch([6, 6]).firstTokens(.mostSaved) == two)
  }

  /// Where a long prompt costs more to compute by token, the link serves it first.
  @Test func theLinkServesTheLongestFirst() {
    var prompts = batch([4, 40])
    prompts.prices.compute = PrefillTable(chunkTokens: 1, upTo: 100) { Double($0 + 1) / 10 }
    let inTurn = prompts.firstTokens(.firstFirst)
    let bySaving = prompts.firstTokens(.mostSaved)
    #expect(bySaving[0] >= inTurn[0] && bySaving[1] <= inTurn[1])
  }
}
