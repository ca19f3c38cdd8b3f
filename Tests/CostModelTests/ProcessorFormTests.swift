import Messages
import SimulationKernel
import Testing

@testable import CostModel

/// A processor without a profile: rooflines that can be worked out by hand.
@Suite struct ProcessorFormTests {
  /// 100 GFLOP/s and 10 GB/s: a weight of 16 bits is read in 0.2 ns, and multiplied with a row in 0.02.
  private static let device = DeviceSpec(
    name: "my-cpu", memoryBytes: 8 << 30, architecture: .cpu, memoryBandwidth: 10e9,
    tensorRate: 100e9, multiprocessors: 1, cacheBytes: 32e6, pcieBandwidth: 10e9, tdpWatts: 100)

  private static let toy = ModelCatalogue.toys[1]

  private func price(
    _ model: ModelSpec = toy, _ change: (inout PricedDeployment) -> Void = { _ in }
  ) throws -> KernelCostModel {
    var deployment = PricedDeployment(
      model: model, device: Self.device, blockBytes: 16 * model.kvBytesPerToken(tensorParallel: 1))
    change(&deployment)
    return try KernelCostModel(deployment)
  }

  /// √(read² + multiply²) of each pass: 64 rows are one, and what is left over is one of fours, one of two and one of one;
  /// passes after the first read twice as fast.
  @Test(
    arguments: [
      [1.0], [2], [2, 1], [4], [8], [8, 2, 1], [64], [64, 4, 2, 1], [64, 64],
    ] as [[Double]])
  func rowsPassOverTheWeights(passes: [Double]) {
    let rows = passes.reduce(0, +)
    let form = ProcessorForm(DeviceLimits(Self.device))
    let weights = 1000.0 * 500
    let expected = passes.enumerated().reduce(0) { sum, pass in
      let read = weights * (pass.offset == 0 ? 0.2e-9 : 0.1e-9)
      let multiplied = weights * pass.element * 0.02e-9
      return sum + (read * read + multiplied * multiplied).squareRoot()
    }
    let found = form.product(rows, 500, 1000, .bfloat16)
    #expect(abs(found - expected) < 1e-12, "\(found) for \(expected)")
    // Kernels that reach half of the rate cost more, and less than twice, as reading takes what it takes.
    let slow = ProcessorForm(DeviceLimits(Self.device), arithmeticScale: 2)
    let slowed = slow.product(rows, 500, 1000, .bfloat16)
    #expect(found < slowed && slowed < 2 * found)
  }

  /// One query over 99 cached tokens and itself: 100 keys and values of two heads are read for four query heads, which
  /// compute at 18 % of the rate.
  @Test func attentionReadsKeysOnceForItsQueries() {
    var op = KernelOperator(kind: .decodeAttention)
    op.headDim = 50
    let form = ProcessorForm(DeviceLimits(Self.device))
    let all = ProcessorForm.Attention(op, heads: 4, kvHeads: 2, window: 0)
    let read = 2.0 * 100 * 2 * 50 * 2 / 10e9
    let computed = 4.0 * 100 * 4 * 50 / (100e9 * 0.18)
    let expected = (read * read + computed * computed).squareRoot()
    #expect(abs(form.attention(all, tokens: 1, context: 99) - expected) < 1e-15)
    let window = ProcessorForm.Attention(op, heads: 4, kvHeads: 2, window: 10)
    #expect(form.attention(window, tokens: 1, context: 99) < expected / 8)
  }

  /// What no GPU does: sixteen sequences that decode cost several times as much as one.
  @Test func batchesAreHardlyCheaper() throws {
    let cost = try price()
    #expect(!cost.profile.isCalibrated)
    #expect(
      cost.profile.error == "uncalibrated: data-sheet rates by a roofline, error not measured")
    func seconds(_ sequences: Int) -> Double {
      cost.duration(of: KernelCostModelTests.decode(sequences, context: 100)).seconds
    }
    // 21.9 M weights beside the embedding: 4.4 ms to read, and 0.44 ms to multiply with a row.
    #expect((0.0044...0.005).contains(seconds(1)), "\(seconds(1))")
    #expect((0.0083...0.0105).contains(seconds(16)), "\(seconds(16))")
    // Three rows are two passes, four are one.
    #expect(seconds(3) > 1.3 * seconds(4))
    let prompt = cost.duration(of: KernelCostModelTests.prefill(128)).seconds
    #expect((0.044...0.060).contains(prompt), "\(prompt)")
  }

  @Test func whatHasNoRooflineIsRefused() throws {
    func message(_ model: ModelSpec, _ change: (inout PricedDeployment) -> Void = { _ in })
      -> String?
    {
      #expect(throws: UserError.self) { try price(model, change) }?.message
    }
    let end = " no price on `my-cpu`, a processor"
    #expect(
      try message(ModelCatalogue.find("mixtral-8x7b"))
        == "the experts of `mixtral-8x7b` have" + end)
    #expect(message(Self.toy) { $0.tensorParallel = 2 } == "sums over 2 devices have" + end)
  }
}
