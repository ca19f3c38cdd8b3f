import SimulationKernel
import Testing

@testable import CostModel

@Suite struct PaperEraCostModelTests {
  private func prices(_ engine: PaperEraCostModel.EngineKind, blockSize: Int = 16) throws
    -> PaperEraCostModel
  {
    try PaperEraCostModel(
      model: try ModelCatalogue.find("opt-13b"), device: try DeviceCatalogue.find("a100-40gb@2023"),
      tensorParallel: 1, blockSize: blockSize, engine: engine)
  }

  private func decode(_ sequences: Int, context: Int) -> IterationWork {
    var work = IterationWork()
    work.decodeSequences = sequences
    work.sampledSequences = sequences
    work.decodeContextTokens = sequences * context
    return work
  }

  /// Little's law on the paper's Figure 13: the batches that the host's time is inferred from.
  @Test func batchesOfFigure13TakeTheirTime() throws {
    let shareGPT = try prices(.eager).duration(of: decode(30, context: 498)).seconds
    #expect((0.042...0.046).contains(shareGPT), "\(shareGPT)")
    var alpaca = decode(132, context: 77)
    alpaca.prefillChunks = [.init(tokens: 45, contextTokens: 0)]
    let seconds = try prices(.eager).duration(of: alpaca).seconds
    #expect((0.072...0.078).contains(seconds), "\(seconds)")
  }

  /// FasterTransformer's own timings in the artifact, beam width 2 counted as two rows.
  @Test func fasterTransformerIsNearItsTimings() throws {
    func seconds(rows: Int, prompt: Int, output: Int) throws -> Double {
      let prices = try prices(.compiled)
      var first = IterationWork()
      first.prefillChunks = Array(
        repeating: .init(tokens: prompt, contextTokens: 0), count: rows)
      return (1..<output).reduce(prices.duration(of: first).seconds) {
        $0 + prices.duration(of: decode(rows, context: prompt + $1)).seconds
      }
    }
    #expect(abs(try seconds(rows: 28, prompt: 34, output: 167) / 3.449 - 1) < 0.14)
    #expect(abs(try seconds(rows: 8, prompt: 8, output: 32) / 0.695 - 1) < 0.06)
  }

  /// The paper's §7.1: 20 to 26 % at the default block.
  @Test func pagedAttentionIsSlower() throws {
    func attention(_ engine: PaperEraCostModel.EngineKind, blockSize: Int) throws -> Double {
      let prices = try prices(engine, blockSize: blockSize)
      return prices.duration(of: decode(32, context: 256)).seconds
        - prices.duration(of: decode(32, context: 0)).seconds
    }
    let contiguous = try attention(.compiled, blockSize: 16)
    #expect((1.20...1.26).contains(try attention(.eager, blockSize: 16) / contiguous))
    #expect(try attention(.eager, blockSize: 1) > 4 * contiguous)
    #expect(try attention(.eager, blockSize: 256) < 1.02 * contiguous)
  }

  @Test func anEmptyIterationIsFree() throws {
    #expect(try prices(.eager).duration(of: IterationWork()) == .zero)
  }
}
